"""Raw features as columns -> the dense arrays that inputs take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.columns import UNEVEN, Column
from tfx_savedmodel.beam.running.feeding import FeatureInput
from tfx_savedmodel.validation.check import RunFailed

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: The key of a row that cannot be fed, among the keys of `RowsDiffer`.
BAD = -1


class RowsDiffer(RunFailed):
    """The rows of a batch cannot be fed together.

    `keys` is int64 [rows]: rows with the same key can, those with key BAD cannot be fed at all, for
    which `row_reasons` has a text by row.
    """

    def __init__(self, keys: Array, row_reasons: Mapping[int, str]) -> None:
        super().__init__("the examples cannot be fed as one batch")
        self.keys = keys
        self.row_reasons = dict(row_reasons)


def dense_inputs(inputs: Mapping[str, FeatureInput], columns: Mapping[str, Column]) -> dict[str, Array]:
    """Return the arrays [rows, …] that a signature's inputs take, by input name.

    Raises:
      RowsDiffer: an example lacks a feature, or has another number of values than an input takes.
    """
    parts = {name: _Dense(name, wanted, columns[wanted.feature]) for name, wanted in inputs.items()}
    if all(part.is_uniform for part in parts.values()):
        return {name: part.array() for name, part in parts.items()}
    raise _difference(list(parts.values()))


def _difference(parts: list[_Dense]) -> RowsDiffer:
    import numpy as np

    reasons: dict[int, str] = {}
    for part in parts:
        for row in np.flatnonzero(part.bad).tolist():
            reasons.setdefault(row, part.reason(row))
    # A column that is always there, for an array without columns has no rows to tell apart.
    sizes = [np.zeros((len(parts[0].bad), 1), np.int64), *(part.sizes for part in parts)]
    _, together = np.unique(np.concatenate(sizes, axis=1), axis=0, return_inverse=True)
    keys = together.reshape(-1).astype(np.int64)
    keys[list(reasons)] = BAD
    return RowsDiffer(keys, reasons)


class _Dense:
    """One input's array out of one feature's column, looked at row by row without a loop.

    `absent` bool [rows] are filled; `bad` bool [rows] cannot be fed; `sizes` int64 [rows, …] are the dimensions that
    are open, which have to be the same for rows that are fed together.
    """

    def __init__(self, name: str, wanted: FeatureInput, column: Column) -> None:
        import numpy as np

        self.name = name
        self.wanted = wanted
        self.column = column
        unit = math.prod(size for size in wanted.shape if size is not None)
        empty = column.lengths == 0
        self.absent = empty if wanted.missing is not None and unit else np.zeros_like(empty)
        dims, wrong = _flat_dims(wanted.shape, column.lengths)
        if column.shapes is not None and column.shapes.shape[1] > 1:
            dims, wrong = _shaped_dims(wanted.shape, column.shapes, dims, wrong)
        self.sizes = np.where(self.absent[:, None], 1, dims)
        self.values = column.values
        if wanted.dtype != "string":
            with np.errstate(invalid="ignore"):  # a NaN for an integer is looked for below
                self.values = column.values.astype(_numpy_dtype(wanted.dtype), copy=False)
        self.changed = self._changed()
        self.bad = (wrong & ~self.absent) | self.changed
        self.is_uniform = not self.bad.any() and bool((self.sizes == self.sizes[:1]).all())

    def reason(self, row: int) -> str:
        """Say why a bad row cannot be fed."""
        feature, count = self.wanted.feature, int(self.column.lengths[row])
        called = f"the feature {feature!r}" if feature else "the value"
        if count == 0:
            return f"{called} is missing, and input {self.name!r} declares no value for that"
        if self.changed[row]:
            return f"a value of {called} is out of range for input {self.name!r} ({self.wanted.dtype})"
        shape = ", ".join("?" if size is None else str(size) for size in self.wanted.shape)
        own = self._own_shape(row)
        has = f"{count} value(s)" if own is None else f"the shape [{own}]"
        return f"{called} has {has}, input {self.name!r} takes [{shape}] of them"

    def array(self) -> Array:
        """Return the input of uniform rows."""
        import numpy as np

        sizes = iter(self.sizes[0] if len(self.sizes) else [1] * self.sizes.shape[1])
        inner = [int(next(sizes)) if length is None else length for length in self.wanted.shape]
        shape = (len(self.sizes), *inner)
        if not self.absent.any():
            return self.values.reshape(shape)
        fill: Any = b"" if self.wanted.missing == "empty" else np.nan
        filled = np.full(shape, fill, dtype=self.values.dtype)
        filled[~self.absent] = self.values.reshape((-1, *inner))
        return filled

    def _own_shape(self, row: int) -> str | None:
        if self.column.shapes is None or self.column.shapes.shape[1] < 2:
            return None
        return ", ".join("uneven" if size == UNEVEN else str(size) for size in self.column.shapes[row] if size != -1)

    def _changed(self) -> Array:
        """Return which rows hold a number that the input's narrower type, or its integers, do not hold."""
        import numpy as np

        lengths, raw = self.column.lengths, self.column.values
        outside = np.zeros(len(lengths), bool)
        if raw.dtype.kind in "iuf" and self.values.dtype.kind in "iub" and self.values.dtype != raw.dtype:
            differs = self.values.astype(raw.dtype) != raw
            if raw.dtype.kind != self.values.dtype.kind:  # a large unsigned one wraps around, and back
                differs |= (raw < 0) != (self.values < 0)
            outside[np.repeat(np.arange(len(lengths)), lengths)[differs]] = True
        return outside


def _flat_dims(shape: tuple[int | None, ...], lengths: Array) -> tuple[Array, Array]:
    """Return the open dimensions (int64 [rows, 0 or 1 or more]) of rows without a shape, and which fit none."""
    import numpy as np

    unit = math.prod(size for size in shape if size is not None)
    count = sum(size is None for size in shape)
    if count == 0:
        return np.zeros((len(lengths), 0), np.int64), lengths != unit
    # Where several are open nothing tells them apart: only rows that bring their shape fit.
    wrong = lengths % max(unit, 1) != 0 if count == 1 else np.ones(len(lengths), bool)
    return np.tile((lengths // max(unit, 1)).astype(np.int64)[:, None], (1, count)), wrong


def _shaped_dims(wanted: tuple[int | None, ...], shapes: Array, flat: Array, flat_wrong: Array) -> tuple[Array, Array]:
    """Return the same of rows with a shape; one of rank 0 or 1 is looked at as one without, where that can be."""
    import numpy as np

    padded = np.pad(shapes, ((0, 0), (0, max(0, len(wanted) - shapes.shape[1]))), constant_values=-1)
    ranks = (padded != -1).sum(axis=1)
    if len(wanted) == 1:  # steps of one value each are as good as the values
        ranks = np.where((ranks == 2) & (padded[:, 1] == 1), 1, ranks)
    wrong = ranks != len(wanted)
    for place, size in enumerate(wanted):
        wrong |= (padded[:, place] < 0) if size is None else (padded[:, place] != size)
    own = padded[:, [place for place, size in enumerate(wanted) if size is None]]
    is_flat = (ranks < 2) & (len(wanted) < 2)
    # No step at all has no shape to speak of.
    is_none = (padded[:, 0] == 0) & (None in wanted[:1])
    dims = np.where((is_flat | is_none)[:, None], flat, own)
    return dims, np.where(is_none, False, np.where(is_flat, flat_wrong, wrong))


def _numpy_dtype(name: str) -> Any:
    import tensorflow as tf

    return tf.as_dtype(name).as_numpy_dtype
