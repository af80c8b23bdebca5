"""Exports of each plan kind, loaded in TF1, TF2 and the C++ loader, with the same numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.operations.models import example, output_name, save_keras, save_module, save_over_examples
from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.errors import (
    DestinationError,
    PlanError,
    TransformGraphError,
    UnreadableModelError,
    UnsafeModelError,
)
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.saved_model.native import load_natively
from tfx_savedmodel.saved_model.session import ServingSession

pytestmark = pytest.mark.tf

PLAN: dict[str, Any] = {
    "serving_default": {"kind": "serve_examples"},
    "serve_raw": {"kind": "serve_features"},
    "xai_preprocess": {"kind": "preprocess"},
    "xai_model": {"kind": "model"},
    "again": {"kind": "alias", "of": "serving_default", "method_name": "tensorflow/serving/classify"},
}
FEATURES = {
    "bill": np.array([[0.5], [-1.0]], dtype=np.float32),
    "island": np.array([[1, 0, 0], [0, 0, 1]], dtype=np.float32),
}
EXAMPLES = [{"bill": [0.5], "island": [1.0, 0.0, 0.0]}, {"bill": [-1.0], "island": [0.0, 0.0, 1.0]}]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_keras(tmp_path_factory.mktemp("keras") / "model")


@pytest.fixture(scope="module")
def exported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("exported") / "model"
    plan = {**PLAN, "renamed": {"kind": "model", "inputs": {"b": "bill"}, "outputs": {"p": output_name()}}}
    result = export(model, directory, plan=plan)
    assert (result.path, result.builder) == (directory, "trace")
    assert result.signatures == tuple(sorted(plan))
    return directory


@pytest.fixture(scope="module")
def expected(model: Path) -> np.ndarray[Any, Any]:
    with ServingSession(model) as session:
        return session.run("serving_default", FEATURES)[output_name()]


def test_has_exactly_the_planned_signatures(exported: Path) -> None:
    signatures = inspect(exported)["meta_graphs"][0]["signatures"]
    assert sorted(signatures) == ["again", "renamed", "serve_raw", "serving_default", "xai_model", "xai_preprocess"]
    assert signatures["serving_default"]["inputs"] == {"examples": {"dtype": "string", "shape": [None]}}
    assert signatures["again"] == {**signatures["serving_default"], "method_name": "tensorflow/serving/classify"}
    assert sorted(signatures["renamed"]["inputs"]) == ["b", "island"]
    assert signatures["renamed"]["outputs"] == {"p": {"dtype": "float32", "shape": [None, 3]}}
    assert signatures["xai_preprocess"]["outputs"] == signatures["xai_model"]["inputs"]


def test_gives_the_same_numbers_in_every_form(exported: Path, expected: np.ndarray[Any, Any]) -> None:
    import tensorflow as tf

    serialized = np.array([example(**row) for row in EXAMPLES], dtype=object)
    name = output_name()
    with ServingSession(exported) as session:
        np.testing.assert_array_equal(session.run("xai_model", FEATURES)[name], expected)
        np.testing.assert_array_equal(session.run("serve_raw", FEATURES)[name], expected)
        np.testing.assert_array_equal(session.run("serving_default", {"examples": serialized})[name], expected)
        np.testing.assert_array_equal(session.run("again", {"examples": serialized})[name], expected)
        prepared = session.run("xai_preprocess", FEATURES)
        np.testing.assert_array_equal(session.run("xai_model", prepared)[name], expected)
        renamed = session.run("renamed", {"b": FEATURES["bill"], "island": FEATURES["island"]})
        np.testing.assert_array_equal(renamed["p"], expected)
    loaded = tf.saved_model.load(str(exported))
    inputs = {key: tf.constant(value) for key, value in FEATURES.items()}
    np.testing.assert_array_equal(loaded.signatures["xai_model"](**inputs)[name], expected)
    load_natively(exported, ["serve"])


def test_gradients_reach_the_inputs_of_xai_model(exported: Path) -> None:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(exported))  # kept: it holds the variables
    function = loaded.signatures["xai_model"]
    inputs = {key: tf.constant(value) for key, value in FEATURES.items()}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        explained = function(**inputs)[output_name()][:, 0]
    gradients = tape.gradient(explained, inputs)
    assert all(np.abs(gradient.numpy()).max() > 0 for gradient in gradients.values())


def test_the_model_carries_its_contract(exported: Path) -> None:
    contract = json.loads((exported / "assets.extra" / "tfx_savedmodel.json").read_text(encoding="utf-8"))
    assert contract["builder"] == "trace"
    assert contract["signatures"]["serve_raw"]["inputs"]["bill"] == {
        "dtype": "float32",
        "missing": None,
        "shape": [None, 1],
    }


def test_keeps_what_the_source_carried(tmp_path: Path) -> None:
    import tensorflow as tf

    source = save_module(tmp_path / "source")
    (source / "assets.extra").mkdir()
    (source / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"warm")
    plan = {"signatures": {"serving_default": {"kind": "alias", "of": "look_up"}, "traced": {"kind": "model"}}}
    result = export(source, tmp_path / "out", plan={**plan, "keep": ["look_up"]})
    assert result.signatures == ("look_up", "serving_default", "traced")
    assert result.builder == "trace"
    assert (tmp_path / "out" / "assets.extra" / "tf_serving_warmup_requests").read_bytes() == b"warm"
    words = np.array([[b"green"], [b"blue"]], dtype=object)
    with ServingSession(tmp_path / "out") as session:
        for key in result.signatures:
            assert session.run(key, {"word": words})["index"].tolist() == [[1], [-1]]
    loaded = tf.saved_model.load(str(tmp_path / "out"))
    assert float(loaded.double(tf.constant(3.0))) == 6.0
    assert float(loaded.scale) == 2.0


def test_finds_the_model_behind_a_signature_over_examples(tmp_path: Path) -> None:
    if output_name() != "probabilities":
        pytest.skip("Keras 3 saves no SavedModel with a Keras call; its exports have tensors as inputs")
    source = save_over_examples(tmp_path / "source")
    export(source, tmp_path / "out", plan={"signatures": {"xai_model": {"kind": "model"}}, "keep": "all"})
    serialized = np.array([example(**row) for row in EXAMPLES], dtype=object)
    with ServingSession(tmp_path / "out") as session:
        examples = session.run("serving_default", {"examples": serialized})["outputs"]
        tensors = session.run("xai_model", FEATURES)["probabilities"]
    np.testing.assert_array_equal(tensors, examples)


def test_every_mistake_before_any_work(model: Path, tmp_path: Path) -> None:
    wrong = {
        "keep": ["absent"],
        "signatures": {
            "a": {"kind": "model", "outputs": {"p": "no_such_output"}},
            "b": {"kind": "alias", "of": "nowhere"},
            "c": {"kind": "alias", "of": "d"},
            "d": {"kind": "alias", "of": "c"},
            "e": {"kind": "preprocess", "of": "b"},
            "f": {"kind": "serve_features", "inputs": {"x": "no_such_feature"}},
        },
    }
    with pytest.raises(PlanError) as caught:
        export(model, tmp_path / "out", plan=wrong)
    places = {problem.where for problem in caught.value.problems}
    assert {"keep", "signatures.a.outputs.p", "signatures.b.of", "signatures.e.of", "signatures.f.inputs.x"} <= places
    assert any("circle" in problem.message for problem in caught.value.problems)
    assert list(tmp_path.iterdir()) == []


def test_bad_input_is_refused_and_leaves_nothing(model: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    with pytest.raises(UnreadableModelError, match="no trained model here"):
        export(tmp_path, target, plan=PLAN)
    with pytest.raises(TransformGraphError, match="no Transform graph"):
        export(model, target, plan=PLAN, transform_graph=tmp_path)
    with pytest.raises(UnreadableModelError, match="the model is refused"):
        broken = tmp_path / "broken"
        broken.mkdir()
        (broken / "saved_model.pb").write_bytes(b"\xff")
        export(broken, target, plan=PLAN)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(DestinationError, match="exists"):
        export(model, tmp_path / "taken", plan=PLAN)
    assert not target.exists()
    assert sorted(child.name for child in tmp_path.iterdir()) == ["broken", "taken"]


def test_an_unsafe_model_is_never_loaded(tmp_path: Path) -> None:
    signature = {"inputs": {"x": tensor("x:0", "string")}, "outputs": {"y": tensor("y:0", "string")}}
    nodes = [node("x", "Placeholder", dtype=7), node("y", "ReadFile", "x")]
    source = save(tmp_path / "m", nodes, signatures={"serving_default": signature}, callable_functions={})
    with pytest.raises(UnsafeModelError, match="ReadFile reads a file"):
        export(source, tmp_path / "out", plan={"again": {"kind": "model"}})


def test_a_tf1_model_is_not_traced_again_from_tf2(tmp_path: Path) -> None:
    signature = {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("x:0")}}
    source = save(tmp_path / "m", [node("x", "Placeholder", dtype=1)], signatures={"serving_default": signature})
    plan = {"signatures": {"again": {"kind": "model"}}}
    with pytest.raises(PlanError, match="builder trace cannot save a TF1 SavedModel"):
        export(source, tmp_path / "out", plan={**plan, "builder": "trace"})
    assert export(source, tmp_path / "out", plan=plan).builder == "session"


def test_a_failure_half_way_leaves_nothing(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    def interrupted(obj: Any, directory: str, **_: Any) -> None:
        (Path(directory) / "saved_model.pb").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(tf.saved_model, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(model, tmp_path / "out", plan=PLAN)
    assert list(tmp_path.iterdir()) == []
