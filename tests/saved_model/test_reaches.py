"""What each root of a graph reaches, in numbers and names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, tensor, view
from tfx_savedmodel.saved_model.reachability import Reach, signature_label
from tfx_savedmodel.saved_model.reaches import MAX_ROOTS, reaches
from tfx_savedmodel.saved_model.view import MetaGraphView

pytestmark = pytest.mark.unit


def _graph(tmp_path: Path, *args: Any, **kwargs: Any) -> MetaGraphView:
    meta_graph = view(tmp_path, *args, **kwargs).meta_graph()
    assert meta_graph is not None
    return meta_graph


def _served(output: str) -> dict[str, Any]:
    return {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor(output)}}


def _model(tmp_path: Path) -> MetaGraphView:
    """Two signatures with one layer in common, a table from an asset, and a saver."""
    return _graph(
        tmp_path,
        [
            node("x", "Placeholder"),
            node("kernel", "VarHandleOp", shared_name="dense/kernel"),
            node("bias", "VariableV2"),
            node("moment", "VarHandleOp", shared_name="adam/moment"),
            node("table_file", "Const"),
            node("init", "InitializeTableFromTextFileV2", "table_file"),
            node("hidden", "StatefulPartitionedCall", "x", "kernel", f="@layer"),
            node("a", "BiasAdd", "hidden", "bias"),
            node("b", "Identity", "hidden:0", "^init"),
            node("save", "SaveV2", "kernel", "bias", "moment"),
            node("restore", "NoOp", "^kernel", "^bias", "^moment"),
            node("unused", "VarHandleOp"),
        ],
        signatures={"serve it": _served("a:0"), "b": _served("b:0")},
        functions={
            "layer": {"nodes": [node("m", "MatMul"), node("w", "StatelessWhile", body="@body")]},
            "body": {"nodes": [node("n", "Add"), node("again", "PartitionedCall", f="@layer")]},
            "loose": {"nodes": [node("k", "Neg")]},
            "never": {"nodes": [node("l", "Neg")]},
        },
        assets={"table_file:0": "words.txt"},
        init_op="init",
        saver=("x:0", "save:0", "restore"),
        callable_functions={"layer": [], "loose": [0]},
    )


def test_every_root_is_told_what_it_runs(tmp_path: Path) -> None:
    def root(name: str, nodes: int, functions: int, variables: str = "", assets: str = "") -> dict[str, Any]:
        lists = {"variables": variables.split(), "assets": assets.split()}
        return {"root": name, "nodes": nodes, "functions": functions, **lists}

    assert reaches(_model(tmp_path)) == [
        root("init", 2, 0, assets="words.txt"),
        root("signature b", 6 + 4, 2, "dense/kernel", "words.txt"),
        root("signature serve it", 5 + 4, 2, "bias dense/kernel"),
        root("save", 4, 0, "adam/moment bias dense/kernel"),
        root("restore", 4, 0, "adam/moment bias dense/kernel"),
        root("function layer", 4, 2),
        root("function loose", 1, 1, assets="words.txt"),
    ]


def test_it_agrees_with_the_walk_that_the_checks_make(tmp_path: Path) -> None:
    meta_graph = _model(tmp_path)
    labels = {signature_label(key): f"signature {key}" for key in meta_graph.signatures}
    walked = Counter(labels.get(label, label) for found in Reach(meta_graph).roots.values() for label in found)

    counted = {item["root"]: item["nodes"] for item in reaches(meta_graph)}
    assert {label: count for label, count in counted.items() if not label.startswith("function ")} == dict(walked)


@pytest.mark.parametrize("turned", [False, True])
def test_loops_and_any_order_of_nodes_come_to_an_end(tmp_path: Path, turned: bool) -> None:
    chain = [node(f"n{at}", "Identity", f"n{at - 1}" if at else "n99") for at in range(100)]
    meta_graph = _graph(tmp_path, chain[::-1] if turned else chain, signatures={"s": _served("n50:0")})

    assert [(item["root"], item["nodes"]) for item in reaches(meta_graph)] == [("signature s", 100)]


def test_a_graph_without_roots_has_none(tmp_path: Path) -> None:
    assert reaches(_graph(tmp_path, [node("x", "Placeholder")])) == []


def test_roots_beyond_reason_are_left_out(tmp_path: Path) -> None:
    functions = {f"f{at}": {"nodes": [node("n", "Neg")]} for at in range(MAX_ROOTS + 5)}
    meta_graph = _graph(tmp_path, functions=functions, callable_functions={name: [] for name in functions})

    assert len(reaches(meta_graph)) == MAX_ROOTS
