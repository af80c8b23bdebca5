"""Reads a shard's records in batches; what cannot be read is reported and passed over."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.compression import compression_of, is_cut_off
from tfx_savedmodel.beam.reasons import reason_of
from tfx_savedmodel.beam.shards import FRAME_BYTES, Shard

if TYPE_CHECKING:
    import numpy as np

#: After so many records in a row that cannot be read, the rest of the file is given up.
GIVE_UP_AFTER = 3

_BUFFER_BYTES = 1 << 20
#: Where a record cannot be read, those of its batch are read one by one, so batches are smaller from there on.
_CAREFUL = 1024


@dataclasses.dataclass(frozen=True)
class RecordBatch:
    """Consecutive records of a file: `records` is an array of bytes, `first` the first's number.

    `end_byte` is where the next record begins in the uncompressed data, -1 where that is not known.
    """

    file: str
    first: int
    records: np.ndarray[Any, Any]
    end_byte: int = -1


@dataclasses.dataclass(frozen=True)
class ReadFault:
    """A record that cannot be read; with `rest_lost` nothing behind it could be read either."""

    file: str
    record: int
    reason: str
    rest_lost: bool = False

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def read_batches(shard: Shard, size: int) -> Iterator[RecordBatch | ReadFault]:
    """Yield the shard's records in batches of at most `size`, and a fault for each unreadable one.

    A record whose data fails its checksum is passed over. Where a length is corrupt or the file is
    cut off nothing more can be read, but what is before it is given.
    """
    import tensorflow as tf

    try:
        compression = compression_of(shard.file)
    except tf.errors.OpError as error:
        yield ReadFault(shard.file, shard.first_record, reason_of(error), rest_lost=True)
        return
    yield from _Reader(shard, compression, size).read()


class _Reader:
    """One pass over a shard: `number` is the next record, `consumed` the bytes read so far, `whole` unless some
    could not be read."""

    def __init__(self, shard: Shard, compression: str, size: int) -> None:
        self.shard = shard
        self.compression = compression
        self.size = size
        self.number = shard.first_record
        self.consumed = shard.first_byte
        self.whole = True
        self.end = None if shard.records is None else shard.first_record + shard.records

    def read(self) -> Iterator[RecordBatch | ReadFault]:
        import tensorflow as tf

        waiting: list[ReadFault] = []
        while True:
            try:
                for batch in self._batches():
                    yield from waiting
                    waiting.clear()
                    yield batch
                break
            except tf.errors.OpError:
                self.whole = False
                self.size = min(self.size, _CAREFUL)
            salvaged, fault = self._salvage()
            if salvaged is not None:
                yield from waiting
                waiting.clear()
                yield salvaged
            if fault is not None:
                waiting.append(fault)
                self.number += 1
            if len(waiting) >= GIVE_UP_AFTER:
                yield dataclasses.replace(waiting[0], rest_lost=True)
                return
        yield from waiting
        if self._may_be_cut_off() and is_cut_off(self.shard.file, self.compression, self.consumed):
            yield ReadFault(self.shard.file, self.number, "the file ends in the middle of a record", rest_lost=True)

    def _may_be_cut_off(self) -> bool:
        return self.whole and self.end is None and self.shard.first_byte >= 0

    def _dataset(self) -> Any:
        import tensorflow as tf

        dataset = tf.data.TFRecordDataset(self.shard.file, self.compression, buffer_size=_BUFFER_BYTES)
        # Skipping goes from length to length, so it steps over a record whose data is corrupt.
        dataset = dataset.skip(self.number)
        return dataset if self.end is None else dataset.take(self.end - self.number)

    def _batches(self) -> Iterator[RecordBatch]:
        for records in self._dataset().batch(self.size).prefetch(2).as_numpy_iterator():
            yield self._took(records)

    def _salvage(self) -> tuple[RecordBatch | None, ReadFault | None]:
        """Return the records before the next unreadable one, and its fault.

        An error within a batch loses the whole batch, so these are read one by one.
        """
        import numpy as np
        import tensorflow as tf

        good: list[bytes] = []
        reason = None
        try:
            for record in self._dataset().take(self.size).as_numpy_iterator():
                good.append(record)
        except tf.errors.OpError as error:
            reason = reason_of(error)
        batch = self._took(np.array(good, dtype=object)) if good else None
        return batch, None if reason is None else ReadFault(self.shard.file, self.number, reason)

    def _took(self, records: np.ndarray[Any, Any]) -> RecordBatch:
        first = self.number
        self.number += len(records)
        self.consumed += FRAME_BYTES * len(records) + sum(map(len, records))
        # Records that could not be read were not counted.
        is_known = self.whole and self.shard.first_byte >= 0
        return RecordBatch(self.shard.file, first, records, self.consumed if is_known else -1)
