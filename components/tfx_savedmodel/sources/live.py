"""Opening an object that lives in this process: a Keras model, or whatever else TensorFlow can save."""

from __future__ import annotations

from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.sources.keras import KerasSource
from tfx_savedmodel.sources.keras_load import is_keras_object
from tfx_savedmodel.sources.objects import ObjectSource
from tfx_savedmodel.sources.source import TrainedModel
from tfx_savedmodel.sources.traces import is_function

_RESERVED = "signatures"


def open_object(value: Any, described: str | None = None) -> TrainedModel:
    """Open a live Keras model or trackable object.

    Raises:
      UnsupportedModelError: TensorFlow cannot save it, or nobody knows its inputs.
    """
    name = described or f"the {type(value).__name__} in Python"
    source = KerasSource.of_object(value, name) if is_keras_object(value) else ObjectSource(value, name)
    _refuse_reserved(value, name)
    return source


def _refuse_reserved(value: Any, described: str) -> None:
    """Refuse an object with an attribute where TensorFlow keeps the signatures of what it saves.

    Raises:
      UnsupportedModelError: it has one that is not what loading a SavedModel gives.
    """
    # A restored SavedModel has signatures of its own there, which a further save replaces.
    if _RESERVED in getattr(value, "__dict__", {}) and not _is_signature_map(getattr(value, _RESERVED)):
        raise UnsupportedModelError(
            "the object has an attribute 'signatures'",
            where=described,
            found=type(getattr(value, _RESERVED)).__name__,
            wanted="another name: a SavedModel keeps its own signatures there",
            next_step="rename the attribute",
        )


def _is_signature_map(value: Any) -> bool:
    return hasattr(value, "items") and all(is_function(function) for _, function in value.items())
