"""Runs one shard through the model: read, feed, run, measure. What a worker does, without Beam."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

from tfx_savedmodel.beam.reading.batches import read_examples
from tfx_savedmodel.beam.reading.records import ReadFault, RecordBatch
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.running.batch_run import Batch, BatchRun
from tfx_savedmodel.beam.running.isolation import Budget, settle
from tfx_savedmodel.beam.running.tally import Tally, add_fault, add_run, empty_tally
from tfx_savedmodel.beam.running.worker import Worker


def run_shard(worker: Worker, shard: Shard) -> Tally:
    """Return what the checks measured on the shard's examples."""
    checks = worker.settings.checks
    tally = empty_tally(checks)
    if worker.load_fault is not None:
        tally = add_fault(checks, tally, {"reason": worker.load_fault})
        return dataclasses.replace(tally, load_fault=worker.load_fault)
    return _ShardRun(worker).run(shard)


class _ShardRun:
    """One pass over a shard: the tally so far, and which batch is next."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.checks = worker.settings.checks
        self.tally = empty_tally(self.checks)
        self.budget = Budget()
        self.ordinal = 0
        self.begun = 0.0
        self.openings = max((int(getattr(check, "batches", 1)) for check in self.checks), default=1)

    def run(self, shard: Shard) -> Tally:
        started = time.perf_counter()
        worker = self.worker
        worker.recorder.batch(shard.first_record, 0, shard.first_byte)
        for item in read_examples(shard, worker.sizer.reading, worker.settings.format, worker.wanted()):
            if isinstance(item, ReadFault):
                self.tally = add_fault(self.checks, self.tally, item.to_json())
                continue
            self.begun = self.begun or time.time()
            for part in self._parts(item):
                self._run_batch(part)
            if worker.model is not None and not worker.model.plan.feeds:
                break  # The checks have seen why nothing can be fed; more examples would not tell them more.
        measuring = sum(each.seconds for each in self.tally.checks)
        span = (self.begun, time.time()) if self.begun else None
        return dataclasses.replace(self.tally, seconds=time.perf_counter() - started - measuring, span=span)

    def _parts(self, item: RecordBatch) -> Iterator[RecordBatch]:
        """Yield what was read in batches of the size that is wanted when each is next."""
        start = 0
        while start < len(item.records):
            sizer = self.worker.sizer
            part = item.part(start, sizer.opening if self.ordinal < self.openings else sizer.size)
            yield part
            start += len(part.records)

    def _run_batch(self, item: RecordBatch) -> None:
        recorder, sizer = self.worker.recorder, self.worker.sizer
        recorder.batch(item.first, item.span, item.end_byte)
        if item.signature is not None and not self.worker.has_signature(item.signature):
            self.tally = add_fault(self.checks, self.tally, _unknown(item).to_json())
            return
        started = time.perf_counter()
        for run in settle(self._batch_run(item), self.budget):
            self.tally = add_run(self.checks, self.tally, run)
        seconds = time.perf_counter() - started
        recorder.batch(item.first + item.span, 0, item.end_byte)
        for halved in self.budget.halved:
            self.tally = add_fault(self.checks, self.tally, halved)
            sizer.exhausted(int(halved["halved"]))
        self.budget.halved.clear()
        if self.ordinal >= self.openings and not sizer.is_settled:  # some checks do more with the first ones
            sizer.took(len(item.records), seconds, self.worker.peak.grown())
        self.ordinal += 1

    def _batch_run(self, item: RecordBatch) -> BatchRun:
        worker = self.worker
        batch = Batch(worker, item, self.ordinal)
        if worker.model is None:
            raise AssertionError("run_shard reads nothing for a model that could not be loaded")
        reference = None if worker.reference is None else BatchRun(worker.reference, batch)
        return BatchRun(worker.model, batch, reference)


def _unknown(item: RecordBatch) -> ReadFault:
    reason = f"the request names the signature {item.signature!r}, which the model does not have"
    number, starts = int(item.numbers[0]), item.details.get("byte")
    at = "" if starts is None else f"line {number + 1:,}, byte {int(starts[0]):,}"  # only JSON names signatures
    return ReadFault(item.file, number, reason, at=at, records=len(item.records))
