"""Names of inputs that TensorFlow cannot write: refused in the plan, or traced anew where they get better ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import keras
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import PlanError
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

X = np.float32([[1], [2]])


def model_of(*names: str) -> Any:
    inputs = [keras().Input((1,), name=name) for name in names]
    joined = keras().layers.Concatenate()(inputs) if len(inputs) > 1 else inputs[0]
    return keras().Model(inputs, keras().layers.Dense(1, name="y")(joined))


@pytest.fixture(scope="module")
def dashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of TensorFlow's own making, whose loaders disagree on the name of its input."""

    class Doubler(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name="my-in")])
        def double(self, x: Any) -> Any:
            return {"y": x * 2}

    path, model = tmp_path_factory.mktemp("dashed") / "model", Doubler()
    tf.saved_model.save(model, str(path), signatures={DEFAULT: model.double})
    return path


@pytest.mark.parametrize("name", ["bill-length", "1st", "größe", "Bill Length", "class", "self"])
def test_a_name_that_loaders_would_not_share_is_refused(dashed: Path, tmp_path: Path, name: str) -> None:
    plan = {"a": {"kind": "model", "inputs": {name: "my-in"}}, "b": {"kind": "alias", "of": DEFAULT, "inputs": {}}}
    with pytest.raises(PlanError, match="TensorFlow cannot write an input of this name") as caught:
        export(dashed, tmp_path / "out", plan=plan)
    places = [problem.where for problem in caught.value.problems]
    assert places == [f"signatures.a.inputs.{name}", "signatures.b.inputs.my-in"]
    assert 'say "inputs": {"my_in": "my-in"}' in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_names_that_differ_in_case_alone(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="differ only in case") as caught:
        export(model_of("Age", "age"), tmp_path / "out", plan={DEFAULT: {"kind": "model"}})
    assert 'say "inputs": {"age_2": "age"}' in str(caught.value)
    renamed = {DEFAULT: {"kind": "model", "inputs": {"age_2": "age"}}}
    export(model_of("Age", "age"), tmp_path / "out", plan=renamed)
    assert len(answers(tmp_path / "out", DEFAULT, {"Age": X, "age_2": X})) == 1


def test_what_cannot_be_edited_is_traced_anew(dashed: Path, tmp_path: Path) -> None:
    plan = {DEFAULT: {"kind": "alias", "of": DEFAULT, "inputs": {"x": "my-in"}}}
    result = export(dashed, tmp_path / "out", plan=plan)
    assert result.builder == "trace"
    assert "the model is traced anew" in result.notes[0]
    same(answers(tmp_path / "out", DEFAULT, {"x": X}), {"y": X * 2})


def test_what_is_kept_is_not_judged_by_a_rewrite_and_is_by_a_trace(dashed: Path, tmp_path: Path) -> None:
    assert export(dashed, tmp_path / "kept", plan={"keep": "all"}).builder == "rewrite"
    plan = {"keep": "all", "signatures": {"x": {"kind": "model", "inputs": {"x": "my-in"}}}}
    with pytest.raises(PlanError, match="drop 'serving_default', and plan it as an alias"):
        export(dashed, tmp_path / "out", plan=plan)
    plan = {"signatures": {**plan["signatures"], DEFAULT: {"kind": "alias", "of": DEFAULT, "inputs": {"x": "my-in"}}}}
    export(dashed, tmp_path / "out", plan=plan)
    for key in (DEFAULT, "x"):
        same(answers(tmp_path / "out", key, {"x": X}), {"y": X * 2})


def test_a_key_of_the_loaders(dashed: Path, tmp_path: Path) -> None:
    plan = {"__saved_model_init_op": {"kind": "alias", "of": DEFAULT}, "other": {"kind": "alias", "of": "nope"}}
    with pytest.raises(PlanError, match="belongs to the loaders") as caught:
        export(dashed, tmp_path / "out", plan=plan)
    assert len(caught.value.problems) == 2


def test_a_spec_that_no_trace_takes(tmp_path: Path) -> None:
    class Fixed(tf.Module):
        @tf.function
        def embed(self, x: Any) -> Any:
            return {"y": tf.reshape(x, [x.shape[0], 4]) / x.shape[0]}

    model = Fixed()
    for size in (1, 2):
        model.embed.get_concrete_function(x=tf.TensorSpec([size, 4], tf.float32, name="x"))
    tf.saved_model.save(model, str(tmp_path / "model"))

    def plan(*shape: int | None) -> dict[str, Any]:
        inputs = {"x": {"dtype": "float32", "shape": shape}}
        return {"embed": {"kind": "function", "path": "embed", "inputs": inputs}}

    with pytest.raises(PlanError, match="no trace takes") as caught:
        export(tmp_path / "model", tmp_path / "out", plan=plan(None, 4))
    assert '"shape": [1, 4]' in caught.value.problems[0].next_step
    export(tmp_path / "model", tmp_path / "out", plan=plan(2, 4))
    x = np.float32([[1, 2, 3, 4], [5, 6, 7, 8]])
    same(answers(tmp_path / "out", "embed", {"x": x}), {"y": x / 2})


def test_classes_beside_scores_of_unknown_width(tmp_path: Path) -> None:
    class Scorer(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
        def score(self, examples: Any) -> Any:
            parsed = tf.io.parse_example(examples, {"x": tf.io.VarLenFeature(tf.float32)})
            return {"scores": tf.sparse.to_dense(parsed["x"])}

    tf.saved_model.save(Scorer(), str(tmp_path / "model"))
    model = tf.saved_model.load(str(tmp_path / "model"))
    plan = {
        "score": {"kind": "function", "path": "score"},
        "classify": {"kind": "classify", "of": "score", "scores": "scores", "classes": {"labels": ["a", "b", "c"]}},
    }
    export(model, tmp_path / "out", plan=plan)

    def example(*values: float) -> bytes:
        feature = tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Example(features=tf.train.Features(feature={"x": feature})).SerializeToString()  # type: ignore[no-any-return]

    found = answers(tmp_path / "out", "classify", {"inputs": [example(1, 2, 3)]})
    assert found["classes"].tolist() == [[b"a", b"b", b"c"]]
    with pytest.raises(Exception, match="not compatible with expected shape"):
        answers(tmp_path / "out", "classify", {"inputs": [example(1, 2)]})
