"""Default-valued attributes are stripped, for older consumers ("tf.saved_model.save", TensorFlow 2.4)."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.saved_model.graphs import node, save, tensor
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import TfxSavedModelError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.rewrite import edit
from tfx_savedmodel.saved_model.session import ServingSession

pytestmark = pytest.mark.tf

MATRIX = np.float32([[1, 2], [3, 4]])
WANTED = {"product": MATRIX @ MATRIX}
FUTURE = "from_the_future"


class Multiplier(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([2, 2], tf.float32)])
    def square(self, x: Any) -> Any:
        return {"product": tf.matmul(x, x)}


def meta_graph(model: Path) -> Any:
    (found,) = parse_saved_model(model, "saved_model.pb").meta_graphs
    return found


def products(proto: Any) -> list[Any]:
    functions = [list(function.node_def) for function in proto.graph_def.library.function]
    return [item for nodes in [list(proto.graph_def.node), *functions] for item in nodes if item.op == "MatMul"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    destination = tmp_path_factory.mktemp("attributes") / "model"
    export(Multiplier(), destination, plan={DEFAULT: {"kind": "function", "path": "square"}})
    return destination


def add_future(proto: Any, *, value: bool) -> None:
    """Give the products an attribute that a later TensorFlow brings, False by default."""
    (found,) = proto.meta_graphs
    assert products(found)
    for item in products(found):
        item.attr[FUTURE].b = value
    if not found.meta_info_def.stripped_op_list.op:
        found.meta_info_def.stripped_op_list.op.add(name="MatMul")
    for op in found.meta_info_def.stripped_op_list.op:
        if op.name == "MatMul":
            op.attr.add(name=FUTURE, type="bool").default_value.b = False


@pytest.fixture(scope="module")
def of_the_future(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TF2 model as a later TensorFlow would write it: the attribute is in a function."""
    destination = tmp_path_factory.mktemp("future") / "model"
    export(exported, destination, plan={DEFAULT: {"kind": "alias", "of": DEFAULT}})
    edit(destination, functools.partial(add_future, value=True))
    return destination


def graph_of_the_future(directory: Path) -> Path:
    """A graph without functions, where loaders take an attribute that they do not know if it is at its default."""
    shape = tf.TensorShape([2, 2]).as_proto()
    nodes = [node("x", "Placeholder", dtype=1, shape=shape), node("y", "MatMul", "x", "x", T=1)]
    signature = {"inputs": {"x": tensor("x:0", shape=(2, 2))}, "outputs": {"product": tensor("y:0", shape=(2, 2))}}
    model = save(directory, nodes, signatures={DEFAULT: signature})
    edit(model, functools.partial(add_future, value=False))
    return model


def test_an_export_is_stripped_as_by_tensorflow(exported: Path, tmp_path: Path) -> None:
    tf.saved_model.save(Multiplier(), str(tmp_path / "saved"))
    attributes = []
    for model in (exported, tmp_path / "saved"):
        found = meta_graph(model)
        assert found.meta_info_def.stripped_default_attrs
        attributes.append({tuple(sorted(set(item.attr) - {"_output_shapes"})) for item in products(found)})
    # transpose_a and transpose_b are there in memory.
    assert attributes[0] == attributes[1] == {("T",)}
    same(answers(exported, DEFAULT, {"x": MATRIX}), WANTED)


def test_a_further_export_is_stripped_too(exported: Path, tmp_path: Path) -> None:
    renamed = {"again": {"kind": "alias", "of": DEFAULT, "inputs": {"matrix": "x"}}}
    traced = {"again": {"kind": "function", "path": "square"}}
    for name, plan, builder, argument in (("r", renamed, "rewrite", "matrix"), ("t", traced, "trace", "x")):
        assert export(exported, tmp_path / name, plan=plan).builder == builder
        found = meta_graph(tmp_path / name)
        assert found.meta_info_def.stripped_default_attrs
        assert {tuple(sorted(set(item.attr) - {"_output_shapes"})) for item in products(found)} == {("T",)}
        same(answers(tmp_path / name, "again", {argument: MATRIX}), WANTED)


def test_what_a_source_has_is_kept_by_a_rewrite(of_the_future: Path, tmp_path: Path) -> None:
    plan = {"keep": "all", "signatures": {"again": {"kind": "alias", "of": DEFAULT}}}
    assert export(of_the_future, tmp_path / "out", plan=plan).builder == "rewrite"
    before, after = meta_graph(of_the_future), meta_graph(tmp_path / "out")
    assert after.graph_def == before.graph_def
    assert after.meta_info_def == before.meta_info_def
    assert all(item.attr[FUTURE].b for item in products(after))
    # No loader minds an attribute that it does not know inside a function.
    for key in (DEFAULT, "again"):
        same(answers(tmp_path / "out", key, {"x": MATRIX}), WANTED)


def test_in_a_graph_without_functions_too(tmp_path: Path) -> None:
    source = graph_of_the_future(tmp_path / "source")
    export(source, tmp_path / "out", plan={"again": {"kind": "alias", "of": DEFAULT}})
    assert meta_graph(tmp_path / "out").graph_def == meta_graph(source).graph_def
    same(answers(source, DEFAULT, {"x": MATRIX}), WANTED)
    same(answers(tmp_path / "out", "again", {"x": MATRIX}), WANTED)


def test_an_attribute_with_an_underscore_is_nobodys_business(exported: Path, tmp_path: Path) -> None:
    export(exported, tmp_path / "source", plan={DEFAULT: {"kind": "alias", "of": DEFAULT}})

    def change(proto: Any) -> None:
        for item in products(proto.meta_graphs[0]):
            item.attr[f"_{FUTURE}"].s = b"x"

    edit(tmp_path / "source", change)
    export(tmp_path / "source", tmp_path / "out", plan={"again": {"kind": "alias", "of": DEFAULT}})
    assert all(item.attr[f"_{FUTURE}"].s == b"x" for item in products(meta_graph(tmp_path / "out")))
    same(answers(tmp_path / "out", "again", {"x": MATRIX}), WANTED)


def test_a_trace_says_what_it_cannot_load(exported: Path, tmp_path: Path) -> None:
    export(exported, tmp_path / "source", plan={DEFAULT: {"kind": "alias", "of": DEFAULT}})

    def change(proto: Any) -> None:
        for item in products(proto.meta_graphs[0]):
            item.op = "OpOfTheFuture"

    edit(tmp_path / "source", change)
    with pytest.raises(TfxSavedModelError, match="OpOfTheFuture"):
        export(tmp_path / "source", tmp_path / "out", plan={"f": {"kind": "function", "path": "square"}})
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_an_op_that_this_tensorflow_does_not_have(tmp_path: Path) -> None:
    nodes = [node("x", "Placeholder", dtype=1), node("y", "OpOfTheFuture", "x", T=1, mode="new")]
    signature = {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("y:0")}}
    source = save(tmp_path / "source", nodes, signatures={DEFAULT: signature})
    result = export(source, tmp_path / "out", plan={"again": {"kind": "alias", "of": DEFAULT}})
    assert result.builder == "rewrite"
    assert meta_graph(tmp_path / "out").graph_def == meta_graph(source).graph_def
    with pytest.raises(Exception, match="OpOfTheFuture"), ServingSession(tmp_path / "out"):
        pass
