"""Serialized tf.Examples -> raw features as columns -> the dense arrays that inputs take."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.feeding import FeatureInput
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


@dataclasses.dataclass(frozen=True)
class Column:
    """One feature of a batch: all values in a row, and how many each example has (int [rows])."""

    values: Array
    lengths: Array


class FeatureParser:
    """Parses features by name out of serialized examples, one TensorFlow call for a batch.

    Args:
      kinds: the features, each with the list that holds its values: "float", "int64" or "bytes".
    """

    def __init__(self, kinds: Mapping[str, str]) -> None:
        import tensorflow as tf

        dtypes = {"float": tf.float32, "int64": tf.int64, "bytes": tf.string}
        spec = {name: tf.io.RaggedFeature(dtypes[kind]) for name, kind in kinds.items()}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def parse(serialized: Any) -> Any:
            parsed = tf.io.parse_example(serialized, spec)
            return {name: (ragged.flat_values, ragged.row_lengths()) for name, ragged in parsed.items()}

        self._parse = parse

    def __call__(self, serialized: Array) -> dict[str, Column]:
        """Return the columns of a batch (bytes [rows]).

        Raises:
          tf.errors.InvalidArgumentError: a record is no tf.Example, or holds another kind of list.
        """
        parsed = self._parse(serialized)
        return {name: Column(values.numpy(), lengths.numpy()) for name, (values, lengths) in parsed.items()}


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
    _, together = np.unique(np.stack([part.sizes for part in parts]), axis=1, return_inverse=True)
    keys = together.reshape(-1).astype(np.int64)
    keys[list(reasons)] = BAD
    return RowsDiffer(keys, reasons)


class _Dense:
    """One input's array out of one feature's column, looked at row by row without a loop.

    `absent` bool [rows] are filled; `bad` bool [rows] cannot be fed; `sizes` int64 [rows] is the open
    dimension, which has to be the same for rows that are fed together.
    """

    def __init__(self, name: str, wanted: FeatureInput, column: Column) -> None:
        import numpy as np

        self.name = name
        self.wanted = wanted
        self.column = column
        lengths = column.lengths
        is_open = None in wanted.shape
        unit = math.prod(size for size in wanted.shape if size is not None)
        empty = lengths == 0
        self.absent = empty if wanted.missing is not None and unit else np.zeros_like(empty)
        self.sizes = np.zeros(len(lengths), np.int64)
        wrong = lengths != unit
        if is_open:
            wrong = lengths % max(unit, 1) != 0
            self.sizes = np.where(self.absent, 1, lengths // max(unit, 1)).astype(np.int64)
        self.values = column.values
        if wanted.dtype != "string":
            self.values = column.values.astype(_numpy_dtype(wanted.dtype), copy=False)
        self.changed = self._changed()
        self.bad = (wrong & ~self.absent) | self.changed
        self.is_uniform = not self.bad.any() and bool((self.sizes == self.sizes[:1]).all())

    def reason(self, row: int) -> str:
        """Say why a bad row cannot be fed."""
        feature, count = self.wanted.feature, int(self.column.lengths[row])
        if count == 0:
            return f"the feature {feature!r} is missing, and input {self.name!r} declares no value for that"
        if self.changed[row]:
            return f"a value of the feature {feature!r} is out of range for input {self.name!r} ({self.wanted.dtype})"
        shape = ", ".join("?" if size is None else str(size) for size in self.wanted.shape)
        return f"the feature {feature!r} has {count} value(s), input {self.name!r} takes [{shape}] of them"

    def array(self) -> Array:
        """Return the input of uniform rows."""
        import numpy as np

        size = self.sizes[0] if len(self.sizes) else 1
        shape = (len(self.sizes), *(size if length is None else length for length in self.wanted.shape))
        if not self.absent.any():
            return self.values.reshape(shape)
        fill: Any = b"" if self.wanted.missing == "empty" else np.nan
        filled = np.full(shape, fill, dtype=self.values.dtype)
        filled[~self.absent] = self.values.reshape((-1, *shape[1:]))
        return filled

    def _changed(self) -> Array:
        """Return which rows hold an integer that the input's narrower type does not hold."""
        import numpy as np

        lengths, raw = self.column.lengths, self.column.values
        outside = np.zeros(len(lengths), bool)
        if raw.dtype.kind == "i" and self.values.dtype.kind in "iub" and self.values.dtype != raw.dtype:
            differs = self.values.astype(np.int64) != raw
            outside[np.repeat(np.arange(len(lengths)), lengths)[differs]] = True
        return outside


def _numpy_dtype(name: str) -> Any:
    import tensorflow as tf

    return tf.as_dtype(name).as_numpy_dtype
