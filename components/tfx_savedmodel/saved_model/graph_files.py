"""A file that holds one TF1 graph, a MetaGraphDef or a GraphDef, binary or text: told by its content."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.wire import fields

META_GRAPH = "MetaGraphDef"
GRAPH = "GraphDef"
_SAVED_MODEL = "SavedModel"
_OP = re.compile(rb"[A-Za-z0-9_.>]+")

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
    for form, message in _readings(data):
        if form == META_GRAPH and _is_graph(message.graph_def):
            return GraphFile(path, META_GRAPH, message)
        if form == GRAPH and _is_graph(message):
            made = kind()
            made.graph_def.CopyFrom(message)
            return GraphFile(path, GRAPH, made)
        if form == _SAVED_MODEL and message.meta_graphs:
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


def _readings(data: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the messages that the bytes may be, as binary and as text, the likeliest first."""
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    meta_graph = protos.meta_graph_pb2().MetaGraphDef
    kinds = {META_GRAPH: meta_graph, GRAPH: type(meta_graph().graph_def)}
    kinds[_SAVED_MODEL] = protos.saved_model_pb2().SavedModel
    for form in _binary_forms(data):
        with contextlib.suppress(DecodeError):
            yield form, kinds[form].FromString(data)
    for form, kind in kinds.items():
        message = kind()
        # What is no UTF-8 is a ValueError.
        with contextlib.suppress(text_format.ParseError, ValueError, RecursionError):
            yield form, text_format.Parse(data, message)


def _binary_forms(data: bytes) -> tuple[str, ...]:
    """Tell by the first field: a SavedModel's is a number, a GraphDef's a node, whose op is a plain word."""
    number, value = next(fields(data), (0, 0))
    if number == 1 and isinstance(value, int):
        return (_SAVED_MODEL,)
    if number == 1 and isinstance(value, bytes):
        ops = [item for at, item in fields(value) if at == 2 and isinstance(item, bytes)]
        return (GRAPH,) if ops and _OP.fullmatch(ops[0]) else (META_GRAPH,)
    return (META_GRAPH, _SAVED_MODEL) if number == 2 else ()


def _is_graph(graph: Any) -> bool:
    """Any bytes may parse; a graph has nodes, and each has a name and an op."""
    return bool(graph.node) and all(node.name and node.op for node in graph.node)
