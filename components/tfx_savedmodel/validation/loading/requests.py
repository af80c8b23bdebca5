"""Requests made up for a signature, to compare two models: empty and neutral ones, and ones with varied numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.saved_model.view import MetaGraphView, SignatureView
from tfx_savedmodel.validation.check import Skip
from tfx_savedmodel.validation.loading.synthetic import BATCHES, synthetic_inputs

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray[Any, Any]]

#: Strings that vocabularies and tokenizers do something with.
_WORDS = (b"", b"a", b"the cat sat", b"0.5", b"1 2 3")
_SEED = 7
#: Small enough to be an index into most embeddings.
_LARGEST = 3


def made_up_requests(meta_graph: MetaGraphView, signature: SignatureView) -> list[Arrays]:
    """Return inputs by name: as SM204 makes them, in each size of batch, and with varied numbers and words.

    Raises:
      Skip: none can be made.
    """
    made: list[Arrays] = []
    reason: Skip | None = None
    for batch in BATCHES:
        try:
            inputs = synthetic_inputs(meta_graph, signature, batch)
        except Skip as skip:
            reason = reason or skip
            continue
        made.append(inputs)
        if batch:
            made.append({name: _varied(value) for name, value in inputs.items()})
    if not made:
        raise reason or Skip("no request can be made up")
    return made


def batches_of_one(examples: Sequence[bytes]) -> list[np.ndarray[Any, Any]]:
    """Return each serialized example as a batch, strings [1]."""
    import numpy as np

    return [np.array([one], dtype=object) for one in examples]


def _varied(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return an array of its dtype and shape; serialized examples stay what they are."""
    import numpy as np

    random = np.random.default_rng(_SEED)
    if array.dtype.kind in "fc":
        return np.asarray(random.normal(size=array.shape)).astype(array.dtype)
    if array.dtype.kind in "iu":
        return random.integers(0, _LARGEST, size=array.shape).astype(array.dtype)
    if array.dtype.kind == "b":
        return np.asarray(random.integers(0, 2, size=array.shape)).astype(bool)
    if array.dtype == object and not any(array.reshape(-1)):
        words = np.empty(array.shape, dtype=object)
        flat = words.reshape(-1)
        for place in range(flat.size):
            flat[place] = _WORDS[place % len(_WORDS) + 1 if place + 1 < len(_WORDS) else 0]
        return words
    return array
