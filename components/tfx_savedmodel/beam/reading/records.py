"""Reads a shard's TFRecords in batches; what cannot be read is reported and passed over."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.compression import compression_of, end_of_record, is_cut_off
from tfx_savedmodel.beam.reading.heads import TFRECORDS, mismatch
from tfx_savedmodel.beam.reading.reasons import reason_of
from tfx_savedmodel.beam.reading.shards import FRAME_BYTES, Shard

if TYPE_CHECKING:
    import numpy as np

#: After so many records in a row that cannot be read, the rest of the file is given up.
GIVE_UP_AFTER = 3

_BUFFER_BYTES = 1 << 20
#: Where a record cannot be read, those of its batch are read one by one, so batches are smaller from there on.
_CAREFUL = 1024


@dataclasses.dataclass(frozen=True)
class RecordBatch:
    """Records of a file, in their order: a batch of examples.

    `records` is an object array of bytes [rows], or a ColumnTable of as many. `first` is the number of the first
    record that the batch is about and `span` how many it is about: more than rows where only a sample of them is
    taken; `numbers` int64 [rows] is each row's record. `end_byte` is where the next record begins in the uncompressed
    data, -1 where that is not known. `details` say more of each row's place, each as int64 [rows]: the `byte` that
    it begins at in the uncompressed data, a Parquet file's `row_group`, the `instance` of a request. With `signature`
    the rows are for that one only.
    """

    file: str
    first: int
    records: Any
    end_byte: int = -1
    span: int = -1
    numbers: np.ndarray[Any, Any] = None  # type: ignore[assignment]
    details: Mapping[str, np.ndarray[Any, Any]] = dataclasses.field(default_factory=dict)
    signature: str | None = None

    def __post_init__(self) -> None:
        import numpy as np

        if self.span < 0:
            object.__setattr__(self, "span", len(self.records))
        if self.numbers is None:
            object.__setattr__(self, "numbers", np.arange(self.first, self.first + len(self.records)))

    def rows(self, index: np.ndarray[Any, Any]) -> RecordBatch:
        """Return the batch of these rows (int64 or bool [rows]), still about as many records of the file."""
        details = {name: values[index] for name, values in self.details.items()}
        return dataclasses.replace(self, records=self.records[index], numbers=self.numbers[index], details=details)

    def part(self, start: int, rows: int) -> RecordBatch:
        """Return about so many rows from the row `start` on, as a batch of its own: about its own records only.

        A record is not divided: where the next row is of the same record it is in it too.
        """
        import numpy as np

        stop = start + rows
        if stop < len(self.numbers):
            stop = int(np.searchsorted(self.numbers, self.numbers[stop - 1], side="right"))
        if start == 0 and stop >= len(self.numbers):
            return self
        begin = self.first if start == 0 else int(self.numbers[start])
        end, end_byte = self.first + self.span, self.end_byte
        if stop < len(self.numbers):
            bytes_ = self.details.get("byte")
            end, end_byte = int(self.numbers[stop]), -1 if bytes_ is None else int(bytes_[stop])
        own = self.rows(np.arange(start, min(stop, len(self.numbers))))
        return dataclasses.replace(own, first=begin, span=end - begin, end_byte=end_byte)


@dataclasses.dataclass(frozen=True)
class ReadFault:
    """Records that cannot be read, from `record` on; with `rest_lost` nothing behind them could be read either.

    `at` says more of the place: "byte 1,234", "row group 3".
    """

    file: str
    record: int
    reason: str
    rest_lost: bool = False
    at: str = ""
    records: int = 1

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
                self.size = min(self.size, _CAREFUL)
            if not self.number and (other := mismatch(self.shard.file, TFRECORDS)) is not None:
                yield ReadFault(self.shard.file, 0, other, rest_lost=True)
                return
            salvaged, fault = self._salvage()
            if salvaged is not None:
                yield from waiting
                waiting.clear()
                yield salvaged
            if fault is not None:
                waiting.append(fault)
                self._pass_over()
            if len(waiting) >= GIVE_UP_AFTER:
                yield dataclasses.replace(waiting[0], rest_lost=True)
                return
        yield from waiting
        if self._may_be_cut_off() and is_cut_off(self.shard.file, self.compression, self.consumed):
            other = None if self.number else mismatch(self.shard.file, TFRECORDS)
            reason = other or "the file ends in the middle of a record"
            yield ReadFault(self.shard.file, self.number, reason, rest_lost=True, at=self._at())

    def _may_be_cut_off(self) -> bool:
        return self.whole and self.end is None and self.shard.first_byte >= 0

    def _dataset(self) -> Any:
        import tensorflow as tf

        if self.consumed > 0 and self._is_known():
            dataset = records_from(self.shard.file, self.compression, self.consumed)
        else:
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
        return batch, None if reason is None else ReadFault(self.shard.file, self.number, reason, at=self._at())

    def _pass_over(self) -> None:
        """Go on behind a record that cannot be read."""
        self.number += 1
        end = end_of_record(self.shard.file, self.consumed) if self.compression == "" and self._is_known() else None
        if end is None:
            self.whole = False
        else:
            self.consumed = end

    def _at(self) -> str:
        return f"byte {self.consumed:,}" if self._is_known() else ""

    def _is_known(self) -> bool:
        # Records that could not be read were not counted.
        return self.whole and self.shard.first_byte >= 0

    def _took(self, records: np.ndarray[Any, Any]) -> RecordBatch:
        import numpy as np

        first, begin = self.number, self.consumed
        sizes = np.fromiter(map(len, records), np.int64, len(records)) + FRAME_BYTES
        self.number += len(records)
        self.consumed += int(sizes.sum())
        if not self._is_known():
            return RecordBatch(self.shard.file, first, records)
        return RecordBatch(
            self.shard.file, first, records, self.consumed, details={"byte": begin + np.cumsum(sizes) - sizes}
        )


def records_from(file: str, compression: str, byte: int) -> Any:
    """Return the dataset of the records from a byte of the uncompressed data on, where one begins.

    tf.data's own class for this op always begins at the file's first byte.
    """
    import tensorflow as tf

    variant = tf.raw_ops.TFRecordDatasetV2(
        filenames=[file],
        compression_type=compression,
        buffer_size=_BUFFER_BYTES,
        byte_offsets=tf.constant([byte], tf.int64),
    )
    options = tf.data.Options()
    # Optimizing begins with writing the graph down, for which TensorFlow forgets the offsets (tried on 2.15 and 2.21).
    options.experimental_optimization.apply_default_optimizations = False
    options.autotune.enabled = False
    return tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.string)).with_options(options)


def first_records(files: Sequence[str], size: int) -> Iterable[bytes]:
    """Yield the first records that can be read, `size` at most."""
    left = size
    for file in files:
        for item in read_batches(Shard(file, records=left), left):
            if isinstance(item, RecordBatch):
                left -= len(item.records)
                yield from item.records
        if left <= 0:
            return
