"""Samples with numbers to draw, and with more of everything than a page shows."""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from tests.report import samples
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

EDGES_MS = [0.0, *(0.05 * 1.2**step for step in range(48))]
EDGES = [0.0, *(10.0**power for power in range(-10, 3))]


def _counted(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[min(len(counts), bisect.bisect_right(edges, value)) - 1] += 1
    return counts


def _spread(median: float, width: float, number: int) -> list[float]:
    """Return log-normal values without a random number: the quantiles themselves."""
    quantiles = ((at + 0.5) / number for at in range(number))
    return [median * math.exp(width * math.log(q / (1 - q)) / 1.7) for q in quantiles]


def latency(median: float, requests: int = 2000) -> dict[str, Any]:
    """Return one signature's latency in the form in which SM309 measures it."""
    values = _spread(median, 0.3, requests)
    percentiles = {f"p{share}_ms": values[requests * share // 100] for share in (50, 90, 99)}
    histogram = {"edges_ms": EDGES_MS, "counts": _counted(values, EDGES_MS)}
    return {"requests": requests, **percentiles, "histogram": histogram}


def difference(median: float, values: int = 800) -> dict[str, Any]:
    """Return one output's differences in the form in which SM304 measures them."""
    found = [0.0] * (values // 4) + _spread(median, 1.1, values - values // 4)
    return {"max": found[-1], "histogram": {"edges": EDGES, "counts": _counted(found, EDGES)}}


def serving() -> Report:
    """A blessed model with a reference and a latency budget; one output differs, which is only a warning."""
    worst = Finding(
        message="it differs from the reference on 3 of 400 examples, at worst by 0.0213",
        where={
            "signature": "serve_raw",
            "output": "probabilities",
            "example": {"file": "eval-00000-of-00002.gz", "record": 117},
            "inputs": {
                "body_mass_g": [3200.0],
                "culmen_depth_mm": [18.1],
                "culmen_length_mm": [39.5],
                "flipper_length_mm": [186.0],
                "island": ["Torgersen"],
                "sex": ["FEMALE"],
            },
        },
        found="[0.912, 0.0713, 0.0167]",
        wanted="[0.9333, 0.0581, 0.0086], within atol 1e-05 + rtol 0.001",
        next="run the example shown through both, and compare their inputs first",
    )
    outputs = {"serve_raw.probabilities": difference(3e-5), "serving_default.probabilities": difference(2e-8)}
    parity = CheckResult(
        "SM304",
        "parity",
        CheckVerdict.FAIL,
        Severity.WARNING,
        title="The outputs are the reference model's.",
        findings=(worst,),
        measurements={"differences": outputs, "rtol": 0.001, "atol": 1e-5},
        seconds=3.1,
    )
    budget = CheckResult(
        "SM309",
        "latency-budget",
        CheckVerdict.PASS,
        title="A request is answered in the time that it may take.",
        measurements={"latency": {"serving_default": latency(4.1), "serve_raw": latency(0.62)}, "milliseconds": 20},
        seconds=9.3,
    )
    checks = [check for check in samples.blessed().checks if check.code != "SM304"]
    ordered = sorted([*checks, parity, budget], key=lambda check: check.code)
    return dataclasses.replace(samples.blessed(), checks=tuple(ordered))


def distrusted() -> Report:
    """A model that is not loaded for what its graph does: everything that would run it is left open."""
    finding = Finding(
        message="`WriteFile` is reached from the init op: whoever loads the model runs it",
        where={"node": "init/WriteFile", "op": "WriteFile", "roots": ["init"]},
        found="WriteFile to '/root/.ssh/authorized_keys'",
        wanted="no op that writes files",
        next="do not load this model; ask whoever made it what the op is for",
    )
    unsafe = CheckResult(
        "SM120",
        "unsafe-ops",
        CheckVerdict.FAIL,
        title="No op touches files, the network or Python beyond what a model needs.",
        findings=(finding,),
        seconds=0.01,
    )
    skipped = tuple(
        CheckResult(
            check.code, check.name, CheckVerdict.SKIP, title=check.title, reason="not run: SM120 failed", blocked=True
        )
        for check in samples.checks()
        if check.code > "SM2"
    )
    graph = tuple(check for check in samples.blessed().checks if check.code < "SM120")
    codes = tuple(check.code for check in skipped)
    return dataclasses.replace(samples.failing(), checks=(*graph, unsafe, *skipped), upstream=(), undecided_by=codes)


def hostile() -> Report:
    """The hostile sample with drawings: signatures and outputs are named by the model's author too."""
    bins = {"edges_ms": [0, 1, 2], "edges": [0, 1, 2], "counts": [1, 2]}
    drawn = {samples.HOSTILE: {"requests": 3, "p50_ms": 1, "max": 2, "histogram": bins}}
    report = samples.hostile()
    (check,) = report.checks
    measurements = {**check.measurements, "latency": drawn, "differences": drawn}
    return dataclasses.replace(report, checks=(dataclasses.replace(check, measurements=measurements),))


def crowded() -> Report:
    """More of everything than a page can show."""
    spec = {"dtype": "float32", "shape": [None, 1]}
    tensors = {f"feature_{number:04}": spec for number in range(300)}
    signature = {"method_name": "tensorflow/serving/predict", "inputs": tensors, "outputs": tensors}
    names = [f"layer_{number:04}/kernel" for number in range(500)]
    roots = [f"{kind} key_{number:03}" for kind in ("signature", "function") for number in range(120)]
    reaches = [
        {"root": root, "nodes": 12_345, "functions": 3, "variables": names, "assets": ["vocabulary"]} for root in roots
    ]
    graph = {
        "tags": ["serve"],
        "signatures": {f"key_{number:03}": signature for number in range(120)},
        "reaches": reaches,
    }
    graphs = [graph, *({"tags": [str(number)]} for number in range(11))]
    findings = tuple(Finding(f"finding number {number}", {"node": "n" * 5000}) for number in range(3000))
    check = CheckResult(
        "SM304",
        "parity",
        CheckVerdict.FAIL,
        findings=findings,
        waived=tuple(Waived(finding, "known") for finding in findings),
        measurements={"differences": {f"key.output_{number:03}": difference(1e-6) for number in range(40)}},
    )
    upstream = tuple(Upstream(f"/blessing/{number}", "InfraBlessing", True) for number in range(90))
    return Report(
        verdict=Verdict.NOT_BLESSED,
        model={**samples.model(), "uri": "/models/" + "deep/" * 2000, "meta_graphs": graphs},
        policy="default",
        checks=(check,),
        upstream=upstream,
    )
