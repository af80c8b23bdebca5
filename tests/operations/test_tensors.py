"""Signatures over tensors of a TF1 graph, which had none for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import PlanError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.inspect import inspect

pytestmark = pytest.mark.tf

X = np.float32([[1, 2, 3], [0, -1, 1]])
WEIGHTS = np.linspace(-1, 1, 6, dtype=np.float32).reshape(3, 2)
TENSORS = {"kind": "tensors", "inputs": {"image": "x:0"}, "outputs": {"logits": "y:0"}}


@pytest.fixture(scope="module", params=["resource variables", "ref variables"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A softmax regression as TF1 saves it, with one signature."""
    v1, path = tf.compat.v1, tmp_path_factory.mktemp("tf1") / "model"
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        rate = v1.placeholder_with_default(1.0, [], name="rate")
        resource = request.param == "resource variables"
        weights = v1.get_variable("w", initializer=tf.constant(WEIGHTS), use_resource=resource)
        y = tf.identity(tf.matmul(x, weights) * rate, name="y")
        scores = tf.nn.softmax(y, name="scores")
        v1.placeholder(tf.string, [None], name="unused")
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(path), {"x": x}, {"scores": scores})
    return path


def test_every_loader_takes_them(source: Path, tmp_path: Path) -> None:
    plan = {
        "keep": "all",
        "signatures": {
            "raw": TENSORS,
            "again": {"kind": "alias", "of": "raw", "inputs": {"x": "image"}},
            "scaled": {**TENSORS, "inputs": {"image": "x:0", "rate": "rate:0"}, "method_name": "mine"},
        },
    }
    result = export(source, tmp_path / "out", plan=plan)
    assert (result.builder, result.signatures) == ("rewrite", ("again", "raw", "scaled", DEFAULT))
    signatures = inspect(tmp_path / "out")["meta_graphs"][0]["signatures"]
    assert signatures["raw"]["outputs"] == {"logits": {"dtype": "float32", "shape": [None, 2]}}
    assert signatures["scaled"]["method_name"] == "mine"
    same(answers(tmp_path / "out", "raw", {"image": X}), {"logits": X @ WEIGHTS})
    same(answers(tmp_path / "out", "again", {"x": X}), {"logits": X @ WEIGHTS})
    same(answers(tmp_path / "out", "scaled", {"image": X, "rate": np.float32(2)}), {"logits": 2 * X @ WEIGHTS})
    same(answers(tmp_path / "out", DEFAULT, {"x": X}), answers(source, DEFAULT, {"x": X}))


def test_every_mistake_has_its_place(source: Path, tmp_path: Path) -> None:
    plan: Any = {
        "a": {**TENSORS, "inputs": {}},
        "b": {**TENSORS, "inputs": {"image": "x:1"}},
        "c": {**TENSORS, "outputs": {"logits": "yy:0"}},
        "d": {**TENSORS, "outputs": {"logits": "y"}},
        "e": {**TENSORS, "outputs": {}},
        "f": {**TENSORS, "inputs": {"image": "x:0", "second": "x:0"}},
        "g": {**TENSORS, "outputs": {"logits": "y:00"}},
        "h": {**TENSORS, "outputs": {"weights": "w:0"}},
    }
    with pytest.raises(PlanError) as caught:
        export(source, tmp_path / "out", plan=plan)
    found = {problem.where: problem for problem in caught.value.problems}
    places = ["a.inputs", "b.inputs", "b.inputs.image", "c.outputs.logits", "d.outputs.logits", "e.outputs", "f.inputs"]
    places += ["g.outputs.logits", "h.outputs.weights"]
    assert sorted(found) == [f"signatures.{place}" for place in places]
    assert (found["signatures.a.inputs"].found, "unused" in str(found["signatures.a.inputs"])) == ("x:0", False)
    assert "y:0" in found["signatures.c.outputs.logits"].wanted
    assert "such as x:0" in found["signatures.b.inputs.image"].wanted
    assert 'such as "x:0"' in found["signatures.d.outputs.logits"].wanted


def test_a_tf2_model_has_functions_instead(tmp_path: Path) -> None:
    class Doubler(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def double(self, x: Any) -> Any:
            return {"y": x * 2}

    tf.saved_model.save(Doubler(), str(tmp_path / "model"))
    for model in (tmp_path / "model", Doubler()):
        with pytest.raises(PlanError, match="plan kind function"):
            export(model, tmp_path / "out", plan={"raw": TENSORS})
