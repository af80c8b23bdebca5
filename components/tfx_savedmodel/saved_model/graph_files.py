"""A file that holds one TF1 graph, a MetaGraphDef or a GraphDef, binary or text: told by its content."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.wire import fields

META_GRAPH = "MetaGraphDef"
GRAPH = "GraphDef"

#: Names that such files go by; a file of another name is not looked into.
SUFFIXES = (".meta", ".pb", ".pbtxt", ".prototxt", ".graphdef", ".metagraph")

_LFS = b"version https://git-lfs"


@dataclasses.dataclass(frozen=True)
class GraphFile:
    """What a file holds: `form` says which, `meta_graph` is the MetaGraphDef, or one around the GraphDef."""

    path: Path
    form: str
    meta_graph: Any


def read_graph_file(path: Path) -> GraphFile:
    """Return the graph of a file. Nothing of it is run.

    Raises:
      UnreadableModelError: no file, a Git LFS pointer, a SavedModel's own file, or none of these.
    """
    data = _bytes(path)
    kind = protos.meta_graph_pb2().MetaGraphDef
    for form in (GRAPH, META_GRAPH) if _has_nodes(data) else (META_GRAPH, GRAPH):
        made, meta_graph = kind(), None
        if form == META_GRAPH:
            meta_graph = _parsed(data, kind, lambda message: _is_graph(message.graph_def))
        elif (graph := _parsed(data, type(made.graph_def), _is_graph)) is not None:
            made.graph_def.CopyFrom(graph)
            meta_graph = made
        if meta_graph is not None:
            return GraphFile(path, form, meta_graph)
    if _parsed(data, protos.saved_model_pb2().SavedModel, lambda message: bool(message.meta_graphs)) is not None:
        raise UnreadableModelError(
            "this is the graph file of a SavedModel",
            where=str(path),
            wanted="a MetaGraphDef or a GraphDef",
            next_step="name the SavedModel's directory, with the file in it as saved_model.pb or saved_model.pbtxt",
        )
    raise UnreadableModelError(
        "this is no graph",
        where=str(path),
        found=f"{len(data)} bytes that are neither a MetaGraphDef nor a GraphDef with nodes",
        wanted="a MetaGraphDef or a GraphDef, binary or text",
        next_step="write it with tf.compat.v1.train.export_meta_graph or tf.io.write_graph",
    )


def is_graph_def(path: Path) -> bool:
    """Tell whether a file named as a SavedModel's graph holds a GraphDef or MetaGraphDef instead.

    Only its first bytes are looked at where they tell: a SavedModel begins with its schema version or a MetaGraph.
    """
    with path.open("rb") as file:
        start = file.read(4096)
    if start[:1] in (b"\x08", b"\x12") or b"meta_graphs" in start or not start:
        return False
    try:
        read_graph_file(path)
    except UnreadableModelError:
        return False
    return True


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableModelError(
            "the graph cannot be read",
            where=str(path),
            found=str(error.strerror),
            wanted="a file with a MetaGraphDef or a GraphDef",
            next_step="check the path",
        ) from error
    if data.startswith(_LFS):
        raise UnreadableModelError(
            "the graph itself was not fetched",
            where=str(path),
            found="a Git LFS pointer",
            wanted="the file",
            next_step="git lfs pull",
        )
    return data


def _parsed(data: bytes, kind: Any, plausible: Callable[[Any], bool]) -> Any | None:
    """Return the message that the bytes are, as binary or else as text."""
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError:
        message = kind()
    if plausible(message):
        return message
    message = kind()
    try:
        text_format.Parse(data, message)
    except (text_format.ParseError, ValueError, RecursionError):  # bytes that are no UTF-8 are a ValueError
        return None
    return message if plausible(message) else None


def _has_nodes(data: bytes) -> bool:
    """Tell a GraphDef, whose first field is there once a node, from a MetaGraphDef, which has it once.

    Protobuf prints an error for text that is none, as it finds in a GraphDef that is read as the other.
    """
    return sum(number == 1 for number, _ in islice(fields(data), 3)) > 1


def _is_graph(graph: Any) -> bool:
    """Any bytes may parse; a graph has nodes, and each has a name and an op."""
    return bool(graph.node) and all(node.name and node.op for node in graph.node)
