"""What Keras 2 writes beside a SavedModel about itself, read as data: nothing is deserialised.

The file is a SavedMetadata proto; only its nodes' node_path and metadata fields are read.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model.local import leaves
from tfx_savedmodel.saved_model.wire import fields

FILE = "keras_metadata.pb"

#: Bytes; what Keras writes for its largest models is far below.
_LARGEST = 256 << 20


class Unreadable(Exception):
    """Why the file cannot be read whole; the text is for the report."""


def keras_nodes(directory: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (path in the object graph, metadata) for each Keras object of a SavedModel.

    Nothing more is yielded where there is no such file or it cannot be read; see `read_keras_nodes`.
    """
    with contextlib.suppress(Unreadable):
        yield from read_keras_nodes(directory)


def read_keras_nodes(directory: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield as `keras_nodes`, and do not keep quiet about what cannot be read.

    Raises:
      Unreadable: the file leaves the directory, is too large, or some of it is no metadata.
    """
    path = directory / FILE
    if not path.is_file():
        return
    if leaves(directory, FILE):
        raise Unreadable("is a link that leaves the directory")
    if path.stat().st_size > _LARGEST:
        raise Unreadable(f"has {path.stat().st_size} bytes, more than {_LARGEST}")
    # keras/protobuf/saved_metadata.proto: a node has its id, path and JSON in these fields. Its
    # module belongs to Keras, whose import is what is to be avoided.
    try:
        for field, node in fields(path.read_bytes(), strict=True):
            if field == 1 and isinstance(node, bytes):
                values = dict(fields(node, strict=True))
                yield _text(values.get(3)), parse_metadata(_text(values.get(5)))
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot be read: {error}") from error


def parse_metadata(text: str) -> dict[str, Any]:
    """Return what Keras wrote of one object; {} where it wrote nothing.

    Raises:
      ValueError: no JSON object.
    """
    try:
        metadata = json.loads(text or "{}")
    except RecursionError as error:
        raise ValueError("its nesting has no end") from error
    if not isinstance(metadata, dict):
        raise ValueError(f"a {type(metadata).__name__} where an object is described")
    return metadata


def output_names(directory: Path) -> list[str]:
    """Return the names of a functional or Sequential Keras model's output layers, else nothing."""
    for path, metadata in keras_nodes(directory):
        if path != "root":
            continue
        config = metadata.get("config")
        layers = config.get("output_layers") if isinstance(config, dict) else None
        if isinstance(layers, list):
            layers = [layers] if layers and isinstance(layers[0], str) else layers
            return [str(layer[0]) for layer in layers if isinstance(layer, list) and layer]
    return []


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
