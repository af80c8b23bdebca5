"""One feature of a batch of examples, whatever form they came in: its values in a row, and how many each has."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: A dimension that differs within an example, among `Column.shapes`.
UNEVEN = -2


@dataclasses.dataclass(frozen=True)
class Column:
    """One feature of a batch: all values in a row, and how many each example has (int [rows]).

    Where examples bring their shapes, these are `shapes`, int64 [rows, rank]: -1 behind a shape's last
    dimension, UNEVEN where a dimension is not the same throughout the example.
    """

    values: Array
    lengths: Array
    shapes: Array | None = None
