"""What a directory without a SavedModel's graph holds all the same, told by the names of its files."""

from __future__ import annotations

from pathlib import Path

#: The format before SavedModel, of TensorFlow up to 0.12 and the first TensorFlow Serving.
_SESSION_BUNDLE = "export.meta"

#: What only a SavedModel has beside its graph.
_OF_SAVED_MODELS = ("variables", "keras_metadata.pb", "fingerprint.pb", "assets.extra")

_BY_SUFFIX = {
    ".tflite": "a TensorFlow Lite model",
    ".onnx": "an ONNX model",
    ".meta": "a TF1 checkpoint with its graph",
    ".index": "a checkpoint",
    ".pb": "a graph file",
    ".pbtxt": "a graph file",
}


def is_remains(directory: Path) -> bool:
    """Tell whether a directory is what is left of a SavedModel that lost its graph."""
    return any((directory / name).exists() for name in _OF_SAVED_MODELS)


def said_by_files(directory: Path) -> str:
    """Return what the files say that a directory is, as a sentence's end; empty where there is no sign of a model."""
    names = sorted(child.name for child in directory.iterdir())
    if _SESSION_BUNDLE in names:
        return f"{_SESSION_BUNDLE} says that this is a SessionBundle, the format before SavedModel"
    left = [name for name in _OF_SAVED_MODELS if name in names]
    if left:
        return f"{left[0]} says that this is a SavedModel whose graph is missing"
    for suffix, form in _BY_SUFFIX.items():
        name = next((name for name in names if name.endswith(suffix)), None)
        if name is not None:
            return f"{name} says that this is {form}, not a SavedModel"
    return ""
