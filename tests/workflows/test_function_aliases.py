"""`function_aliases` names all traces of a function for tools downstream ("tf.saved_model.save", TensorFlow 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import PlanError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.parse import parse_saved_model

pytestmark = pytest.mark.tf

SPEC = {"dtype": "float32", "shape": [None]}
PLAN = {
    "signatures": {
        DEFAULT: {"kind": "function", "path": "serve"},
        "func": {"kind": "function", "path": "func", "inputs": {"x": SPEC}},
    },
    "function_aliases": {"my_func": "func"},
}
X = np.float32([1, -2])


class MyModel(tf.Module):
    """The document's model."""

    @tf.function
    def func(self, x: Any) -> Any:
        return {"y": x * 2}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def serve(self, x: Any) -> Any:
        return {"y": self.func(x)["y"] + 1}


def aliases(model: Path) -> dict[str, str]:
    (meta_graph,) = parse_saved_model(model, "saved_model.pb").meta_graphs
    return dict(meta_graph.meta_info_def.function_aliases.items())


def call(model: Path, alias: str, value: Any) -> Any:
    """Load as a downstream tool does, and call the function's trace for this value.

    Where a signature has a copy of a trace in the graph, TensorFlow's loader gives a list with all of them,
    the copies without a form of their own; else it gives the function. (So also of the document's own example.)
    """
    options = tf.saved_model.LoadOptions(experimental_load_function_aliases=True)
    loaded = tf.saved_model.load(str(model), options=options)
    found = loaded.function_aliases[alias]
    tensor = tf.constant(value)
    if callable(found):
        return found(tensor)["y"].numpy().tolist()
    own = [trace for trace in found if trace.structured_input_signature is not None]
    (trace,) = (trace for trace in own if trace.inputs[0].shape.rank == tensor.shape.rank)
    return trace(tensor)["y"].numpy().tolist()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = MyModel()
    model.func.get_concrete_function(tf.TensorSpec([None, 2], tf.float32))
    destination = tmp_path_factory.mktemp("aliases") / "model"
    export(model, destination, plan=PLAN)
    return destination


def test_every_trace_has_the_alias(exported: Path) -> None:
    assert set(aliases(exported).values()) == {"my_func"}
    (meta_graph,) = parse_saved_model(exported, "saved_model.pb").meta_graphs
    assert set(aliases(exported)) <= {function.signature.name for function in meta_graph.graph_def.library.function}
    assert call(exported, "my_func", [[1.0, 2.0]]) == [[2.0, 4.0]]
    assert call(exported, "my_func", X) == [2.0, -4.0]
    same(answers(exported, DEFAULT, {"x": X}), {"y": X * 2 + 1})
    same(answers(exported, "func", {"x": X}), {"y": X * 2})


def test_a_further_export_carries_it(exported: Path, tmp_path: Path) -> None:
    renamed = {"keep": [DEFAULT], "signatures": {"again": {"kind": "alias", "of": "func"}}}
    traced = {"keep": "all", "signatures": {"more": {"kind": "function", "path": "serve"}}}
    for name, plan, builder, key in (("r", renamed, "rewrite", "again"), ("t", traced, "trace", "func")):
        assert export(exported, tmp_path / name, plan=plan).builder == builder
        assert set(aliases(tmp_path / name).values()) == {"my_func"}
        assert call(tmp_path / name, "my_func", [[1.0, 2.0]]) == [[2.0, 4.0]]
        same(answers(tmp_path / name, key, {"x": X}), {"y": X * 2})


def test_an_alias_of_no_function_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="function_aliases"):
        export(MyModel(), tmp_path / "out", plan={**PLAN, "function_aliases": {"my_func": "nowhere"}})
    assert list(tmp_path.iterdir()) == []
