"""Columns -> serialized tf.Examples, a batch at a time: TensorFlow's own encoder, no Python for an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from tfx_savedmodel.beam.reading.columns import Column

    Array = np.ndarray[Any, Any]

#: The encoder takes values padded to the longest row; more of them are encoded in parts.
_MOST_PADDED = 1 << 22


def encode_examples(columns: Mapping[str, Column], rows: int) -> Array:
    """Return the rows as serialized tf.Examples, object [rows] of bytes.

    A row without a value lacks the feature. Bool and integers become int64, floats float32.
    """
    import numpy as np
    import tensorflow as tf

    if rows == 0:
        return np.zeros(0, object)
    entries = []
    present = []
    for name, column in columns.items():
        entries.append(_entries(name, column))
        present.append(column.lengths > 0)
    if not entries:
        return np.full(rows, b"", object)
    # Map entries are a repeated field: those of a row have to stand at its beginning, the others are cut off.
    has = np.stack(present, axis=1)
    order = np.argsort(~has, axis=1, kind="stable")
    table = np.take_along_axis(np.stack(entries, axis=1), order, axis=1)
    sizes = has.sum(axis=1, dtype=np.int32)[:, None]
    features = tf.io.encode_proto(sizes, [table], ["feature"], "tensorflow.Features")
    examples = tf.io.encode_proto(_ones(rows), [features[:, None]], ["features"], "tensorflow.Example")
    encoded: Array = examples.numpy()
    return encoded


def _entries(name: str, column: Column) -> Array:
    """Return one serialized entry of the map of features for each row, object [rows]."""
    import numpy as np
    import tensorflow as tf

    message, field, values = _typed(column.values)
    lists = _lists(message, values, column.lengths)
    rows = len(column.lengths)
    features = tf.io.encode_proto(_ones(rows), [lists[:, None]], [field], "tensorflow.Feature")
    keys = tf.fill([rows, 1], name.encode())
    entries = tf.io.encode_proto(
        np.ones((rows, 2), np.int32), [keys, features[:, None]], ["key", "value"], "tensorflow.Features.FeatureEntry"
    )
    encoded: Array = entries.numpy()
    return encoded


def _typed(values: Array) -> tuple[str, str, Array]:
    import numpy as np

    if values.dtype.kind == "f":
        return "tensorflow.FloatList", "float_list", values.astype(np.float32, copy=False)
    if values.dtype.kind in "iub":
        return "tensorflow.Int64List", "int64_list", values.astype(np.int64, copy=False)
    return "tensorflow.BytesList", "bytes_list", values


def _lists(message: str, values: Array, lengths: Array) -> Any:
    """Return each row's list of values, serialized; parts are so small that padding does not fill memory."""
    import numpy as np
    import tensorflow as tf

    ends = np.cumsum(lengths)
    parts = []
    for rows in _parts(lengths):
        longest = int(lengths[rows].max())
        counts = lengths[rows]
        fill: Any = b"" if values.dtype.kind == "O" else 0
        padded = np.full((len(counts), longest), fill, dtype=values.dtype)
        begin = int(ends[rows.start] - lengths[rows.start])
        padded[np.arange(longest) < counts[:, None]] = values[begin : int(ends[rows.stop - 1])]
        parts.append(tf.io.encode_proto(counts[:, None].astype(np.int32), [padded], ["value"], message))
    return tf.concat(parts, axis=0)


def _parts(lengths: Array) -> list[slice]:
    pending, parts = [slice(0, len(lengths))], []
    while pending:
        rows = pending.pop()
        size = rows.stop - rows.start
        if size > 1 and size * int(lengths[rows].max()) > _MOST_PADDED:
            middle = rows.start + size // 2
            pending += [slice(middle, rows.stop), slice(rows.start, middle)]
        else:
            parts.append(rows)
    return parts


def _ones(rows: int) -> Array:
    import numpy as np

    return np.ones((rows, 1), np.int32)
