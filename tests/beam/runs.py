"""Runs examples of any format through a worker, without Beam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, worker_settings
from tfx_savedmodel.beam.reading.batches import read_examples
from tfx_savedmodel.beam.reading.planning import plan_shards
from tfx_savedmodel.beam.reading.records import ReadFault, RecordBatch
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.reading.table import Wanted
from tfx_savedmodel.beam.running.shard_run import run_shard
from tfx_savedmodel.beam.running.tally import empty_tally, judge, merge_tallies
from tfx_savedmodel.beam.running.worker import Worker
from tfx_savedmodel.validation.checks.finite_outputs import FiniteOutputs
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples
from tfx_savedmodel.validation.result import CheckResult


def run_files(model: str, *files: str, **changes: Any) -> dict[str, CheckResult]:
    """Return the results of SM301 and SM302 by code."""
    given = {"model": model, "files": files, "checks": (RunsOnExamples(), FiniteOutputs()), "batch_size": 16}
    request = ExampleCheckRequest(**{**given, **changes})
    settings = worker_settings(request)
    worker = Worker(settings)
    total = empty_tally(request.checks)
    for shard in plan_shards(request.files, settings.format, request.sample):
        total = merge_tallies(request.checks, total, run_shard(worker, shard))
    return {result.code: result for result in judge(request.checks, total)}


def read_all(
    shard: Shard, form: str, wanted: Wanted | None = None, size: int = 6
) -> tuple[list[RecordBatch], list[ReadFault]]:
    """Return the batches and faults of a shard."""
    items = list(read_examples(shard, size, form, wanted or Wanted.all()))
    batches = [item for item in items if isinstance(item, RecordBatch)]
    return batches, [item for item in items if isinstance(item, ReadFault)]


def values_of(batches: list[RecordBatch], name: str) -> dict[int, list[Any]]:
    """Return a column's values by record."""
    found: dict[int, list[Any]] = {}
    for batch in batches:
        column: Mapping[str, Any] = batch.records.columns
        begin = 0
        for number, length in zip(batch.numbers, column[name].lengths, strict=True):
            found[int(number)] = column[name].values[begin : begin + length].tolist()
            begin += int(length)
    return found
