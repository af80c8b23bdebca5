"""Python code inside a Keras model, found before anything of the model is deserialised."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError, UnsafeModelError

_METADATA_FILE = "keras_metadata.pb"
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_CLASSES = {"Lambda", "__lambda__"}


def refuse_lambdas(model: Path) -> None:
    """Raise UnsafeModelError where the configuration of a Keras model holds marshalled Python code.

    `model` is a SavedModel directory, an H5 or a `.keras` file. Loading would unmarshal the code,
    and running the model would run it; Keras's own safe mode guards `.keras` files only.
    """
    for place, text in _configurations(model):
        try:
            found = next(_marshalled(json.loads(text)), None)
        except (ValueError, RecursionError) as error:
            raise UnreadableModelError(
                "the Keras configuration cannot be read", where=f"{model}: {place}", found=str(error)
            ) from error
        if found is not None:
            raise UnsafeModelError(
                "the model holds Python code that loading would unpack",
                where=f"{model}: {place}",
                found=found,
                wanted="layers that are described by their configuration alone",
                next_step="replace each Lambda by a built-in or registered layer, and save the model again",
            )


def written_by(model: Path) -> str:
    """Return the version of Keras that a Keras file says it was written with, or an empty string."""
    try:
        if zipfile.is_zipfile(model):
            with zipfile.ZipFile(model) as archive:
                return str(json.loads(archive.read("metadata.json")).get("keras_version", ""))
        if _is_hdf5(model):
            return _hdf5_attribute(model, "keras_version")
    except (OSError, KeyError, ValueError, AttributeError):
        return ""
    return ""


def _configurations(model: Path) -> Iterator[tuple[str, str]]:
    if model.is_dir():
        yield from _saved_model_configurations(model)
    elif zipfile.is_zipfile(model):
        with zipfile.ZipFile(model) as archive:
            for name in archive.namelist():
                if name.endswith("config.json"):
                    yield name, archive.read(name).decode("utf-8", errors="replace")
    elif _is_hdf5(model):
        text = _hdf5_attribute(model, "model_config")
        if text:
            yield "model_config", text


def _saved_model_configurations(model: Path) -> Iterator[tuple[str, str]]:
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


def _is_hdf5(model: Path) -> bool:
    with model.open("rb") as file:
        return file.read(len(_HDF5_MAGIC)) == _HDF5_MAGIC


def _hdf5_attribute(model: Path, name: str) -> str:
    import h5py

    with h5py.File(model, "r") as file:
        value = file.attrs.get(name, "")
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _marshalled(config: Any) -> Iterator[str]:
    """Yield a short description of each place in a configuration that holds marshalled code."""
    if isinstance(config, dict):
        if config.get("class_name") in _CLASSES:
            inner = config.get("config")
            name = inner.get("name", "") if isinstance(inner, dict) else ""
            yield f"a {config['class_name']} {name!r}" if name else f"a {config['class_name']}"
        for key, value in config.items():
            if key.endswith("_type") and value == "lambda":
                yield f"a function in {key.removesuffix('_type')!r}"
            yield from _marshalled(value)
    elif isinstance(config, list):
        for value in config:
            yield from _marshalled(value)
