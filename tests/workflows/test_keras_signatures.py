"""Keras models with a signature of their own, and without one ("tf.saved_model.save", TensorFlow 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import keras, output_name
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import PlanError, UnsupportedModelError
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf


class Served(tf.keras.Model):
    """The document's first: a method with an input signature."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = keras().layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.dense(x)

    @tf.function(input_signature=[tf.TensorSpec(shape=[None], dtype=tf.string)])
    def serve(self, serialized: Any) -> Any:
        numbers = tf.io.parse_tensor(serialized[0], tf.float32)
        return {"scores": self.dense(tf.reshape(numbers, [-1, 3]))}


class Called(tf.keras.Model):
    """Its second: `call` alone, a tf.function without a fixed signature."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = keras().layers.Dense(2)

    @tf.function
    def call(self, x: Any) -> Any:
        return self.dense(x)


X = np.float32([[1, 2, 3], [0, 1, 0]])


def test_a_method_with_an_input_signature(tmp_path: Path) -> None:
    model = Served()
    wanted = model(tf.constant(X)).numpy()
    plan = {DEFAULT: {"kind": "function", "path": "serve"}, "by_tensors": {"kind": "model"}}
    export(model, tmp_path / "out", plan=plan)
    serialized = np.array([tf.io.serialize_tensor(X).numpy()], dtype=object)
    same(answers(tmp_path / "out", DEFAULT, {"serialized": serialized}), {"scores": wanted})
    (signature,) = (tf.saved_model.load(str(tmp_path / "out")).signatures["by_tensors"],)
    ((name, _),) = signature.structured_input_signature[1].items()
    (found,) = answers(tmp_path / "out", "by_tensors", {name: X}).values()
    same({"scores": found}, {"scores": wanted})


def test_call_with_a_spec_of_the_plan(tmp_path: Path) -> None:
    model = Called()
    wanted = model(tf.constant(X)).numpy()
    call = {"kind": "function", "path": "call", "inputs": {"x": {"dtype": "float32", "shape": [None, 3]}}}
    plan = {"call": call, DEFAULT: {"kind": "alias", "of": "call", "inputs": {"inp": "x"}}}
    export(model, tmp_path / "out", plan=plan)
    same(answers(tmp_path / "out", "call", {"x": X}), {"output_0": wanted})
    same(answers(tmp_path / "out", DEFAULT, {"inp": X}), {"output_0": wanted})


def test_a_model_of_inputs_and_outputs_needs_neither(tmp_path: Path) -> None:
    x = keras().Input((4,), name="x")
    model = keras().Model(x, keras().layers.Dense(5, name="out")(x))
    export(model, tmp_path / "out", plan={DEFAULT: {"kind": "model"}})
    inputs = np.float32([[1, 2, 3, 4]])
    # Keras 3 numbers outputs; the plan gives the document's name back.
    name = "out" if output_name() == "probabilities" else "output_0"
    same(answers(tmp_path / "out", DEFAULT, {"x": inputs}), {name: model(inputs)})
    export(tmp_path / "out", tmp_path / "named", plan={DEFAULT: {"kind": "model", "outputs": {"out": name}}})
    same(answers(tmp_path / "named", DEFAULT, {"x": inputs}), {"out": model(inputs)})


def test_a_model_that_was_never_called_has_none(tmp_path: Path) -> None:
    with pytest.raises((UnsupportedModelError, PlanError), match="never built") as caught:
        export(Called(), tmp_path / "out", plan={DEFAULT: {"kind": "model"}})
    assert "call it once on a batch" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
