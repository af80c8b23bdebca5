"""Gradients of real models, of TF2 and TF1, and the checks that use them and run examples again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.beam.models import good_rows, write_rows
from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, worker_settings
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.running.shard_run import run_shard
from tfx_savedmodel.beam.running.tally import judge
from tfx_savedmodel.beam.running.worker import LoadedModel, Worker
from tfx_savedmodel.validation.checks.attributions import Attributions
from tfx_savedmodel.validation.checks.batch_invariance import BatchInvariance
from tfx_savedmodel.validation.checks.determinism import Determinism
from tfx_savedmodel.validation.checks.latency_budget import LatencyBudget
from tfx_savedmodel.validation.result import CheckResult

pytestmark = pytest.mark.tf

CHECKS = (Attributions(), BatchInvariance(), Determinism(), LatencyBudget(milliseconds=60_000.0, requests=3))


def _run(model: str, file: str, checks: Any = CHECKS) -> dict[str, CheckResult]:
    request = ExampleCheckRequest(model, (file,), checks, batch_size=16)
    tally = run_shard(Worker(worker_settings(request)), Shard(file))
    return {result.code: result for result in judge(request.checks, tally)}


def _loaded(model: str, file: str) -> LoadedModel:
    loaded = Worker(worker_settings(ExampleCheckRequest(model, (file,), CHECKS))).model
    assert loaded is not None
    return loaded


def _save(directory: Path, function: Any, spec: Any, key: str = "xai_model", module: Any = None) -> str:
    import tensorflow as tf

    module = module or tf.Module()
    module.signature = tf.function(function, input_signature=spec)
    tf.saved_model.save(module, str(directory), signatures={key: module.signature})
    return str(directory)


def test_a_sound_model_passes_all_of_them(scorer: str, good_file: str) -> None:
    results = _run(scorer, good_file)
    assert {code: result.verdict.value for code, result in results.items()} == dict.fromkeys(
        ("SM306", "SM307", "SM308", "SM309"), "PASS"
    )
    assert results["SM306"].measurements["gradients"].keys() == {"x_xf", "n_xf"}
    assert results["SM306"].measurements["completeness"]["examples"] == 4
    assert results["SM309"].measurements["latency"]["xai_model"]["requests"] == 3


def test_gradients_are_those_of_the_formula(scorer: str, good_file: str) -> None:
    x, n = np.array([[0.5], [2.0]], np.float32), np.array([[1.0], [-1.0]], np.float32)
    found = _loaded(scorer, good_file).differentiator.gradients(
        "xai_model", "probabilities", {"x_xf": x, "n_xf": n}, ("x_xf", "n_xf")
    )
    p = 1 / (1 + np.exp(-(0.5 * x + n)))
    np.testing.assert_allclose(found.values, p[:, 0], rtol=1e-5)
    np.testing.assert_allclose(found.by["x_xf"], 0.5 * p * (1 - p), rtol=1e-5)
    np.testing.assert_allclose(found.by["n_xf"], p * (1 - p), rtol=1e-5)


def test_the_class_of_the_largest_answer_is_followed(tmp_path: Path, good_file: str) -> None:
    import tensorflow as tf

    spec = [tf.TensorSpec([None, 1], tf.float32, "x")]
    model = _save(tmp_path / "m", lambda x: {"y": tf.concat([x, 3.0 - x, 0.0 * x], axis=1)}, spec)
    differentiator = _loaded(model, good_file).differentiator
    x = np.array([[2.0], [1.0]], np.float32)
    found = differentiator.gradients("xai_model", "y", {"x": x}, ("x",))
    assert found.targets.tolist() == [0, 1] and found.by["x"].tolist() == [[1.0], [-1.0]]  # type: ignore[union-attr]
    found = differentiator.gradients("xai_model", "y", {"x": x}, ("x",), np.array([1, 0]))
    assert found.values.tolist() == [1.0, 1.0] and found.by["x"].tolist() == [[-1.0], [1.0]]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rounded", "no gradient leads from the explained output to it"),
        ("root", "its gradient is not finite for 1 of 4 examples"),
        ("stepped", "integrated gradients do not add up for 3 of 4 examples"),
    ],
)
def test_what_attributions_cannot_be_made_of(tmp_path: Path, name: str, message: str) -> None:
    import tensorflow as tf

    functions = {
        "rounded": lambda x: {"y": tf.round(x)},
        "root": lambda x: {"y": tf.sqrt(x)},
        "stepped": lambda x: {"y": tf.cast(x > 0.01, tf.float32) + 0.01 * x},
    }
    model = _save(tmp_path / name, functions[name], [tf.TensorSpec([None, 1], tf.float32, "x")])
    file = write_rows(tmp_path / "rows", good_rows(4))
    result = _run(model, file, (Attributions(),))["SM306"]
    assert [finding.message for finding in result.findings] == [message]


def test_a_fixed_batch_size_is_met_by_gradients_too(tmp_path: Path, good_file: str) -> None:
    import tensorflow as tf

    model = _save(tmp_path / "m", lambda x: {"y": x * x}, [tf.TensorSpec([3, 1], tf.float32, "x")])
    x = np.arange(5, dtype=np.float32)[:, None]
    found = _loaded(model, good_file).differentiator.gradients("xai_model", "y", {"x": x}, ("x",))
    assert found.by["x"].tolist() == (2 * x).tolist()  # type: ignore[union-attr]


def _save_tf1(directory: Path) -> str:
    """Save a TF1 model of a word and a number, whose word is embedded in `embedded:0`."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        word = v1.placeholder(tf.string, [None, 1], "word")
        x = v1.placeholder(tf.float32, [None, 1], "x")
        table = v1.get_variable(
            "table", initializer=tf.constant([[0.5, 1.0], [2.0, -1.0], [0.0, 3.0]]), use_resource=False
        )
        rows = tf.strings.to_hash_bucket_fast(word[:, 0], 3)
        embedded = tf.identity(tf.gather(table, rows), "embedded")
        y = tf.identity(tf.reduce_sum(embedded**2, axis=1, keepdims=True) * x, "y")
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(directory))
        signature = v1.saved_model.predict_signature_def({"word": word, "x": x}, {"y": y})
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    (directory / "explanation_metadata.json").write_text(
        '{"inputs": {"word": {"input_tensor_name": "word:0", "encoded_tensor_name": "embedded:0"},'
        ' "x": {"input_tensor_name": "x:0", "input_baselines": [[1.0]]}},'
        ' "outputs": {"y": {"output_tensor_name": "y:0"}}}',
        encoding="utf-8",
    )
    return str(directory)


def test_a_tf1_model_is_differentiated_by_its_encoded_tensor(tmp_path: Path) -> None:
    model = _save_tf1(tmp_path / "tf1")
    file = write_rows(tmp_path / "rows", [{"word": b"abc"[n % 3 :], "x": n / 3.0 + 2.0} for n in range(9)])
    result = _run(model, file, (Attributions(),))["SM306"]
    assert result.findings == () and result.verdict.value == "PASS", result.reason
    assert result.measurements["gradients"].keys() == {"embedded:0", "x"}
    at = {
        "word": np.array([[b"a"]], object),
        "x": np.array([[2.0]], np.float32),
        "embedded:0": np.array([[3.0, 4.0]], np.float32),
    }
    loaded = _loaded(model, file)
    found = loaded.differentiator.gradients("serving_default", "y", at, ("embedded:0", "x"))
    assert found.values.tolist() == [50.0]
    assert found.by["embedded:0"].tolist() == [[12.0, 16.0]]  # type: ignore[union-attr]
    assert found.by["x"].tolist() == [[25.0]]  # type: ignore[union-attr]


def test_normalisation_by_the_batch_and_random_noise_are_found(tmp_path: Path, good_file: str) -> None:
    import tensorflow as tf

    spec = [tf.TensorSpec([None, 1], tf.float32, "x")]
    checks = (BatchInvariance(), Determinism())
    model = _save(tmp_path / "mean", lambda x: {"y": x - tf.reduce_mean(x)}, spec, "serving_default")
    results = _run(model, good_file, checks)
    assert [results[code].verdict.value for code in ("SM307", "SM308")] == ["FAIL", "PASS"]
    assert results["SM307"].findings[0].where["example"].startswith("n=")
    model = _save(tmp_path / "noise", lambda x: {"y": x + tf.random.normal(tf.shape(x))}, spec, "serving_default")
    results = _run(model, good_file, checks)
    assert results["SM308"].verdict.value == "FAIL"
    assert "RandomStandardNormal in node" in results["SM308"].findings[0].next


def test_the_worst_example_of_parity_can_be_read(scorer: str, other_scorer: str, tmp_path: Path) -> None:
    from tfx_savedmodel.validation.checks.parity import Parity

    file = write_rows(tmp_path / "rows", [{"x": 1.5, "n": 3, "word": [b"w" * 100, b"b"]}])
    request = ExampleCheckRequest(scorer, (file,), (Parity(),), reference=other_scorer)
    tally = run_shard(Worker(worker_settings(request)), Shard(file))
    (result,) = judge(request.checks, tally)
    assert result.findings[0].where["example"] == f"n=3, word=['{'w' * 40}', 'b'], x=1.5"
    assert result.measurements["differences"]["serve_raw.probabilities"]["max"] > 0.01
