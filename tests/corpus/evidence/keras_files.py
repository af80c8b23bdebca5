"""What Keras files and Keras metadata hold, read with h5py, zipfile and json: nothing is built of them."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

#: Modules whose classes Keras brings itself.
KERAS_MODULES = ("keras", "builtins", "tensorflow", "tf_keras")


def keras_file(path: Path) -> Json:
    """Return what kind of file it is, its members or groups, and its configuration's classes."""
    head = path.read_bytes()[:8]
    facts: Json = {"bytes": path.stat().st_size, "head": head.hex()}
    try:
        if zipfile.is_zipfile(path):
            facts.update(_zip(path))
        else:
            facts.update(_hdf5(path))
    except Exception as error:  # what cannot be read is the evidence
        facts["error"] = f"{type(error).__name__}: {error}"[:200]
    return facts


def _zip(path: Path) -> Json:
    with zipfile.ZipFile(path) as archive:
        names = Counter(archive.namelist())
        config = json.loads(archive.read("config.json"))
        broken = archive.testzip()
    return {
        "kind": "zip",
        "members": sorted(names),
        "twice": sorted(name for name, count in names.items() if count > 1),
        "broken": broken,
        **classes(config),
    }


def _hdf5(path: Path) -> Json:
    import h5py

    with h5py.File(path) as file:
        config = file.attrs.get("model_config")
        weights = [0]
        file.visititems(lambda name, item: weights.append(item.size) if isinstance(item, h5py.Dataset) else None)
        facts = {
            "kind": "hdf5",
            "members": sorted(file),
            "attributes": sorted(file.attrs),
            "weights": int(sum(weights)),
        }
    return facts if config is None else {**facts, **classes(json.loads(config))}


def keras_metadata(directory: Path) -> Json | None:
    """Return the classes that keras_metadata.pb of a SavedModel names, by TensorFlow's own proto."""
    path = directory / "keras_metadata.pb"
    if not path.is_file():
        return None
    from keras.protobuf import saved_metadata_pb2

    proto = saved_metadata_pb2.SavedMetadata.FromString(path.read_bytes())
    return classes([json.loads(node.metadata) for node in proto.nodes if node.metadata])


def classes(config: Any) -> Json:
    """Return every class that a configuration names, the Lambdas, and what no module of Keras brings."""
    named = list(_named(config))
    return {
        "classes": dict(sorted(Counter(name for name, _, _ in named).items())),
        "lambdas": [layer for name, _, layer in named if name == "Lambda"],
        "modules": sorted(
            {str(module) for _, module, _ in named if module and not str(module).startswith(KERAS_MODULES)}
        ),
        "registered": sorted(set(_registered(config))),
        "marshalled": '"__lambda__"' in json.dumps(config) or '"function_type": "lambda"' in json.dumps(config),
    }


def _registered(config: Any) -> Iterator[str]:
    """Yield the classes that Keras 3 notes as registered under a name, which it does for none of its own."""
    if isinstance(config, dict):
        if config.get("registered_name") and not str(config.get("module")).startswith(KERAS_MODULES):
            yield str(config["class_name"])
        for value in config.values():
            yield from _registered(value)
    elif isinstance(config, list):
        for value in config:
            yield from _registered(value)


def _named(config: Any) -> Iterator[tuple[str, Any, str]]:
    if isinstance(config, dict):
        name = config.get("class_name")
        if isinstance(name, str):
            inner = config.get("config")
            layer = inner.get("name", "") if isinstance(inner, dict) else ""
            yield name, config.get("module"), layer
        for value in config.values():
            yield from _named(value)
    elif isinstance(config, list):
        for value in config:
            yield from _named(value)
