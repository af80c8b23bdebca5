"""The Beam pipeline: shards are spread over the workers, tallies are merged, the total is written."""

from __future__ import annotations

import contextlib
import pickle
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.utils.shared import Shared

from tfx_savedmodel.beam.carrying import Copies, check_seen, fetched
from tfx_savedmodel.beam.hosts.guarded import GuardedRunner
from tfx_savedmodel.beam.meeting import new_total, totals
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.running.tally import Tally, empty_tally, merge_tallies
from tfx_savedmodel.beam.running.worker import WorkerSettings
from tfx_savedmodel.errors import WorkerError
from tfx_savedmodel.validation.check import ExampleCheck

_NAMESPACE = "tfx_savedmodel"
_NO_COPIES: Copies = {}


@contextlib.contextmanager
def _told_whole() -> Iterator[None]:
    """Put all that an error says into its message: Beam makes it anew of that, and engines pass on no more."""
    try:
        yield
    except WorkerError as error:
        raise WorkerError(str(error)) from error


class _RunShards(beam.DoFn):
    """Shard -> Tally. Pickles as paths and settings; each worker process has one that runs the model."""

    def __init__(self, settings: WorkerSettings, copies: Copies) -> None:
        self._settings = settings
        self._copies = copies
        self._shared = Shared()
        self._examples = Metrics.counter(_NAMESPACE, "examples")

    def setup(self) -> None:
        with _told_whole():
            self._runner: GuardedRunner | None = self._shared.acquire(self._start)

    def process(self, element: Shard) -> Iterator[Tally]:
        assert self._runner is not None, "Beam calls setup first"
        with _told_whole():
            check_seen(element.file, self._settings.folder)
            tally = self._runner.run(element)
        self._examples.inc(tally.examples)
        yield tally

    def teardown(self) -> None:
        self._runner = None  # the last one to let go ends the process

    def _start(self) -> GuardedRunner:
        with contextlib.ExitStack() as stack:
            runner = GuardedRunner(stack.enter_context(fetched(self._settings, self._copies)))
            weakref.finalize(runner, stack.pop_all().close)
        return runner


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
    """Writes the total to a file of its own: an engine that thought it lost may have two write at once."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, element: Tally) -> None:
        with FileSystems.create(new_total(self._folder)) as stream:
            stream.write(pickle.dumps(element))


class _Nothing:
    """Takes the shared runner's place, so that its process ends."""


def build(pipeline: Any, settings: WorkerSettings, shards: Sequence[Shard], folder: str, copies: Copies) -> None:
    """Put the run of the shards into a pipeline; see `run_pipeline`."""
    _ = (
        pipeline
        | "Shards" >> beam.Create(list(shards), reshuffle=False)
        | "Spread" >> beam.Reshuffle()
        | "RunExamples" >> beam.ParDo(_RunShards(settings, copies))
        | "Merge" >> beam.CombineGlobally(_MergeTallies(settings.checks))
        | "WriteTotal" >> beam.ParDo(_WriteTally(folder))
    )


def run_pipeline(
    pipeline: Any,
    settings: WorkerSettings,
    shards: Sequence[Shard],
    folder: str,
    copies: Copies = _NO_COPIES,
) -> Tally:
    """Run the shards on the pipeline's runner and return the total.

    Args:
      folder: where a worker writes the total and we read it.
      copies: those of the settings' directories that workers fetch.
    """
    build(pipeline, settings, shards, folder, copies)
    try:
        pipeline.run().wait_until_finish()
    finally:
        # Beam keeps the last shared object of a process alive; in-memory runners share our process.
        Shared().acquire(_Nothing)
    return read_total(folder)


def read_total(folder: str) -> Tally:
    """Return a total; all are of the same shards, but one that its writer was lost over may be cut off."""
    for file in totals(folder):
        with contextlib.suppress(EOFError, pickle.UnpicklingError), FileSystems.open(file) as stream:
            total: Tally = pickle.loads(stream.read())
            return total
    raise WorkerError(
        "the pipeline has run, and none of its workers wrote a result that can be read here",
        where=folder,
        wanted="a folder that they and this machine see",
        next_step="give --temp_location=gs://BUCKET/tmp, or another place that both can write",
    )
