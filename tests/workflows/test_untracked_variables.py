"""Variables must be attributes of what is saved, or of what it holds ("tf.saved_model.save", TensorFlow 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import keras
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

PLAN = {DEFAULT: {"kind": "function", "path": "scale"}}
X = np.float32([1, -2])


class Scale(tf.Module):
    """Its variable stands in a closure, unless it is given a place."""

    def __init__(self) -> None:
        super().__init__()
        self.held: Any = None
        variable = tf.Variable(3.0)
        self.take = lambda: variable

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def scale(self, x: Any) -> Any:
        return {"scaled": x * self.take()}


def test_a_variable_in_a_closure_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="a variable or table that the model does not hold") as caught:
        export(Scale(), tmp_path / "out", plan=PLAN)
    assert "assign it to an attribute of the model" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["attribute", "list", "module", "dictionary"])
def test_it_works_once_it_is_held(tmp_path: Path, place: str) -> None:
    model = Scale()
    variable = model.take()
    if place == "module":
        model.held = tf.Module()
        model.held.variable = variable
    else:
        model.held = {"attribute": variable, "list": [variable], "dictionary": {"variable": variable}}[place]
    export(model, tmp_path / "out", plan=PLAN)
    same(answers(tmp_path / "out", DEFAULT, {"x": X}), {"scaled": X * 3})


def test_layers_and_optimizers_hold_their_own(tmp_path: Path) -> None:
    class Trained(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras().layers.Dense(1)
            self.dense.build([None, 2])
            self.optimizer = keras().optimizers.Adam()

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
        def scale(self, x: Any) -> Any:
            return {"scaled": self.dense(x)}

    model = Trained()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model.dense(np.float32([[1, 2]])))
    variables = model.dense.trainable_variables
    model.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    export(model, tmp_path / "out", plan=PLAN)
    x = np.float32([[1, 2], [3, 4]])
    same(answers(tmp_path / "out", DEFAULT, {"x": x}), {"scaled": model.dense(x)})
