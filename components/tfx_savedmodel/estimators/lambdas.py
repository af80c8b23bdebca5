"""Python code inside a Keras SavedModel, found before anything of the model is deserialised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.sources.keras_objects import refuse_lambdas

_METADATA_FILE = "keras_metadata.pb"


def refuse_lambdas_of(saved_model: Path) -> None:
    """Raise UnsafeModelError where the Keras metadata of a SavedModel holds marshalled Python code.

    Loading would unmarshal the code, and running the model would run it; Keras's own safe mode guards
    `.keras` files only. Custom classes are no danger: Keras restores them from their traced functions.
    """
    for place, text in _configurations(saved_model):
        where = f"{saved_model}: {place}"
        try:
            refuse_lambdas(json.loads(text), where)
        except (ValueError, RecursionError) as error:
            raise UnreadableModelError(
                "the Keras configuration cannot be read", where=where, found=str(error)
            ) from error


def _configurations(model: Path) -> Iterator[tuple[str, str]]:
    """Yield Keras metadata by node: from its own file, and from the object graph as TF 2.4 wrote it."""
    metadata = model / _METADATA_FILE
    if metadata.is_file():
        from keras.protobuf import saved_metadata_pb2

        nodes = saved_metadata_pb2.SavedMetadata.FromString(metadata.read_bytes()).nodes
        yield from ((f"{_METADATA_FILE}, {node.node_path}", node.metadata) for node in nodes if node.metadata)
        return
    from tfx_savedmodel.saved_model.locate import GRAPH_FILES
    from tfx_savedmodel.saved_model.parse import parse_saved_model

    name = next(name for name in GRAPH_FILES if (model / name).is_file())
    for meta_graph in parse_saved_model(model, name).meta_graphs:
        for index, node in enumerate(meta_graph.object_graph_def.nodes):
            if node.user_object.identifier.startswith("_tf_keras_") and node.user_object.metadata:
                yield f"object graph, node {index}", node.user_object.metadata
