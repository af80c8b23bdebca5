"""Columns -> serialized tf.Examples, a batch at a time: no Python for an example.

As TensorFlow writes them: https://protobuf.dev/programming-guides/encoding, tensorflow/core/example/feature.proto.
TensorFlow's own encoder of columns, `tf.io.encode_proto`, pads them and takes three times as long.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.ragged_bytes import RaggedBytes, constant, joined, varints

if TYPE_CHECKING:
    import numpy as np

    from tfx_savedmodel.beam.reading.columns import Column

    Array = np.ndarray[Any, Any]

#: About so many bytes are encoded at once: joining rows of different lengths takes some sixteen times as much.
_AT_ONCE = 4 << 20
#: Field 1 of its message, with a length: a list's values, an entry's key, an example's features, their entries.
_FIRST = b"\x0a"
#: Field 2, an entry's value.
_VALUE = b"\x12"
#: The field of each kind of list in a Feature.
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = b"\x0a", b"\x12", b"\x1a"


def encode_examples(columns: Mapping[str, Column], rows: int) -> Array:
    """Return the rows as serialized tf.Examples, object [rows] of bytes.

    A row without a value lacks the feature. Bool and integers become int64, floats float32.
    """
    import numpy as np

    if not columns:
        return np.full(rows, b"", object)
    if rows == 0:
        return np.zeros(0, object)
    sources = {name: _Source(column) for name, column in columns.items()}
    return np.concatenate([_encoded(sources, part) for part in _parts(list(sources.values()), rows)])


def _encoded(sources: Mapping[str, _Source], rows: slice) -> Array:
    entries = [piece for name, source in sources.items() for piece in _entry(name, source, rows)]
    features = joined(entries)
    return joined([*_headed(_FIRST, features.lengths), features]).split()


def _entry(name: str, source: _Source, rows: slice) -> tuple[RaggedBytes, RaggedBytes]:
    """Return what stands before each row's values in its map of features, and the values; both empty without any."""
    present = source.lengths[rows] > 0
    values = source.values_of(rows, present)
    # From the inside out: each message needs the length of what is in it.
    headers = _headed(_FIRST, values.lengths) if source.is_packed else ()
    headers = (*_headed(source.tag, _length(values, *headers)), *headers)
    headers = (*_headed(_VALUE, _length(values, *headers)), *headers)
    key = name.encode()
    begin = constant(_FIRST + varints(_one(len(key))).data.tobytes() + key, len(values.lengths))
    headers = (begin, *headers)
    header = joined([*_headed(_FIRST, _length(values, *headers)), *headers])
    return header.spread(present), values.spread(present)


def _headed(tag: bytes, lengths: Array) -> tuple[RaggedBytes, RaggedBytes]:
    """Return the beginning of a field of so many bytes, in each row."""
    return constant(tag, len(lengths)), varints(lengths)


def _length(*parts: RaggedBytes) -> Array:
    return sum((part.lengths for part in parts[1:]), parts[0].lengths)


def _one(number: int) -> Array:
    import numpy as np

    return np.array([number])


class _Source:
    """A column as its values are written: `tag` is the field of their list, `ends` int64 [rows] where each row ends."""

    def __init__(self, column: Column) -> None:
        import numpy as np

        self.lengths = column.lengths.astype(np.int64, copy=False)
        self.ends = np.cumsum(self.lengths)
        kind = column.values.dtype.kind
        self.is_packed = kind in "fiub"
        self.tag = _FLOAT_LIST if kind == "f" else _INT64_LIST if self.is_packed else _BYTES_LIST
        self._values = column.values

    def weights(self) -> Array:
        """Return about how many bytes each row takes, int64 [rows]."""
        import numpy as np

        if self.is_packed:
            return self.lengths * 10
        sizes = np.concatenate([[0], np.cumsum(np.fromiter(map(len, self._values), np.int64, len(self._values)))])
        found: Array = sizes[self.ends] - sizes[self.ends - self.lengths] + self.lengths * 10
        return found

    def values_of(self, rows: slice, present: Array) -> RaggedBytes:
        """Return the values of the rows that have some, one behind the other as their list holds them."""
        import numpy as np

        counts = self.lengths[rows]
        begin = int(self.ends[rows.start] - counts[0])
        values, counts = self._values[begin : int(self.ends[rows.stop - 1])], counts[present]
        if self.tag == _FLOAT_LIST:
            return RaggedBytes(values.astype("<f4", copy=False).view(np.uint8), counts * 4)
        if self.is_packed:
            return varints(values).grouped(counts)
        sizes = np.fromiter(map(len, values), np.int64, len(values))
        texts = RaggedBytes(np.frombuffer(b"".join(values.tolist()), np.uint8), sizes)
        return joined([*_headed(_FIRST, sizes), texts]).grouped(counts)


def _parts(sources: list[_Source], rows: int) -> Iterator[slice]:
    """Yield the rows in parts of about `_AT_ONCE` bytes, of one row at least."""
    import numpy as np

    places = np.cumsum(np.sum([source.weights() for source in sources], axis=0)) // _AT_ONCE
    begins = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), rows]
    for begin, end in itertools.pairwise(begins):
        yield slice(begin, end)
