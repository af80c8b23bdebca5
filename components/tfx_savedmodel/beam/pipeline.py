"""The Beam pipeline: shards are spread over the workers, tallies are merged, the total is written."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from tfx_savedmodel.beam.guarded import GuardedRunner
from tfx_savedmodel.beam.shards import Shard
from tfx_savedmodel.beam.tally import Tally, empty_tally, merge_tallies
from tfx_savedmodel.beam.worker import WorkerSettings
from tfx_savedmodel.validation.check import ExampleCheck

_NAMESPACE = "tfx_savedmodel"


class _RunShards(beam.DoFn):
    """Shard -> Tally. Pickles as paths and settings; each worker process has one that runs the model."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._shared = Shared()
        self._examples = Metrics.counter(_NAMESPACE, "examples")

    def setup(self) -> None:
        self._runner: GuardedRunner | None = self._shared.acquire(lambda: GuardedRunner(self._settings))

    def process(self, element: Shard) -> Iterator[Tally]:
        assert self._runner is not None, "Beam calls setup first"
        tally = self._runner.run(element)
        self._examples.inc(tally.examples)
        yield tally

    def teardown(self) -> None:
        self._runner = None  # the last one to let go ends the process


class _MergeTallies(beam.CombineFn):
    def __init__(self, checks: Sequence[ExampleCheck]) -> None:
        self._checks = tuple(checks)

    def create_accumulator(self, *_: Any, **__: Any) -> Tally:
        return empty_tally(self._checks)

    def add_input(self, mutable_accumulator: Tally, element: Tally, *_: Any, **__: Any) -> Tally:
        return merge_tallies(self._checks, mutable_accumulator, element)

    def merge_accumulators(self, accumulators: Iterable[Tally], *_: Any, **__: Any) -> Tally:
        total = empty_tally(self._checks)
        for tally in accumulators:
            total = merge_tallies(self._checks, total, tally)
        return total

    def extract_output(self, accumulator: Tally, *_: Any, **__: Any) -> Tally:
        return accumulator


class _WriteTally(beam.DoFn):
    def __init__(self, path: str) -> None:
        self._path = path

    def process(self, element: Tally) -> None:
        with FileSystems.create(self._path) as stream:
            stream.write(pickle.dumps(element))


class _Nothing:
    """Takes the shared runner's place, so that its process ends."""


def run_pipeline(pipeline: Any, settings: WorkerSettings, shards: Sequence[Shard], result: str) -> Tally:
    """Run the shards on the pipeline's runner and return the total, which goes through the file `result`."""
    _ = (
        pipeline
        | "Shards" >> beam.Create(list(shards), reshuffle=False)
        | "Spread" >> beam.Reshuffle()
        | "RunExamples" >> beam.ParDo(_RunShards(settings))
        | "Merge" >> beam.CombineGlobally(_MergeTallies(settings.checks))
        | "WriteTotal" >> beam.ParDo(_WriteTally(result))
    )
    try:
        pipeline.run().wait_until_finish()
    finally:
        # Beam keeps the last shared object of a process alive; in-memory runners share our process.
        Shared().acquire(_Nothing)
    with FileSystems.open(result) as stream:
        total: Tally = pickle.loads(stream.read())
    return total
