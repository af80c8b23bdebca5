"""Reads a shard of examples of any format in batches; of a sample only what is in it goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from tfx_savedmodel.beam.reading.formats import JSON, PARQUET
from tfx_savedmodel.beam.reading.json_lines import read_json
from tfx_savedmodel.beam.reading.parquet import read_parquet
from tfx_savedmodel.beam.reading.records import ReadFault, RecordBatch, read_batches
from tfx_savedmodel.beam.reading.sampling import Pick
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.reading.table import ColumnTable, Wanted, join_tables


def read_examples(shard: Shard, size: int, form: str, wanted: Wanted) -> Iterator[RecordBatch | ReadFault]:
    """Yield the shard's examples in batches of at most `size` records, and a fault for what cannot be read.

    Args:
      form: the format, one of `formats`.
      wanted: the columns that are needed, of examples that are columns.
    """
    if form == PARQUET:
        items = read_parquet(shard, size, wanted)
    elif form == JSON:
        items = read_json(shard, size, wanted)
    else:
        items = read_batches(shard, size)
    for item in items if shard.pick is None else _picked(items, shard.pick, size):
        if isinstance(item, ReadFault) or len(item.records):  # of a batch all rows may have been bad
            yield item


def _picked(items: Iterator[RecordBatch | ReadFault], pick: Pick, size: int) -> Iterator[RecordBatch | ReadFault]:
    """Yield what is in the sample; what remains of small batches is put together.

    A record that is not in the sample is not missed, unless others were lost with it.
    """
    waiting: list[RecordBatch] = []
    rows = 0
    for item in items:
        if isinstance(item, ReadFault):
            if waiting:
                yield _joined(waiting)
                waiting, rows = [], 0
            found = item if item.rest_lost else _fault(item, pick)
            if found is not None:
                yield found
            continue
        mask = pick.mask(item.numbers)
        left = item if mask.all() else item.rows(mask)
        if waiting and (rows + len(left.records) > size or waiting[-1].signature != left.signature):
            yield _joined(waiting)
            waiting, rows = [], 0
        if len(left.records):
            waiting.append(left)
            rows += len(left.records)
        elif waiting:  # nothing of it is run, but it is behind what waits
            waiting[-1] = _reaching(waiting[-1], item)
    if waiting:
        yield _joined(waiting)


def _fault(fault: ReadFault, pick: Pick) -> ReadFault | None:
    count = pick.count(fault.record, fault.records)
    return dataclasses.replace(fault, records=count) if count else None


def _reaching(batch: RecordBatch, last: RecordBatch) -> RecordBatch:
    return dataclasses.replace(batch, span=last.first + last.span - batch.first, end_byte=last.end_byte)


def _joined(batches: Sequence[RecordBatch]) -> RecordBatch:
    import numpy as np

    if len(batches) == 1:
        return batches[0]
    names = set.intersection(*(set(batch.details) for batch in batches))
    return dataclasses.replace(
        _reaching(batches[0], batches[-1]),
        records=_joined_records([batch.records for batch in batches]),
        numbers=np.concatenate([batch.numbers for batch in batches]),
        details={name: np.concatenate([batch.details[name] for batch in batches]) for name in sorted(names)},
    )


def _joined_records(records: Sequence[Any]) -> Any:
    import numpy as np

    if isinstance(records[0], ColumnTable):
        return join_tables(records)
    return np.concatenate(records)
