"""What Keras 2 writes beside a SavedModel about itself, read as data: nothing is deserialised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model.local import leaves
from tfx_savedmodel.saved_model.wire import fields

FILE = "keras_metadata.pb"

#: Bytes; what Keras writes for its largest models is far below.
_LARGEST = 256 << 20


def keras_nodes(directory: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (path in the object graph, metadata) for each Keras object of a SavedModel.

    The file is a SavedMetadata proto; only its nodes' node_path and metadata fields are read.
    Nothing is yielded where there is no such file or it cannot be read.
    """
    path = directory / FILE
    if not path.is_file() or leaves(directory, FILE) or path.stat().st_size > _LARGEST:
        return
    # keras/protobuf/saved_metadata.proto: a node has its id, path and JSON in these fields. Its
    # module belongs to Keras, whose import is what is to be avoided.
    for field, node in fields(path.read_bytes()):
        values = dict(fields(node)) if field == 1 and isinstance(node, bytes) else {}
        try:
            metadata = json.loads(_text(values.get(5)) or "{}")
        except (ValueError, RecursionError):
            continue
        if isinstance(metadata, dict):
            yield _text(values.get(3)), metadata


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
