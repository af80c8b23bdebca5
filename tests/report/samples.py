"""Reports made by hand, as real as the tests of the report need them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.validation.result import (
    CheckResult,
    CheckVerdict,
    Finding,
    Report,
    Severity,
    Upstream,
    Verdict,
    Waived,
)

HOSTILE = "<script>alert(1)</script>\"'\x1b[31m\u202e{{ 7*7 }}"

PAGES: Mapping[str, Mapping[str, str]] = {
    "SM103": {
        "title": "The signatures that serving needs are there.",
        "what": "Every required signature is looked up in the MetaGraph that will be served.",
        "why": "A server answers a request for it with NOT_FOUND, after deployment.",
        "remedy": "Add it to the plan of SignatureExporter.",
    },
    "SM302": {
        "title": "Every output is finite.",
        "what": "",
        "why": "A client that ranks or thresholds on it gets an arbitrary answer, and no error says so.",
        "remedy": "Look for a diverged training run, a division by zero in preprocessing, or a missing imputation.",
    },
}


def _raw_inputs() -> dict[str, Any]:
    floats = ("body_mass_g", "culmen_depth_mm", "culmen_length_mm", "flipper_length_mm")
    inputs = {name: {"dtype": "float32", "shape": [None, 1]} for name in floats}
    return inputs | {name: {"dtype": "string", "shape": [None, 1]} for name in ("island", "sex")}


def model() -> dict[str, Any]:
    probabilities = {"probabilities": {"dtype": "float32", "shape": [None, 3]}}
    examples = {"examples": {"dtype": "string", "shape": [None]}}
    encoded = {"features": {"dtype": "float32", "shape": [None, 9]}}
    predict = "tensorflow/serving/predict"
    signatures = {
        "serving_default": {"method_name": predict, "inputs": examples, "outputs": probabilities},
        "serve_raw": {"method_name": predict, "inputs": _raw_inputs(), "outputs": probabilities},
        "xai_preprocess": {"method_name": predict, "inputs": _raw_inputs(), "outputs": encoded},
        "xai_model": {"method_name": predict, "inputs": encoded, "outputs": probabilities},
    }
    return {
        "uri": "/pipelines/penguin/SignatureExporter/exported_model/7/Format-Serving",
        "fingerprint": "8f1c0a96d2b74e35",
        "tensorflow_version": "2.15.1",
        "sizes": {"graph": 214_302, "variables": 18_944, "assets": 61, "total": 233_307},
        "meta_graphs": [{"tags": ["serve"], "signatures": signatures, "reaches": _reaches()}],
    }


def _reaches() -> list[dict[str, Any]]:
    kernels = [f"dense{number}/{name}" for number in ("", "_1", "_2") for name in ("bias", "kernel")]
    everything = sorted([*kernels, "Adam/iter", "Adam/learning_rate", "count"])

    def root(name: str, nodes: int, functions: int, variables: list[str], assets: list[str]) -> dict[str, Any]:
        return {"root": name, "nodes": nodes, "functions": functions, "variables": variables, "assets": assets}

    vocabularies = ["island_vocabulary", "sex_vocabulary"]
    return [
        root("init", 9, 1, [], vocabularies),
        root("signature serve_raw", 188, 6, kernels, vocabularies),
        root("signature serving_default", 214, 7, kernels, vocabularies),
        root("signature xai_model", 41, 3, kernels, []),
        root("signature xai_preprocess", 149, 4, [], vocabularies),
        root("save", 38, 1, everything, []),
        root("restore", 30, 1, everything, []),
        root("function __inference__wrapped_model_1021", 41, 2, kernels, []),
        root("function __inference_transform_features_412", 149, 4, [], vocabularies),
    ]


def _finite_outputs() -> CheckResult:
    finding = Finding(
        message="probabilities holds NaN for 68 of 68 examples",
        where={
            "signature": "serving_default",
            "output": "probabilities",
            "example": {"file": "eval-00000", "record": 0},
        },
        found="[nan, nan, nan]",
        wanted="finite numbers",
        next="look at the training run: the weights themselves are NaN (dense/kernel, dense/bias)",
    )
    other = dataclasses.replace(finding, where={**finding.where, "signature": "serve_raw"}, next="")
    spread = {"minimum": math.nan, "mean": math.nan, "maximum": math.inf, "not_finite": 204, "values": 204}
    outputs = {
        "serving_default": {"probabilities": spread},
        "serve_raw": {"probabilities": spread},
        "xai_preprocess": {
            "features": {"minimum": -2.1347, "mean": 0.0412345, "maximum": 3.01, "not_finite": 0, "values": 612}
        },
    }
    return CheckResult(
        code="SM302",
        name="finite-outputs",
        title="Every output is finite.",
        verdict=CheckVerdict.FAIL,
        findings=(finding, other),
        measurements={"examples": 68, "batches": 2, "outputs": outputs},
        seconds=1.92,
    )


def _passed(code: str, name: str, title: str, seconds: float, **measurements: Any) -> CheckResult:
    return CheckResult(
        code=code,
        name=name,
        title=title,
        verdict=CheckVerdict.PASS,
        seconds=seconds,
        measurements=measurements,
    )


def checks() -> tuple[CheckResult, ...]:
    waived = Finding(
        message="ReadFile is reached from a signature",
        where={"function": "__inference_transform_412", "node": "ReadFile", "op": "ReadFile"},
        found="ReadFile of an asset",
        wanted="no op that reads files",
        next="keep the vocabulary in a table",
    )
    near_miss = Finding(
        message="a signature is named almost like xai_model",
        where={"signature": "xai-model"},
        found="xai-model",
        wanted="xai_model",
        next="rename it in the plan",
    )
    timing = {"seconds": 0.41, "peak_bytes": 412_000_000, "signatures": 4}
    return (
        _passed("SM101", "structure", "The files of the SavedModel are whole and belong together.", 0.004, files=7),
        _passed("SM102", "tags", "There is one MetaGraph with the wanted tags.", 0.0001),
        _passed("SM103", "required-signatures", PAGES["SM103"]["title"], 0.0001, required=["serving_default"]),
        _passed(
            "SM104", "signature-definitions", "Each signature says of its tensors what the graph says of them.", 0.002
        ),
        CheckResult(
            "SM105",
            "contract",
            CheckVerdict.SKIP,
            title="The signatures are those of the plan.",
            reason="no plan was given and the model carries no contract",
        ),
        CheckResult(
            "SM107",
            "explanation-contract",
            CheckVerdict.FAIL,
            Severity.WARNING,
            title="The explanation signatures fit together.",
            findings=(near_miss,),
            seconds=0.0004,
        ),
        dataclasses.replace(
            _passed(
                "SM120",
                "unsafe-ops",
                "No op touches files, the network or Python beyond what a model needs.",
                0.011,
                ops=412,
            ),
            waived=(Waived(waived, "the vocabulary is ours and reviewed"),),
        ),
        _passed(
            "SM201", "native-load", "TensorFlow's C++ loader loads and initialises the model.", 0.52, native=timing
        ),
        _passed(
            "SM202",
            "tf2-load",
            "`tf.saved_model.load` loads the model and finds its signatures.",
            6.71,
            tf2={**timing, "seconds": 5.9},
        ),
        _passed("SM203", "tf1-load", "A TF1 session loads the model.", 5.80),
        _passed("SM204", "synthetic-run", "Every signature runs on inputs made from its declaration.", 1.3, runs=12),
        _passed("SM301", "runs-on-examples", "Every signature runs on the examples.", 2.10, examples=68, refused={}),
        _finite_outputs(),
        _passed("SM303", "output-specs", "Every output is what the signature declares.", 1.10),
        CheckResult(
            "SM304",
            "parity",
            CheckVerdict.SKIP,
            title="The outputs are the reference model's.",
            reason="no reference model was given",
        ),
        _passed(
            "SM305",
            "explanation-chain",
            "Preprocessing and model, one after the other, answer like serving_default.",
            1.4,
            worst=3.2e-8,
        ),
    )


def failing() -> Report:
    """A model whose weights are NaN: one failure, a warning, a waiver, skips, an upstream blessing."""
    return Report(
        verdict=Verdict.NOT_BLESSED,
        model=model(),
        policy="default",
        checks=checks(),
        upstream=(Upstream("/pipelines/penguin/SavedModelValidator.estimator/blessing/9", "InfraBlessing", True),),
        seconds=24.31,
        spent={"inputs": 0.4, "libraries": 11.2, "graph": 0.02, "loads": 6.19, "examples": 6.1, "rest": 0.4},
        created="2025-03-04T10:31:02Z",
        tool_version="0.1.0",
        notes=("the waiver of SM113 matched nothing: take it out of the policy, or mend its `where`",),
    )


def blessed() -> Report:
    """The same model in good health: every check that is left passed."""
    passed = tuple(check for check in checks() if check.verdict is CheckVerdict.PASS)
    return dataclasses.replace(failing(), verdict=Verdict.BLESSED, checks=passed)


def undecided() -> Report:
    """A machine that ran out of memory."""
    broken = CheckResult(
        "SM202",
        "tf2-load",
        CheckVerdict.ERROR,
        title="`tf.saved_model.load` loads the model and finds its signatures.",
        reason="MemoryError: cannot allocate 2.1 GB\n  in the loader's process",
        seconds=3.0,
    )
    rest = tuple(check for check in blessed().checks if check.code < "SM201")
    checks = (*rest, broken)
    return dataclasses.replace(
        blessed(), verdict=Verdict.UNDECIDED, checks=checks, upstream=(), undecided_by=(broken.code,)
    )


def hostile() -> Report:
    """Every text that a model's author or a path could bring is an attack."""
    inputs = {f"{number}{HOSTILE}": [HOSTILE] for number in range(5)}
    where = {HOSTILE: HOSTILE, "example": {HOSTILE: [HOSTILE]}, "inputs": inputs}
    finding = Finding(HOSTILE, where, HOSTILE, HOSTILE, HOSTILE)
    roots = (HOSTILE, f"signature {HOSTILE}", f"function {HOSTILE}", "restore")
    reaches = [{"root": root, "nodes": 1, "functions": 1, "variables": [root], "assets": [HOSTILE]} for root in roots]
    check = CheckResult(
        HOSTILE,
        HOSTILE,
        CheckVerdict.FAIL,
        title=HOSTILE,
        reason=HOSTILE,
        findings=(finding,),
        waived=(Waived(finding, HOSTILE),),
        measurements={HOSTILE: HOSTILE, "n": {HOSTILE: {HOSTILE: [HOSTILE]}}},
    )
    spec = {HOSTILE: {"dtype": HOSTILE, "shape": None}}
    signature = {"method_name": HOSTILE, "inputs": spec, "outputs": spec}
    return Report(
        verdict=Verdict.NOT_BLESSED,
        model={
            "uri": HOSTILE,
            "fingerprint": HOSTILE,
            "tensorflow_version": HOSTILE,
            "meta_graphs": [{"tags": [HOSTILE], "signatures": {HOSTILE: signature}, "reaches": reaches}],
        },
        policy=HOSTILE,
        checks=(check,),
        upstream=(Upstream(HOSTILE, HOSTILE, False),),
        created=HOSTILE,
        tool_version=HOSTILE,
        notes=(HOSTILE,),
    )
