"""SM204 to SM206 with real loaders: models on which they agree, on which they cannot, and which vary by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.operations.validate import Report, validate
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.validation.check import LoadObservation
from tfx_savedmodel.validation.loading.observe import LoaderHost
from tfx_savedmodel.validation.policy import Limits, Policy
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def host() -> Iterator[LoaderHost]:
    with LoaderHost() as running:
        yield running


def save(directory: Path, serve: Any, *specs: Any) -> Path:
    """Save a TF2 model with one signature; `serve(tf, *inputs)` gives its outputs by name."""
    import tensorflow as tf

    class Served(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec(*spec) for spec in specs])
        def serve(self, *inputs: Any) -> Any:
            return serve(tf, *inputs)

    module = Served()
    tf.saved_model.save(module, str(directory), signatures=module.serve)
    return directory


def checks(model: Path, host: LoaderHost, select: list[str], **policy: Any) -> dict[str, CheckResult]:
    limits = Limits(seconds=120.0, run_seconds=60.0)
    report: Report = validate(model, host=host, select=select, policy=Policy(limits=limits, **policy))
    return {check.code: check for check in report.checks}


def test_loaders_agree_on_numbers_and_strings(host: LoaderHost, tmp_path: Path) -> None:
    def serve(tf: Any, x: Any, words: Any) -> Any:
        return {
            "y": tf.nn.softmax(x @ tf.constant([[1.0, 2.0], [3.0, 4.0]])),
            "half": tf.cast(x, tf.bfloat16) / 3,
            "upper": tf.strings.upper(words),
            "ragged": tf.strings.length(words),
        }

    model = save(tmp_path / "m", serve, ([None, 2], "float32", "x"), ([None], "string", "words"))
    results = checks(model, host, ["SM2"], parameters={"SM206": {"seconds": 100.0, "peak_bytes": 1 << 33}})
    assert {code: result.verdict for code, result in results.items()} == {
        f"SM20{number}": CheckVerdict.PASS for number in range(1, 7)
    }
    assert results["SM205"].measurements["compared"] == 4 * 2 * 2  # outputs, batches with rows, pairs of loaders
    assert results["SM204"].measurements["loaders"] == ["native", "tf1", "tf2"]
    loads = results["SM206"].measurements["loads"]
    assert sorted(loads) == ["native", "tf1", "tf2"]
    assert all(load["seconds"] > 0 and load["peak_bytes"] > 0 for load in loads.values())


def test_a_signature_that_was_edited_apart_from_the_object_graph_disagrees(host: LoaderHost, tmp_path: Path) -> None:
    """Servers follow the MetaGraph's signature to another tensor than TF2's function."""
    model = save(tmp_path / "m", lambda tf, x: {"a": x * 2.0, "b": x * 3.0}, ([None], "float32", "x"))
    file = model / "saved_model.pb"
    proto = protos.saved_model_pb2().SavedModel.FromString(file.read_bytes())
    outputs = proto.meta_graphs[0].signature_def["serving_default"].outputs
    outputs["a"].name, outputs["b"].name = outputs["b"].name, outputs["a"].name
    file.write_bytes(proto.SerializeToString())
    results = checks(model, host, ["SM202", "SM204", "SM205"])
    assert [results[code].verdict for code in ("SM202", "SM204")] == [CheckVerdict.PASS] * 2
    findings = results["SM205"].findings
    assert {(finding.where["output"], finding.where["loaders"]) for finding in findings} == {
        ("a", "native, tf2"),
        ("b", "native, tf2"),
    }
    assert {finding.where["batch"] for finding in findings} == {1, 3}


def noise(tf: Any, x: Any, seeds: tuple[int, int]) -> Any:
    # The raw op: other seeds would come from the process, which an earlier test may have seeded.
    return tf.raw_ops.RandomStandardNormal(shape=tf.shape(x), dtype=tf.float32, seed=seeds[0], seed2=seeds[1])


def test_a_random_signature_is_no_disagreement(host: LoaderHost, tmp_path: Path) -> None:
    def serve(tf: Any, x: Any) -> Any:
        return {"noise": x + 1e9 * noise(tf, x, (0, 0)), "same": x + 1.0}

    results = checks(save(tmp_path / "m", serve, ([None], "float32", "x")), host, ["SM205"])
    assert results["SM205"].verdict is CheckVerdict.PASS, results["SM205"].findings
    assert results["SM205"].measurements["varies_by_itself"] == ["serving_default.noise"]

    wholly = save(tmp_path / "n", lambda tf, x: {"noise": noise(tf, x, (0, 0))}, ([None], "float32", "x"))
    result = checks(wholly, host, ["SM205"])["SM205"]
    assert (result.verdict, result.reason) == (
        CheckVerdict.SKIP,
        "answered otherwise each time, in one loader too: serving_default.noise",
    )


def test_a_seeded_signature_gives_the_same_first_answers_in_every_loader(host: LoaderHost, tmp_path: Path) -> None:
    model = save(tmp_path / "m", lambda tf, x: {"noise": noise(tf, x, (1, 2))}, ([None], "float32", "x"))
    result = checks(model, host, ["SM205"])["SM205"]
    assert (result.verdict, result.measurements["varies_by_itself"]) == (CheckVerdict.PASS, [])


def test_one_load_serves_all_checks_of_a_loader(
    host: LoaderHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    observe = host.observe

    def counted(loader: str, *args: Any, **kwargs: Any) -> LoadObservation:
        asked.append((loader, kwargs["runs"], kwargs["keep_answers"]))
        return observe(loader, *args, **kwargs)

    monkeypatch.setattr(host, "observe", counted)
    model = save(tmp_path / "m", lambda tf, x: {"y": x}, ([None], "float32", "x"))
    checks(model, host, ["SM204"])
    assert asked == [("native", True, False)]  # the first that loads will do
    asked.clear()
    checks(model, host, ["SM2"])
    assert asked == [(loader, True, True) for loader in ("native", "tf1", "tf2")]


def test_a_budget_that_is_too_small_is_told(host: LoaderHost, tmp_path: Path) -> None:
    model = save(tmp_path / "m", lambda tf, x: {"y": x}, ([None], "float32", "x"))
    result = checks(model, host, ["SM206"], parameters={"SM206": {"peak_bytes": 1}})["SM206"]
    assert [finding.where["loader"] for finding in result.findings] == ["native", "tf1", "tf2"]
