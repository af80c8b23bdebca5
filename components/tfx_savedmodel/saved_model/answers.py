"""A SavedModel's answers to given requests, to compare two models bit by bit; loads and runs the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.saved_model.garbage import collector_paused
from tfx_savedmodel.saved_model.session import ServingSession

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]

_MOST_WORDS = 500


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a signature gives for one request: outputs by name, or the kind of error and its words."""

    outputs: Arrays | None = None
    error: str = ""
    words: str = ""


def ask(
    directory: Path, tags: Sequence[str], requests: Mapping[str, Sequence[Arrays]], *, times: int = 1
) -> list[dict[str, list[Answer]]] | str:
    """Return the answers to each signature's requests, asked so many times; or why the model cannot be loaded.

    One thread runs it, so that sums have one order. The caller has judged the model: it is loaded and run.
    """
    try:
        session = ServingSession(directory, tuple(tags), threads=1)
    except Exception as error:  # whatever a loader raises is its answer
        return _words(error)
    with session:
        return [
            {key: [_ask(session, key, request) for request in asked] for key, asked in requests.items()}
            for _ in range(times)
        ]


def _ask(session: ServingSession, key: str, request: Arrays) -> Answer:
    try:
        return Answer(session.run(key, request))
    except Exception as error:  # the graph's own failure is an answer
        return Answer(error=type(error).__name__, words=_words(error))


def same(one: Answer, other: Answer) -> bool:
    """Tell whether two answers are equal to the last bit: NaN is itself, and -0.0 not 0.0."""
    if one.outputs is None or other.outputs is None:
        return one.outputs is other.outputs and one.error == other.error
    return set(one.outputs) == set(other.outputs) and all(
        _same_array(value, other.outputs[name]) for name, value in one.outputs.items()
    )


def alike(one: Answer, other: Answer) -> bool:
    """Tell whether two answers have the same names, dtypes and ranks, or fail in the same way."""
    if one.outputs is None or other.outputs is None:
        return one.outputs is other.outputs and one.error == other.error
    return {name: (value.dtype, value.ndim) for name, value in one.outputs.items()} == {
        name: (value.dtype, value.ndim) for name, value in other.outputs.items()
    }


def _same_array(one: Any, other: Any) -> bool:
    import numpy as np

    one, other = np.asarray(one), np.asarray(other)
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return bool(one.tolist() == other.tolist()) if one.dtype == object else bool(one.tobytes() == other.tobytes())


def tf2_fault(directory: Path, tags: Sequence[str]) -> str | None:
    """Return why TF2's loader does not load a model, None where it does. The caller has judged the model."""
    import tensorflow as tf

    try:
        with collector_paused():
            tf.saved_model.load(str(directory), tags=list(tags))
    except Exception as error:  # whatever a loader raises is its answer
        return _words(error)
    return None


def _words(error: Exception) -> str:
    """Return an error in a line: TensorFlow's own have many."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:_MOST_WORDS]
