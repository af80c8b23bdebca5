"""Files of MetaGraphDefs and GraphDefs, told by their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.graph_files import GRAPH, META_GRAPH, is_graph_def, read_graph_file

pytestmark = pytest.mark.unit


def meta_graph(tags: bool = True) -> Any:
    made = protos.meta_graph_pb2().MetaGraphDef()
    made.graph_def.node.add(name="x", op="Placeholder").attr["dtype"].type = 1
    made.graph_def.node.add(name="y", op="Identity", input=["x"]).attr["T"].type = 1
    made.graph_def.versions.producer = 27
    if tags:
        made.meta_info_def.tensorflow_version = "1.15.5"
        made.meta_info_def.stripped_op_list.op.add(name="Identity")
    made.saver_def.restore_op_name = "save/restore_all"
    return made


def with_library() -> Any:
    graph = meta_graph().graph_def
    function = graph.library.function.add()
    function.signature.name = "f"
    function.node_def.add(name="z", op="Identity", input=["x"]).attr["T"].type = 1
    return graph


def saved_model() -> Any:
    made = protos.saved_model_pb2().SavedModel(saved_model_schema_version=1)
    made.meta_graphs.add().CopyFrom(meta_graph())
    return made


@pytest.mark.parametrize("as_text", [False, True], ids=["binary", "text"])
@pytest.mark.parametrize(
    ("message", "form"),
    [
        (meta_graph(), META_GRAPH),
        (meta_graph(tags=False), META_GRAPH),
        (meta_graph().graph_def, GRAPH),
        (with_library(), GRAPH),
    ],
    ids=["meta graph", "bare meta graph", "graph", "graph with functions"],
)
def test_the_content_tells_the_form(tmp_path: Path, message: Any, form: str, as_text: bool) -> None:
    file = tmp_path / "multiply.pb"
    file.write_bytes(str(message).encode() if as_text else message.SerializeToString())
    found = read_graph_file(file)
    assert found.form == form
    graph = message.graph_def if form == META_GRAPH else message
    assert found.meta_graph.graph_def == graph
    assert bool(found.meta_graph.saver_def.restore_op_name) == (form == META_GRAPH)
    # One without the facts that every MetaGraphDef is written with begins as a SavedModel may.
    assert is_graph_def(file) == (file.read_bytes()[:1] != b"\x12")


@pytest.mark.parametrize("as_text", [False, True], ids=["binary", "text"])
def test_a_saved_models_own_file_is_none(tmp_path: Path, as_text: bool) -> None:
    file = tmp_path / "saved_model.pb"
    file.write_bytes(str(saved_model()).encode() if as_text else saved_model().SerializeToString())
    assert not is_graph_def(file)
    with pytest.raises(UnreadableModelError, match="graph file of a SavedModel"):
        read_graph_file(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "this is no graph"),
        (b"notes: many\n", "this is no graph"),
        (b"\n\x05hello", "this is no graph"),
        (bytes(range(256)), "this is no graph"),
        (b"version https://git-lfs.github.com/spec/v1\n", "was not fetched"),
        (None, "cannot be read"),
    ],
)
def test_anything_else_is_said(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "graph.pb"
    if content is not None:
        file.write_bytes(content)
        assert not is_graph_def(file)
    with pytest.raises(UnreadableModelError, match=said):
        read_graph_file(file)
