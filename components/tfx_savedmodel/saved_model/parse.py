"""The bytes of `saved_model.pb` or `.pbtxt` as a SavedModel proto, or a fault that says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.local import leaves
from tfx_savedmodel.saved_model.locate import GRAPH_FILES

_LFS = b"version https://git-lfs"


class Fault(Exception):
    """Why a graph file cannot be read; the text is for the report."""


def parse_saved_model(root: Path, name: str) -> Any:
    """Return the SavedModel proto of `root / name`.

    Raises:
      Fault: absent, outside of the directory, a Git LFS pointer, empty, or not parsable.
    """
    if not name:
        raise Fault(f"no {' or '.join(GRAPH_FILES[:2])}")
    if name.endswith(".cpb"):
        raise Fault("only saved_model.cpb is there: a model split into chunks, which is not read here")
    path = root / name
    if path.is_symlink() and leaves(root, name):
        raise Fault(f"{name} is a link that leaves the directory")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Fault(f"{name} cannot be read: {error.strerror}") from error
    if data.startswith(_LFS):
        raise Fault(f"{name} is a Git LFS pointer: the model itself was not fetched (git lfs pull)")
    if not data:
        raise Fault(f"{name} is empty")
    return _text(data, name) if name.endswith(".pbtxt") else _binary(data, name)


def _binary(data: bytes, name: str) -> Any:
    from google.protobuf.message import DecodeError

    proto = protos.saved_model_pb2().SavedModel()
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        raise Fault(f"{name} is no SavedModel: its {len(data)} bytes do not parse ({error})") from error
    if not proto.meta_graphs:
        raise Fault(f"{name} holds no MetaGraph")
    return proto


def _text(data: bytes, name: str) -> Any:
    from google.protobuf import text_format

    # Any-typed collections (assets) are parsed by their descriptors, which must be known.
    protos.meta_graph_pb2()
    proto = protos.saved_model_pb2().SavedModel()
    try:
        text_format.Parse(data, proto)
    except (text_format.ParseError, ValueError, RecursionError) as error:
        raise Fault(f"{name} is no SavedModel in text form: {error}") from error
    if not proto.meta_graphs:
        raise Fault(f"{name} holds no MetaGraph")
    return proto
