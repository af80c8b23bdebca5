"""Runs one shard through the model: read, feed, run, measure. What a worker does, without Beam."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

from tfx_savedmodel.beam.batch_run import Batch, BatchRun
from tfx_savedmodel.beam.isolation import Budget, settle
from tfx_savedmodel.beam.records import ReadFault, RecordBatch, read_batches
from tfx_savedmodel.beam.shards import FRAME_BYTES, Shard
from tfx_savedmodel.beam.tally import Tally, add_fault, add_run, empty_tally
from tfx_savedmodel.beam.worker import Worker


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
        self.worker.recorder.batch(shard.first_record, 0, shard.first_byte)
        begin_byte = shard.first_byte
        for item in read_batches(shard, self.worker.sizer.reading):
            if isinstance(item, ReadFault):
                self.tally = add_fault(self.checks, self.tally, item.to_json())
                begin_byte = -1
                continue
            self.begun = self.begun or time.time()
            for part in self._parts(item, begin_byte):
                self._run_batch(part)
            begin_byte = item.end_byte
            if self.worker.model is not None and not self.worker.model.plan.feeds:
                break  # The checks have seen why nothing can be fed; more examples would not tell them more.
        measuring = sum(each.seconds for each in self.tally.checks)
        span = (self.begun, time.time()) if self.begun else None
        return dataclasses.replace(self.tally, seconds=time.perf_counter() - started - measuring, span=span)

    def _parts(self, item: RecordBatch, begin_byte: int) -> Iterator[RecordBatch]:
        """Yield what was read in batches of the size that is wanted when each is next."""
        import numpy as np

        rows, start = len(item.records), 0
        while start < rows:
            sizer = self.worker.sizer
            wanted = sizer.opening if self.ordinal < self.openings else sizer.size
            stop = min(rows, start + wanted)
            if stop - start == rows:
                yield item
                return
            records = item.records[np.arange(start, stop)]
            is_known = begin_byte >= 0 and item.end_byte >= 0
            if is_known and stop < rows:
                begin_byte += FRAME_BYTES * len(records) + sum(map(len, records))
            end_byte = item.end_byte if stop == rows else begin_byte if is_known else -1
            yield RecordBatch(item.file, item.first + start, records, end_byte)
            start = stop

    def _run_batch(self, item: RecordBatch) -> None:
        recorder, sizer = self.worker.recorder, self.worker.sizer
        rows = len(item.records)
        recorder.batch(item.first, rows, item.end_byte)
        started = time.perf_counter()
        for run in settle(self._batch_run(item), self.budget):
            self.tally = add_run(self.checks, self.tally, run)
        seconds = time.perf_counter() - started
        recorder.batch(item.first + rows, 0, item.end_byte)
        for halved in self.budget.halved:
            self.tally = add_fault(self.checks, self.tally, halved)
            sizer.exhausted(int(halved["halved"]))
        self.budget.halved.clear()
        if self.ordinal >= self.openings and not sizer.is_settled:  # some checks do more with the first ones
            sizer.took(rows, seconds, self.worker.peak.grown())
        self.ordinal += 1

    def _batch_run(self, item: RecordBatch) -> BatchRun:
        import numpy as np

        worker = self.worker
        numbers = np.arange(item.first, item.first + len(item.records))
        batch = Batch(worker, item.file, numbers, item.records, self.ordinal)
        if worker.model is None:
            raise AssertionError("run_shard reads nothing for a model that could not be loaded")
        reference = None if worker.reference is None else BatchRun(worker.reference, batch)
        return BatchRun(worker.model, batch, reference)
