"""Models made under a DistributionStrategy are exported for one device ("tf.saved_model.save", TensorFlow 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import keras
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.parse import parse_saved_model

pytestmark = pytest.mark.tf

PLAN = {DEFAULT: {"kind": "function", "path": "times"}}
EXPANDED = {"signatures": PLAN, "save_options": {"experimental_variable_policy": "expand_distributed_variables"}}
X = np.float32([1, -2])


class Times(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.by = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def times(self, x: Any) -> Any:
        return {"y": x * self.by}


def strategies() -> list[Any]:
    return [tf.distribute.MirroredStrategy(["CPU:0"]), tf.distribute.OneDeviceStrategy("CPU:0")]


def devices(model: Path) -> set[str]:
    """Return the devices of what computes, beside those of variables and of saving."""
    (meta_graph,) = parse_saved_model(model, "saved_model.pb").meta_graphs
    functions = [list(function.node_def) for function in meta_graph.graph_def.library.function]
    return {item.device for nodes in functions for item in nodes if item.op == "Mul"}


@pytest.mark.parametrize("plan", [{"signatures": PLAN}, EXPANDED], ids=["by default", "expanded"])
@pytest.mark.parametrize("index", [0, 1], ids=["mirrored", "one device"])
def test_variables_made_under_it(tmp_path: Path, plan: Any, index: int) -> None:
    with strategies()[index].scope():
        model = Times()
    export(model, tmp_path / "out", plan=plan)
    same(answers(tmp_path / "out", DEFAULT, {"x": X}), {"y": X * 3})
    assert devices(tmp_path / "out") == {""}
    restored = Times()
    tf.train.Checkpoint(root=restored).read(str(tmp_path / "out" / "variables" / "variables")).expect_partial()
    assert restored.by.numpy() == 3.0
    # A further export of the result is as any other.
    assert export(tmp_path / "out", tmp_path / "again", plan={"again": PLAN[DEFAULT]}).builder == "trace"
    same(answers(tmp_path / "again", "again", {"x": X}), {"y": X * 3})


def test_exported_within_its_scope(tmp_path: Path) -> None:
    with strategies()[0].scope():
        export(Times(), tmp_path / "out", plan={"signatures": PLAN})
    same(answers(tmp_path / "out", DEFAULT, {"x": X}), {"y": X * 3})


def test_a_keras_model_trained_under_it(tmp_path: Path) -> None:
    with strategies()[0].scope():
        model = keras().Sequential([keras().Input((2,), name="x"), keras().layers.Dense(1)])
        model.compile("sgd", "mse")
    x = np.float32([[1, 2], [3, 4]])
    model.fit(x, np.float32([[1], [2]]), verbose=0)
    export(model, tmp_path / "out", plan={DEFAULT: {"kind": "model"}})
    (found,) = answers(tmp_path / "out", DEFAULT, {"x": x}).values()
    same({"y": found}, {"y": model.predict(x, verbose=0)})
