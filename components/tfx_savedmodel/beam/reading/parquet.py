"""Parquet files: planned by their row groups, read by pyarrow, and only the columns that somebody needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.arrow_columns import kind_of_type, to_column
from tfx_savedmodel.beam.reading.features import Feature
from tfx_savedmodel.beam.reading.heads import TABLES, mismatch
from tfx_savedmodel.beam.reading.opening import opened
from tfx_savedmodel.beam.reading.reasons import reason_of
from tfx_savedmodel.beam.reading.records import ReadFault, RecordBatch
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.reading.table import ColumnTable, Wanted
from tfx_savedmodel.errors import ExamplesError, UnsupportedStackError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: Row groups are put together up to so many compressed bytes.
GROUP_BYTES = 32 << 20


def require_pyarrow() -> None:
    """Raise where Parquet cannot be read.

    Raises:
      UnsupportedStackError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise UnsupportedStackError(
            "pyarrow is not installed",
            wanted="it, to read examples from Parquet files",
            next_step="install tfx-savedmodel[beam]: it comes with Apache Beam",
        ) from error


def parquet_shards(file: str, group_bytes: int = GROUP_BYTES) -> Iterator[tuple[Shard, int]]:
    """Yield a shard for each row group, or for several small ones, and its size in bytes.

    A file whose footer cannot be read is one shard: reading it says why.
    """
    try:
        with opened(file) as stream:
            meta = _parquet(stream).metadata
            groups = [meta.row_group(index) for index in range(meta.num_row_groups)]
            sizes = [(group.num_rows, _compressed(group)) for group in groups]
    except _faults():
        yield Shard(file), 1
        return
    first = records = size = 0
    for rows, weight in sizes:
        if records and size + weight > group_bytes:
            yield Shard(file, first, -1, records), size
            first, records, size = first + records, 0, 0
        records, size = records + rows, size + weight
    if records:
        yield Shard(file, first, -1, records), size


def parquet_features(files: Sequence[str]) -> dict[str, Feature]:
    """Return the columns of the first file whose footer can be read; one that no feature can hold with the reason.

    Raises:
      ExamplesError: two columns have the same name.
    """
    for file in files:
        try:
            with opened(file) as stream:
                schema = _parquet(stream).schema_arrow
        except _faults():
            continue
        names = list(schema.names)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ExamplesError("two columns have the same name", where=file, found=", ".join(map(repr, twice)))
        return {field.name: _feature(field) for field in schema}
    return {}


def read_parquet(shard: Shard, size: int, wanted: Wanted) -> Iterator[RecordBatch | ReadFault]:
    """Yield the shard's rows in batches of at most `size`, and a fault for what cannot be read.

    A row group that is corrupt is given up from the batch on that fails, the next one is read.
    """
    try:
        with opened(shard.file) as stream:
            yield from _Reader(shard, size, _parquet(stream), wanted).read()
    except _faults() as error:
        reason = mismatch(shard.file, TABLES) or reason_of(error)
        yield ReadFault(shard.file, shard.first_record, reason, rest_lost=True)


class _Reader:
    def __init__(self, shard: Shard, size: int, source: Any, wanted: Wanted) -> None:
        self.shard = shard
        self.size = size
        self.source = source
        fields = {field.name: field for field in source.schema_arrow}
        self.wanted = wanted
        chosen = fields if wanted.everything else {name: fields[name] for name in wanted.kinds if name in fields}
        # What no feature can hold is refused before, to the signatures that want it.
        self.columns = [name for name, field in chosen.items() if kind_of_type(field.type) is not None]

    def read(self) -> Iterator[RecordBatch | ReadFault]:
        begin, meta = 0, self.source.metadata
        last = meta.num_rows if self.shard.records is None else self.shard.first_record + self.shard.records
        for group in range(meta.num_row_groups):
            end = begin + meta.row_group(group).num_rows
            low, high = max(begin, self.shard.first_record), min(end, last)
            if low < high:
                yield from self._group(group, begin, low, high)
            begin = end

    def _group(self, group: int, begin: int, low: int, high: int) -> Iterator[RecordBatch | ReadFault]:
        """Read the rows `low` to `high` of a row group that begins at the row `begin`."""
        number = begin
        try:
            for table in self._batches(group, high - begin):
                start, stop = max(low, number), min(high, number + table.num_rows)
                if start < stop:
                    yield from self._batch(group, start, table.slice(start - number, stop - start))
                number += table.num_rows
                if number >= high:
                    return
        except _faults() as error:
            first = max(low, number)
            at = f"row group {group}"
            yield ReadFault(self.shard.file, first, reason_of(error), at=at, records=high - first)

    def _batches(self, group: int, rows: int) -> Iterator[Any]:
        import pyarrow as pa

        if not self.columns:  # nobody needs a column: only their number counts
            for first in range(0, rows, self.size):
                nothing = pa.array([None] * min(self.size, rows - first))
                yield pa.RecordBatch.from_arrays([nothing], names=[""])
            return
        yield from self.source.iter_batches(self.size, row_groups=[group], columns=self.columns, use_threads=False)

    def _batch(self, group: int, first: int, table: Any) -> Iterator[RecordBatch | ReadFault]:
        import numpy as np

        bad = np.zeros(table.num_rows, bool)
        reasons: dict[int, str] = {}
        columns = {}
        for name in self.columns:
            found = to_column(table.column(table.schema.get_field_index(name)))
            for row in np.flatnonzero(found.bad & ~bad).tolist():
                reasons[row] = f"the column {name!r} has {found.reason}"
            bad |= found.bad
            columns[name] = found.column
        groups = {"row_group": np.full(table.num_rows, group)}
        rows = ColumnTable(columns, table.num_rows, self.wanted.kinds)
        batch = RecordBatch(self.shard.file, first, rows, details=groups)
        yield batch.rows(~bad) if bad.any() else batch
        for row, reason in sorted(reasons.items()):
            yield ReadFault(self.shard.file, first + row, reason, at=f"row group {group}")


def _feature(field: Any) -> Feature:
    kind = kind_of_type(field.type)
    if kind is None:
        return Feature(fault=f"the column {field.name!r} holds {field.type}, which no feature of an example can")
    return Feature(kind)


def _parquet(stream: Any) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(stream)


def _compressed(group: Any) -> int:
    return sum(group.column(index).total_compressed_size for index in range(group.num_columns))


def _faults() -> tuple[type[Exception], ...]:
    """Return what reading a broken file raises: pyarrow knows several kinds."""
    import pyarrow as pa

    return (pa.ArrowException, OSError, UnicodeDecodeError)
