"""How many examples go into a batch: found by running, and bounded by memory."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.beam.reading.batches import read_examples
from tfx_savedmodel.beam.reading.records import RecordBatch
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.reading.table import ColumnTable, Wanted

#: The first batches of a shard always have so many: some checks look at these alone, and two runs are to see the same.
OPENING_ROWS = 256
#: Beyond this a batch gains nothing, and the checks hold more of it.
MOST_ROWS = 16384
#: Most bytes of serialized examples in a batch; reading ahead holds some batches.
MOST_BYTES = 64 << 20

#: A batch that takes longer is not doubled: a limit of time or a worker that is lost costs a whole batch.
_LONGEST_SECONDS = 1.0
#: So many batches of a size are run before another size is tried; the fastest counts.
_TRIES = 3
#: A size is as good as the fastest from this part of its rate on: what else the machine does changes a rate as much.
_NEAR = 0.85
#: A part of the memory that a batch may take: half for a guess that is wrong by two, half for what else there is.
_PART_OF_MEMORY = 4
_SAMPLE = 16


class BatchSizer:
    """Doubles the batch until that makes the model slower, then keeps the largest that is about as fast as any.

    A batch is not doubled where twice its memory would be more than `room` (bytes), or twice its time more than a
    second. Sizes are powers of two times `opening`, up to `most`; where both are the same, nothing is measured.
    """

    def __init__(self, opening: int, most: int, room: int) -> None:
        self._opening = min(opening, most)
        self._most = most
        self._room = room
        self._size = self._opening
        self._rates: dict[int, list[float]] = {}
        self._settled = self._size * 2 > most

    @property
    def reading(self) -> int:
        """Rows to read at once: what a batch may come to have."""
        return self._most

    @property
    def opening(self) -> int:
        """Rows of a shard's first batches."""
        return self._opening

    @property
    def size(self) -> int:
        """Rows wanted of the next batch."""
        return self._size

    @property
    def is_settled(self) -> bool:
        """Whether no other size will be tried."""
        return self._settled

    def took(self, rows: int, seconds: float, grown: int) -> None:
        """Learn from a batch of `size` rows, or of somewhat fewer: its time, and the memory taken beside the model."""
        if self._settled or rows < 0.75 * self._size:
            return
        rates = self._rates.setdefault(self._size, [])
        rates.append(rows / max(seconds, 1e-9))
        if len(rates) < _TRIES:
            return
        if self._may_double(seconds, grown):
            self._size *= 2
        else:
            self._settle()

    def exhausted(self, rows: int) -> None:
        """Learn that a batch of so many rows was too large for memory."""
        self._most = max(1, rows // 2)
        self._opening = min(self._opening, self._most)
        self._size = min(self._size, self._most)
        self._settled = True

    def _may_double(self, seconds: float, grown: int) -> bool:
        fits = 2 * self._size <= self._most and 2 * grown <= self._room and 2 * seconds <= _LONGEST_SECONDS
        return fits and self._size <= 2 * max(self._fastest())

    def _settle(self) -> None:
        self._size = max(self._fastest())
        self._settled = True

    def _fastest(self) -> list[int]:
        """Return the sizes that are about as fast as any."""
        best = max(max(rates) for rates in self._rates.values())
        return [size for size, rates in self._rates.items() if max(rates) >= _NEAR * best]


def most_rows(example_bytes: int) -> int:
    """Return how many examples of so many bytes may be in a batch: a power of two."""
    rows = min(MOST_ROWS, max(1, MOST_BYTES // max(1, example_bytes)))
    return 1 << (rows.bit_length() - 1)


def mean_bytes(shards: Sequence[Shard], form: str) -> int:
    """Return the mean size of the first examples that can be read, about; 1 where none can.

    Args:
      form: the format, one of `formats`.
    """
    for shard in shards:
        for item in read_examples(shard, _SAMPLE, form, Wanted({}, everything=True)):
            if isinstance(item, RecordBatch) and len(item.records):
                return max(1, _bytes_of(item.records) // len(item.records))
    return 1


def _bytes_of(records: Any) -> int:
    if not isinstance(records, ColumnTable):
        return sum(map(len, records))
    values = [column.values for column in records.columns.values()]
    return sum(sum(map(len, each)) if each.dtype.kind == "O" else each.nbytes for each in values)


def memory_room(limit: int) -> int:
    """Return the bytes that a batch may take where the process may take `limit`."""
    free = min([limit, *_free_memory()])
    return free // _PART_OF_MEMORY


class PeakMemory:
    """The most memory that this process held since it was made, beyond what it held then; 0 where nobody can tell."""

    def __init__(self) -> None:
        with contextlib.suppress(OSError):  # else the peak of loading counts too, and batches stay smaller
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self._base = _status_bytes("VmRSS")

    def grown(self) -> int:
        """Return it in bytes."""
        return max(0, _status_bytes("VmHWM") - self._base)


def _status_bytes(name: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) << 10
    return 0


def _free_memory() -> list[int]:
    """Return what the machine and this process's container have left, where that can be read."""
    found: list[int] = []
    with contextlib.suppress(OSError, IndexError, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        found.append(max(0, limit - int((group / "memory.current").read_text(encoding="ascii"))))
    return found
