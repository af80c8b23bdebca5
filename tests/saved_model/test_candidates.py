"""Which tensors of a graph without signatures a plan may name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, save
from tfx_savedmodel.saved_model.candidates import candidates
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.rewrite import edit

pytestmark = pytest.mark.unit

FLOAT, STRING = 1, 7


def test_results_come_before_the_loss_and_training_is_left_out(tmp_path: Path) -> None:
    nodes: list[Any] = [
        node("x", "Placeholder", dtype=FLOAT),
        node("labels", "Placeholder", dtype=FLOAT),
        node("unused", "Placeholder", dtype=FLOAT),
        node("save/filename", "PlaceholderWithDefault", "name", dtype=STRING),
        node("name", "Const", dtype=STRING),
        node("w", "VariableV2", dtype=FLOAT),
        node("hidden", "MatMul", "x", "w", T=FLOAT),
        node("scores", "Softmax", "hidden", T=FLOAT),
        node("classes", "ArgMax", "scores", T=FLOAT),
        node("loss", "Sub", "scores", "labels", T=FLOAT),
        node("loss_1", "ScalarSummary", "name", "loss", T=FLOAT),
        node("gradients/hidden_grad", "Mul", "loss", "hidden", T=FLOAT),
        node("train", "ApplyGradientDescent", "w", "loss", "gradients/hidden_grad", T=FLOAT),
        node("save/SaveV2", "SaveV2", "save/filename", "w"),
    ]
    found = candidates(read_saved_model(save(tmp_path / "model", nodes)))
    assert found.inputs == ("x:0", "labels:0")
    assert found.outputs == ("classes:0", "loss:0")


@pytest.mark.parametrize(("scalar", "found"), [(("x",), ("x:0", "y:0")), (("rate",), ("x:0", "rate:0", "twice:0"))])
def test_a_scalar_counts_where_there_is_nothing_else(
    tmp_path: Path, scalar: tuple[str], found: tuple[str, ...]
) -> None:
    nodes: list[Any] = [node("x", "Placeholder", dtype=FLOAT), node("y", "Neg", "x", T=FLOAT)]
    if scalar == ("rate",):
        nodes += [node("rate", "Placeholder", dtype=FLOAT), node("twice", "Mul", "y", "rate", T=FLOAT)]
    model = save(tmp_path / "model", nodes)

    def shape(proto: Any) -> None:
        for item in proto.meta_graphs[0].graph_def.node:
            if item.name in scalar:
                item.attr["shape"].shape.SetInParent()

    edit(model, shape)
    result = candidates(read_saved_model(model))
    assert (*result.inputs, *result.outputs) == found


def test_an_unreadable_model_has_none(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"nothing")
    found = candidates(read_saved_model(tmp_path))
    assert (found.inputs, found.outputs) == ((), ())
