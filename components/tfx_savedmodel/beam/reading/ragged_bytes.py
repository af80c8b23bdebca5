"""Rows of bytes of different lengths, made and joined a batch at a time: what encoders of protos are written with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: A varint has seven bits a byte, so 64 bits need ten.
_MOST_BYTES = 10


@dataclasses.dataclass(frozen=True)
class RaggedBytes:
    """`data` is uint8, the rows one behind the other; `lengths` int64 [rows]."""

    data: Array
    lengths: Array

    def grouped(self, counts: Array) -> RaggedBytes:
        """Return the same data with so many consecutive rows (int64) as one."""
        import numpy as np

        ends = np.concatenate([[0], np.cumsum(self.lengths)])
        last = np.cumsum(counts)
        return RaggedBytes(self.data, ends[last] - ends[last - counts])

    def spread(self, present: Array) -> RaggedBytes:
        """Return as many rows as `present` (bool) has: its true ones are these, the others are empty."""
        import numpy as np

        lengths = np.zeros(len(present), np.int64)
        lengths[present] = self.lengths
        return RaggedBytes(self.data, lengths)

    def split(self) -> Array:
        """Return object [rows] of bytes."""
        import numpy as np

        whole = self.data.tobytes()
        ends = np.cumsum(self.lengths)
        rows = np.empty(len(ends), object)
        rows[:] = [whole[a:b] for a, b in zip((ends - self.lengths).tolist(), ends.tolist(), strict=True)]
        return rows


def constant(value: bytes, rows: int) -> RaggedBytes:
    """Return the same bytes in every row."""
    import numpy as np

    return RaggedBytes(np.tile(np.frombuffer(value, np.uint8), rows), np.full(rows, len(value), np.int64))


def varints(numbers: Array) -> RaggedBytes:
    """Return each integer (int64, or uint64 [rows]) as protobuf writes it; negative ones have ten bytes."""
    import numpy as np

    left = numbers.astype(np.uint64)
    table = np.empty((len(left), _MOST_BYTES), np.uint8)
    kept = np.zeros((len(left), _MOST_BYTES), bool)
    width = 0
    for width in range(1, _MOST_BYTES + 1):
        kept[:, width - 1] = (left > 0) | (width == 1)
        table[:, width - 1] = left & np.uint64(0x7F)
        left = left >> np.uint64(7)
        table[left > 0, width - 1] |= 0x80
        if not left.any():
            break
    return RaggedBytes(table[:, :width][kept[:, :width]], kept.sum(axis=1, dtype=np.int64))


def joined(parts: Sequence[RaggedBytes]) -> RaggedBytes:
    """Return rows that each are the same row of every part, one behind the other."""
    import numpy as np

    rows = len(parts[0].lengths)
    if rows and all((part.lengths == part.lengths[0]).all() for part in parts):
        wide = np.concatenate([part.data.reshape(rows, -1) for part in parts], axis=1)
        return RaggedBytes(wide.reshape(-1), np.full(rows, wide.shape[1], np.int64))
    lengths = np.sum([part.lengths for part in parts], axis=0)
    data = np.empty(int(lengths.sum()), np.uint8)
    begins = np.cumsum(lengths) - lengths
    for part in parts:
        own = np.cumsum(part.lengths) - part.lengths
        data[np.repeat(begins - own, part.lengths) + np.arange(len(part.data))] = part.data
        begins = begins + part.lengths
    return RaggedBytes(data, lengths)
