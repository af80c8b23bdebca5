"""What a worker holds for one process: the model, the reference, and how examples become inputs."""

from __future__ import annotations

import dataclasses
import functools
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.columns import Column
from tfx_savedmodel.beam.reading.data_view import ViewParser
from tfx_savedmodel.beam.reading.formats import EXAMPLE, SEQUENCE_EXAMPLE
from tfx_savedmodel.beam.reading.parsing import FeatureParser
from tfx_savedmodel.beam.reading.reasons import reason_of
from tfx_savedmodel.beam.reading.sequences import SequenceParser, TensorParser
from tfx_savedmodel.beam.reading.table import ColumnTable, Wanted, serialized
from tfx_savedmodel.beam.running.differentiating import Differentiator
from tfx_savedmodel.beam.running.feeding import DerivedFeed, FeatureFeed, FeatureInput, FeedPlan, SerializedFeed
from tfx_savedmodel.beam.running.pieces import in_pieces
from tfx_savedmodel.beam.running.recorder import LOAD_REFERENCE, PARSE, TRANSFORM, Recorder
from tfx_savedmodel.beam.running.sizing import OPENING_ROWS, BatchSizer, PeakMemory, memory_room, most_rows
from tfx_savedmodel.beam.running.threads import threads_for
from tfx_savedmodel.beam.running.transforming import TransformStep
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.session import ServingSession, fixed_batch
from tfx_savedmodel.validation.check import ExampleCheck
from tfx_savedmodel.validation.policy import Limits

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class ModelSettings:
    """A model to load and how its signatures are fed; paths and plain data, so that it pickles."""

    directory: str
    tags: tuple[str, ...]
    plan: FeedPlan


@dataclasses.dataclass(frozen=True)
class WorkerSettings:
    """All that a worker needs to know; paths and plain data, so that it pickles.

    `batch_size` is None where it is found by measuring; `example_bytes` is about what an example takes,
    `most_rows` what a batch may have, where that is known. `processes` is how many share the worker's machine.
    """

    model: ModelSettings
    checks: tuple[ExampleCheck, ...]
    batch_size: int | None
    reference: ModelSettings | None = None
    transform_graph: str | None = None
    absent_features: tuple[str, ...] = ()
    renamed_outputs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    limits: Limits = dataclasses.field(default_factory=Limits)
    reference_fault: str | None = None
    """Why the reference is not to be loaded, where it is known before."""
    example_bytes: int = 1
    most_rows: int | None = None
    processes: int = 1
    format: str = EXAMPLE
    tensor_dtype: str | None = None
    """Of examples that are one tensor each."""
    data_view: str | None = None
    """What decodes examples that are protos."""
    transform_features: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The raw features that the Transform graph takes, with their kinds."""
    folder: str = ""
    """Where relative paths begin: a worker on the launcher's machine may run in another folder."""


class LoadedModel:
    """A model in a session, with its graph as plain data and its feeding plan."""

    def __init__(self, settings: ModelSettings, threads: int = 0) -> None:
        self.directory = settings.directory
        self.plan = settings.plan
        self.graph = read_saved_model(settings.directory, settings.tags)
        self.session = ServingSession(settings.directory, settings.tags, threads=threads)
        # The session goes when the last user of the model does; nobody can know when that is.
        weakref.finalize(self, self.session.close)

    @functools.cached_property
    def differentiator(self) -> Differentiator:
        """What gives gradients of the model; it is loaded when first asked for."""
        return Differentiator(self.directory, self.graph, self.session)

    def run(self, signature: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the signature's outputs for a batch of any size, also where it takes a fixed one."""
        rows = len(next(iter(inputs.values())))
        size = fixed_batch(self.session.signatures[signature])
        if size is None or size == rows:
            return self.session.run(signature, inputs)
        return in_pieces(size, inputs, lambda piece: self.session.run(signature, piece))


class Worker:
    """The model and its reference, loaded, and the parsers that both share.

    `load_fault` says why the model could not be loaded, `reference_fault` why the reference could not.
    `recorder` is told each step, `sizer` says how many examples are run together.
    """

    def __init__(self, settings: WorkerSettings, recorder: Recorder | None = None) -> None:
        self.settings = settings
        self.recorder = recorder or Recorder()
        threads = threads_for(settings.processes)
        self.model, self.load_fault = _load(settings.model, threads)
        self.reference: LoadedModel | None = None
        self.reference_fault = settings.reference_fault
        if settings.reference is not None and self.model is not None and self.reference_fault is None:
            self.recorder.step(LOAD_REFERENCE)
            self.reference, self.reference_fault = _load(settings.reference, threads)
        self._parsers: dict[tuple[tuple[str, str], ...], Callable[[Array], dict[str, Column]]] = {}
        self._transform: TransformStep | None = None
        self.sizer = _sizer(settings)
        self.peak = PeakMemory()

    @functools.cached_property
    def all_kinds(self) -> Mapping[str, str]:
        """Every raw feature that some signature takes, with its kind."""
        kinds: dict[str, str] = {}
        for model in (self.model, self.reference):
            for feed in model.plan.feeds.values() if model else ():
                if isinstance(feed, FeatureFeed):
                    kinds.update(kinds_of(feed.inputs))
        return kinds

    def has_signature(self, key: str) -> bool:
        """Tell whether the model has a signature, fed or not."""
        return self.model is not None and key in (*self.model.plan.feeds, *self.model.plan.refused)

    def wanted(self) -> Wanted:
        """Return the columns that the signatures and the Transform graph need, for examples that are columns."""
        kinds, everything = dict(self.all_kinds), False
        for model in (self.model, self.reference):
            for feed in model.plan.feeds.values() if model else ():
                if isinstance(feed, SerializedFeed):
                    kinds.update(feed.parses or {})
                    everything = everything or feed.parses is None
                elif isinstance(feed, DerivedFeed) and feed.signature is None:
                    kinds.update(self.settings.transform_features)
        return Wanted(kinds, everything)

    def parse(self, records: Any, kinds: Mapping[str, str]) -> dict[str, Column]:
        """Return the columns of these features; a parser is built once for a set of features."""
        self.recorder.step(PARSE)
        if isinstance(records, ColumnTable):
            return records.features(kinds)
        # A DataView decodes everything, whatever is asked for.
        key = () if self.settings.data_view is not None else tuple(sorted(kinds.items()))
        if key not in self._parsers:
            self._parsers[key] = self._parser(kinds)
        return self._parsers[key](records)

    def _parser(self, kinds: Mapping[str, str]) -> Callable[[Array], dict[str, Column]]:
        if self.settings.data_view is not None:
            return ViewParser(self.settings.data_view)
        if self.settings.tensor_dtype is not None:
            return TensorParser(self.settings.tensor_dtype)
        return SequenceParser(kinds) if self.settings.format == SEQUENCE_EXAMPLE else FeatureParser(kinds)

    def transform(self, records: Any) -> dict[str, Array]:
        """Return what the Transform graph makes of the examples."""
        self.recorder.step(TRANSFORM)
        if self._transform is None:
            self._transform = TransformStep(self.settings.transform_graph or "", self.settings.absent_features)
        return self._transform(serialized(records))


def kinds_of(inputs: Mapping[str, FeatureInput]) -> dict[str, str]:
    """Return the raw features that inputs take, each with its kind."""
    return {wanted.feature: wanted.kind for wanted in inputs.values()}


def rows_read(settings: WorkerSettings) -> int:
    """Return how many records are read together."""
    most = settings.batch_size or most_rows(settings.example_bytes)
    return most if settings.most_rows is None else min(most, settings.most_rows)


def _sizer(settings: WorkerSettings) -> BatchSizer:
    opening = settings.batch_size or OPENING_ROWS
    return BatchSizer(opening, rows_read(settings), memory_room(settings.limits.memory_bytes))


def _load(settings: ModelSettings, threads: int) -> tuple[LoadedModel | None, str | None]:
    try:
        return LoadedModel(settings, threads), None
    except Exception as error:  # the loader's exceptions are of many kinds, and all mean the same
        return None, f"{type(error).__name__}: {reason_of(error)}"
