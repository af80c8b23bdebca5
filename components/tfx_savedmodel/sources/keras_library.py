"""Which Keras does the work: TensorFlow's own, or the one of another generation that is installed beside it.

With TFX 1.21 both are: Keras 3, and Keras 2 as tf_keras. Which of them `tf.keras` is, its processes leave to the order
of their imports: tensorflow_transform asks for Keras 2 (TF_USE_LEGACY_KERAS), which counts where nothing has touched
`tf.keras` before. So a model is asked for its generation, never `tf.keras`.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib
from collections.abc import Iterator
from typing import Any

from tfx_savedmodel import versions

#: Makes `tf.keras` Keras 2, in processes that have not imported TensorFlow yet.
LEGACY = "TF_USE_LEGACY_KERAS"

_chosen: contextvars.ContextVar[int | None] = contextvars.ContextVar("generation of Keras", default=None)


@contextlib.contextmanager
def keras_of(version: str) -> Iterator[None]:
    """Let the Keras that wrote a model load and judge it, where it is installed; else TensorFlow's does."""
    generation = _generation(version)
    token = _chosen.set(generation if generation is not None and _has(generation) else None)
    try:
        yield
    finally:
        _chosen.reset(token)


def the_keras() -> Any:
    """Return the Keras that was chosen, else TensorFlow's."""
    generation = _chosen.get()
    if generation is not None:
        return _library(generation)
    import tensorflow as tf

    return tf.keras


def is_a(value: Any, name: str) -> bool:
    """Tell whether a value is of a class of Keras, "Model" or "layers.Layer", of whichever generation."""
    generation = generation_of(value)
    if generation is None or not _has(generation):
        return False
    kind = _library(generation)
    for part in name.split("."):
        kind = getattr(kind, part)
    return isinstance(value, kind)


def library_of(value: Any) -> Any:
    """Return the Keras that a Keras object is of."""
    generation = generation_of(value)
    return the_keras() if generation is None else _library(generation)


def generation_of(value: Any) -> int | None:
    """Return 2 or 3 for a Keras object, None for any other."""
    for base in type(value).__mro__:
        room = base.__module__.partition(".")[0]
        if room in ("keras", "tf_keras"):
            return 2 if room == "tf_keras" else _generation(versions.installed("keras") or "2")
    return None


def variables_for(version: str) -> dict[str, str]:
    """Return the environment of a process whose `tf.keras` is to be the Keras of a version, where there is a choice."""
    generation = _generation(version)
    if generation is None or not (_has(2) and _has(3)):
        return {}
    return {LEGACY: "1" if generation == 2 else "0"}


def _library(generation: int) -> Any:
    import tensorflow as tf

    if generation == _generation(getattr(tf.keras, "__version__", "2")):
        return tf.keras
    return importlib.import_module("keras" if generation == _of_keras() else "tf_keras")


def _has(generation: int) -> bool:
    return generation == _of_keras() or (generation == 2 and versions.installed("tf_keras") is not None)


def _of_keras() -> int | None:
    """Return the generation of the distribution `keras`."""
    return _generation(versions.installed("keras") or "")


def _generation(version: str) -> int | None:
    numbers = versions.release(version)
    return (3 if numbers[0] >= 3 else 2) if numbers else None
