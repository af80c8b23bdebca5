"""Plans a run over files of examples: their format, their features, the shards, and the sample of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.batches import read_examples
from tfx_savedmodel.beam.reading.data_view import view_features
from tfx_savedmodel.beam.reading.features import Feature, example_features, kind_of, sequence_features
from tfx_savedmodel.beam.reading.formats import AUTO, JSON, PARQUET, PROTO, SEQUENCE_EXAMPLE, TENSOR, format_of
from tfx_savedmodel.beam.reading.json_lines import json_features, json_shards, refuse_document
from tfx_savedmodel.beam.reading.opening import size_of
from tfx_savedmodel.beam.reading.parquet import parquet_features, parquet_shards, require_pyarrow
from tfx_savedmodel.beam.reading.records import RecordBatch, first_records
from tfx_savedmodel.beam.reading.sampling import Sample, by_fraction, by_number, hashes, key_of
from tfx_savedmodel.beam.reading.shards import SPLIT_BYTES, Shard, record_shards
from tfx_savedmodel.beam.reading.table import Wanted

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: A sample by number is chosen, in each shard, among the first records: so many times as many as are chosen.
WINDOW = 8
_LEAST_WINDOW = 1024
_BATCH = 4096


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the first examples tell: their format, their features, and the dtype where each is one tensor."""

    format: str
    features: dict[str, Feature]
    tensor_dtype: str | None = None


def look_at(files: Sequence[str], form: str = AUTO, data_view: str | None = None) -> Seen:
    """Return what the files hold.

    Raises:
      UnsupportedStackError: they are Parquet, and pyarrow is not installed.
      ExamplesError: files of another form, Parquet columns that cannot be told apart, or a DataView that is none.
    """
    if data_view is not None:
        return Seen(PROTO, view_features(data_view))
    form = format_of(files) if form == AUTO else form
    if form == PARQUET:
        require_pyarrow()
        return Seen(form, parquet_features(files))
    if form == JSON:
        refuse_document(files[0])
        return Seen(form, json_features(files))
    if form == TENSOR:
        dtype = _tensor_dtype(files)
        return Seen(form, {} if dtype is None else {"": Feature(kind_of(dtype), shaped=True)}, dtype or "float32")
    return Seen(form, sequence_features(files) if form == SEQUENCE_EXAMPLE else example_features(files))


def plan_shards(
    files: Sequence[str], form: str, sample: Sample | None = None, split_bytes: int = SPLIT_BYTES
) -> list[Shard]:
    """Return the shards: one for each file, several for a large file that can be split, or what a sample needs.

    Parquet files are split by row groups; JSON lines and uncompressed TFRecords on a local disk by bytes.
    """
    # A remote file's size is a request, and only a sample by number wants it.
    weigh = size_of if sample is not None and sample.number is not None else len
    units = [unit for file in files for unit in _units(file, form, split_bytes, weigh)]
    if sample is None:
        return [shard for shard, _ in units]
    if sample.number is not None:
        return _of_number(units, form, sample, sample.number)
    return [dataclasses.replace(shard, pick=by_fraction(shard.file, sample)) for shard, _ in units]


def _units(file: str, form: str, split_bytes: int, weigh: Callable[[str], int]) -> list[tuple[Shard, int]]:
    """Return a file's shards, each with its weight: about its bytes, if `weigh` asks for those of a file."""
    if form == PARQUET:
        return list(parquet_shards(file))
    if form == JSON:
        return list(json_shards(file, split_bytes))
    shards = list(record_shards(file, split_bytes))
    return [(shard, max(1, weigh(file) // len(shards))) for shard in shards]


def _of_number(units: Sequence[tuple[Shard, int]], form: str, sample: Sample, number: int) -> list[Shard]:
    """Return shards that hold exactly `number` records of the sample, or all there are.

    The shards share the number by their weights. In each, its part is chosen among the first records, WINDOW times
    as many: these are counted here, and nothing behind them is read. What a shard lacks, others give.
    """
    counts = [0] * len(units)
    windows = [0] * len(units)
    pool = list(range(len(units)))
    missing = number
    while missing > 0 and pool:
        shares = _shared([units[index] for index in pool], missing, sample.seed)
        left = []
        for index, share in zip(pool, shares, strict=True):
            wanted = counts[index] + share
            if share:
                windows[index] = _count(units[index][0], max(WINDOW * wanted, _LEAST_WINDOW), form)
                counts[index] = min(wanted, windows[index])
            if counts[index] == wanted:
                left.append(index)
        pool, missing = left, number - sum(counts)
    return [
        dataclasses.replace(
            shard, records=window, pick=by_number(shard.file, sample.seed, shard.first_record, window, count)
        )
        for (shard, _), window, count in zip(units, windows, counts, strict=True)
        if count
    ]


def _shared(units: Sequence[tuple[Shard, int]], number: int, seed: int) -> list[int]:
    """Share a number among shards by their weights: equal steps along them, in the order of a hash."""
    import numpy as np

    keys = [int(hashes(key_of(shard.file, seed), np.array([shard.first_record]))[0]) for shard, _ in units]
    order = sorted(range(len(units)), key=lambda index: (keys[index], units[index][0].file))
    weights = np.array([max(1, units[index][1]) for index in order], float)
    ends = np.cumsum(weights) * (number / weights.sum())
    ends[-1] = number
    offset = (min(keys) % 1000 + 1) / 1001
    steps = np.diff(np.ceil(np.concatenate([[0.0], ends]) - offset)).astype(int)
    shares = [0] * len(units)
    for index, share in zip(order, steps.tolist(), strict=True):
        shares[index] = share
    return shares


def _count(shard: Shard, most: int, form: str) -> int:
    """Return how many records a shard has, at most `most`; they are read where nothing else tells."""
    if shard.records is not None:
        return min(shard.records, most)
    end = shard.first_record
    for item in read_examples(dataclasses.replace(shard, records=most), _BATCH, form, Wanted({})):
        last = item.first + item.span if isinstance(item, RecordBatch) else item.record + item.records
        end = max(end, last)
    return end - shard.first_record


def _tensor_dtype(files: Sequence[str]) -> str | None:
    """Return the dtype of the first record that is a TensorProto, None where there is none among the first."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework.tensor_pb2 import TensorProto

    for record in first_records(files, 16):
        try:
            return str(tf.as_dtype(TensorProto.FromString(record).dtype).name)
        except (DecodeError, TypeError):  # none at all, or of no dtype
            continue
    return None
