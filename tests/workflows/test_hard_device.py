"""tf.device in a function's body is hard-coded in the export ("tf.saved_model.save", TensorFlow 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.session import ServingSession

pytestmark = pytest.mark.tf

X = np.float32([1, -2])
TIMES = {"kind": "function", "path": "times"}


class Placed(tf.Module):
    """Its function's body asks for a device, or for none."""

    def __init__(self, device: str | None) -> None:
        super().__init__()
        self.device = device
        self.by = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def times(self, x: Any) -> Any:
        if self.device is None:
            return {"y": x * self.by}
        with tf.device(self.device):
            return {"y": x * self.by}


def devices(model: Path) -> set[str]:
    """Return the devices of the multiplications, in the graph and all its functions."""
    (meta_graph,) = parse_saved_model(model, "saved_model.pb").meta_graphs
    nodes = [*meta_graph.graph_def.node]
    for function in meta_graph.graph_def.library.function:
        nodes += function.node_def
    return {node.device for node in nodes if node.op == "Mul"}


@pytest.mark.parametrize(
    ("asked", "written"), [("/cpu:0", "/device:CPU:0"), ("/GPU:0", "/device:GPU:0"), (None, "")], ids=str
)
def test_it_stays_through_every_builder(tmp_path: Path, asked: str | None, written: str) -> None:
    export(Placed(asked), tmp_path / "live", plan={DEFAULT: TIMES})
    again = {"kind": "alias", "of": DEFAULT}
    assert export(tmp_path / "live", tmp_path / "renamed", plan={"again": again}).builder == "rewrite"
    plan = {"again": {**again, "inputs": {"number": "x"}}, "function": TIMES}
    assert export(tmp_path / "live", tmp_path / "traced", plan=plan).builder == "trace"
    for name, key, argument in (("live", DEFAULT, "x"), ("renamed", "again", "x"), ("traced", "again", "number")):
        assert devices(tmp_path / name) == {written}
        # TensorFlow moves what stands in a function to a device that is there, and every loader answers.
        same(answers(tmp_path / name, key, {argument: X}), {"y": X * 3})


def test_the_calling_contexts_device_is_not_kept(tmp_path: Path) -> None:
    with tf.device("/cpu:0"):
        export(Placed(None), tmp_path / "out", plan={DEFAULT: TIMES})
    assert devices(tmp_path / "out") == {""}
    same(answers(tmp_path / "out", DEFAULT, {"x": X}), {"y": X * 3})


@pytest.mark.parametrize("asked", ["/cpu:0", "/GPU:0"])
def test_a_session_without_soft_placement_moves_it_too(tmp_path: Path, asked: str) -> None:
    """A function brings its own placement: what serving sets for the session is for the outer graph alone."""
    export(Placed(asked), tmp_path / "out", plan={DEFAULT: TIMES})
    with ServingSession(tmp_path / "out", soft_placement=False) as session:
        same(session.run(DEFAULT, {"x": X}), {"y": X * 3})
