"""Runs one shard through the model: read, feed, run, measure. What a worker does, without Beam."""

from __future__ import annotations

import dataclasses
import time

from tfx_savedmodel.beam.batch_run import Batch, BatchRun
from tfx_savedmodel.beam.isolation import Budget, settle
from tfx_savedmodel.beam.reading import read_examples
from tfx_savedmodel.beam.records import ReadFault, RecordBatch
from tfx_savedmodel.beam.shards import Shard
from tfx_savedmodel.beam.tally import Tally, add_fault, add_run, empty_tally
from tfx_savedmodel.beam.worker import Worker


def run_shard(worker: Worker, shard: Shard) -> Tally:
    """Return what the checks measured on the shard's examples."""
    checks = worker.settings.checks
    tally = empty_tally(checks)
    if worker.load_fault is not None:
        tally = add_fault(checks, tally, {"reason": worker.load_fault})
        return dataclasses.replace(tally, load_fault=worker.load_fault)
    budget = Budget()
    started = time.perf_counter()
    worker.recorder.batch(shard.first_record, 0, shard.first_byte)
    ordinal = 0
    for item in read_examples(shard, worker.settings.batch_size, worker.settings.format, worker.wanted()):
        if isinstance(item, ReadFault):
            tally = add_fault(checks, tally, item.to_json())
            continue
        end = item.first + item.span
        worker.recorder.batch(item.first, item.span, item.end_byte)
        if item.signature is not None and not worker.has_signature(item.signature):
            tally = add_fault(checks, tally, _unknown(item).to_json())
            continue
        for run in settle(_batch_run(worker, item, ordinal), budget):
            tally = add_run(checks, tally, run)
        worker.recorder.batch(end, 0, item.end_byte)
        ordinal += 1
        if worker.model is not None and not worker.model.plan.feeds:
            break  # The checks have seen why nothing can be fed; more examples would not tell them more.
    measuring = sum(each.seconds for each in tally.checks)
    return dataclasses.replace(tally, seconds=time.perf_counter() - started - measuring)


def _unknown(item: RecordBatch) -> ReadFault:
    reason = f"the request names the signature {item.signature!r}, which the model does not have"
    return ReadFault(item.file, int(item.numbers[0]), reason, records=len(item.records))


def _batch_run(worker: Worker, item: RecordBatch, ordinal: int) -> BatchRun:
    batch = Batch(worker, item, ordinal)
    if worker.model is None:
        raise AssertionError("run_shard reads nothing for a model that could not be loaded")
    reference = None if worker.reference is None else BatchRun(worker.reference, batch)
    return BatchRun(worker.model, batch, reference)
