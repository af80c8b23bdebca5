"""Exports for older TensorFlows of models that may not be run: published only where nothing that runs changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.saved_model.attribute_values import FLOAT, shape
from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.errors import TargetError, UnreadableModelError
from tfx_savedmodel.operations import targeting
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.consumers.judgement import lacks
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.rewrite import edit

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("a model was run")

    monkeypatch.setattr(targeting, "ask", refuse)
    monkeypatch.setattr(targeting, "tf2_fault", refuse)


def unsafe(directory: Path, *nodes: Any) -> Path:
    """Save a model whose signature writes a file, and whose variable has a name for people."""
    graph = [
        node("x", "Placeholder", dtype=7),
        node("v", "VarHandleOp", dtype=FLOAT, shape=shape(2), debug_name="v"),
        node("write", "WriteFile", "x", "x"),
        node("y", "Identity", "x", "^write", "^v", "^copy", T=7),
        *nodes,
    ]
    signature = {"inputs": {"x": tensor("x:0", "string")}, "outputs": {"y": tensor("y:0", "string")}}
    return save(directory, graph, signatures={"serving_default": signature})


def test_what_only_loses_names_is_published_with_a_note(tmp_path: Path) -> None:
    model = unsafe(tmp_path / "m", node("copy", "NoOp"))
    result = export(model, tmp_path / "out", plan={"keep": "all", "target": "tf-2.4"})
    (note,) = (note for note in result.notes if "not compared" in note)
    assert "it is not run: SM120" in note
    meta_graph = read_saved_model(tmp_path / "out").meta_graph()
    assert meta_graph is not None
    assert list(lacks(meta_graph, "tf-2.4")) == []


def test_what_is_said_in_other_ops_is_not(tmp_path: Path) -> None:
    model = unsafe(tmp_path / "m", node("copy", "DisableCopyOnRead", "v"))
    with pytest.raises(TargetError, match="cannot be told, although DisableCopyOnRead") as caught:
        export(model, tmp_path / "out", plan={"keep": "all", "target": "tf-2.4"})
    assert "SM120" in caught.value.found
    assert not (tmp_path / "out").exists()


def test_what_loading_would_run_is_not_run(tmp_path: Path) -> None:
    graph = [
        node("x", "Placeholder", dtype=7),
        node("v", "VarHandleOp", dtype=FLOAT, shape=shape(2), debug_name="v"),
        node("copy", "DisableCopyOnRead", "v"),
        node("y", "Identity", "x", "^copy", T=7),
        node("path", "Const", value=["/etc/cron.d/x"], dtype=7),
        node("fill", "WriteFile", "path", "path"),
    ]
    signature = {"inputs": {"x": tensor("x:0", "string")}, "outputs": {"y": tensor("y:0", "string")}}
    model = save(tmp_path / "m", graph, signatures={"serving_default": signature})

    def fill(proto: Any) -> None:
        proto.meta_graphs[0].collection_def["table_initializer"].node_list.value.append("fill")

    edit(model, fill)
    with pytest.raises(TargetError, match="cannot be told") as caught:
        export(model, tmp_path / "out", plan={"keep": "all", "target": "tf-2.4"})
    assert "SM120" in caught.value.found
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("meant", ["NoOp", "NoSuchOp"])
def test_other_meta_graphs_that_do_not_fit_are_named(tmp_path: Path, meant: str) -> None:
    """That is so whether the one that is meant fits as it is, or is made to fit."""
    model = unsafe(tmp_path / "m", node("copy", "NoOp"), node("idle", meant))

    def add(proto: Any) -> None:
        (served,) = proto.meta_graphs
        del served.graph_def.node[1].attr["debug_name"]
        for tags, op in {("train", "gpu"): "NoSuchOp", ("eval",): "NoOp"}.items():
            other = proto.meta_graphs.add()
            other.CopyFrom(served)
            other.meta_info_def.tags[:] = tags
            other.graph_def.node[-1].op = op

    edit(model, add)
    result = export(model, tmp_path / "out", plan={"keep": "all", "target": "tf-2.4"})
    (note,) = (note for note in result.notes if "MetaGraph" in note)
    assert note == "for tf-2.4: the MetaGraph with the tags gpu, train does not fit and stays as it is"


@pytest.mark.parametrize(
    ("extra", "fault"),
    [
        (node("y", "NoOp"), "SM101: the graph has 2 times the node 'y'"),
        (node("z", "Identity", "gone:1", T=FLOAT), "node 'z' takes 'gone:1', which no node gives"),
        (node("z", "NoOp"), None),
    ],
)
def test_a_graph_that_nobody_can_import_is_refused(
    tmp_path: Path, extra: Any, fault: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where this TensorFlow does not load a model an older one may, for its ops, but not that."""
    monkeypatch.setattr(targeting, "ask", lambda *_, **__: "it has an op that is gone")
    nodes = [
        node("x", "Placeholder", dtype=FLOAT),
        node("v", "VarHandleOp", dtype=FLOAT, shape=shape(2), debug_name="v"),
        node("y", "Identity", "x", "^v", *(["^z"] if extra["name"] == "z" else []), T=FLOAT),
    ]
    signature = {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("y:0")}}
    model = save(tmp_path / "m", [*nodes, extra], signatures={"serving_default": signature})
    plan = {"keep": "all", "target": "tf-2.4"}
    if fault is None:
        notes = export(model, tmp_path / "out", plan=plan).notes
        assert any("it cannot be loaded here: it has an op that is gone" in note for note in notes)
        return
    with pytest.raises(UnreadableModelError, match=r"by any TensorFlow|refused") as caught:
        export(model, tmp_path / "out", plan=plan)
    assert caught.value.found == fault
    assert not (tmp_path / "out").exists()
