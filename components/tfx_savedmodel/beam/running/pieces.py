"""Runs a batch of any size through what takes a fixed one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def in_pieces(
    size: int, inputs: Mapping[str, Array], run: Callable[[Mapping[str, Array]], Mapping[str, Array]]
) -> dict[str, Array]:
    """Run pieces of `size` rows, the last one filled up with its last row, and join the answers.

    An answer that has no row for each of a piece's is the first piece's.
    """
    import numpy as np

    rows = len(next(iter(inputs.values())))
    pieces: list[Mapping[str, Array]] = []
    for start in range(0, rows, size):
        index = np.minimum(np.arange(start, start + size), rows - 1)
        pieces.append(run({name: array[index] for name, array in inputs.items()}))
    joined = {}
    for name, first in pieces[0].items():
        has_rows = np.ndim(first) > 0 and len(first) == size
        joined[name] = np.concatenate([piece[name] for piece in pieces])[:rows] if has_rows else first
    return joined
