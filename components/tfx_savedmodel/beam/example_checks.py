"""Runs the example checks of a model over files of examples, on any Beam runner."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.hosts.hosting import started_early
from tfx_savedmodel.beam.job_server import wait_for_job_server
from tfx_savedmodel.beam.launch import pipeline_maker
from tfx_savedmodel.beam.meeting import meeting_place
from tfx_savedmodel.beam.reach import check_reach
from tfx_savedmodel.beam.reading.features import Feature, kind_of, known_features, specified
from tfx_savedmodel.beam.reading.formats import AUTO, PARSEABLE, check_format
from tfx_savedmodel.beam.reading.planning import look_at, plan_shards
from tfx_savedmodel.beam.reading.sampling import Sample
from tfx_savedmodel.beam.reading.shards import Shard, expand_files
from tfx_savedmodel.beam.running.batch_size import check_batch_size
from tfx_savedmodel.beam.running.feeding import Available, plan_feeding
from tfx_savedmodel.beam.running.sizing import mean_bytes
from tfx_savedmodel.beam.running.tally import Tally, judge
from tfx_savedmodel.beam.running.threads import processes_of
from tfx_savedmodel.beam.running.worker import ModelSettings, WorkerSettings
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.validation.check import ExampleCheck
from tfx_savedmodel.validation.policy import Limits
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict
from tfx_savedmodel.validation.runner import skipped

if TYPE_CHECKING:
    import apache_beam as beam

__all__ = ["ExampleCheckRequest", "expand_files", "run_example_checks"]

_SERVE = ("serve",)


@dataclasses.dataclass(frozen=True)
class ExampleCheckRequest:
    """What to run: a model, its examples and the checks, and what helps to feed it.

    `model` and `reference` are SavedModel directories, `files` examples of a `format` (`expand_files` makes them of
    patterns), of which a `sample` is run, or all; `data_view` is the directory of what decodes protos. `features` maps
    an input's name to a feature's, `outputs` a model output's name to the reference's. `schema` is a schema file,
    `transform_graph` the directory that Transform writes. `limits` are those of the process that runs the model: the
    time of loading and of one signature on one batch, and memory. `batch_size` is how many examples are run together;
    None finds by measuring which size is fastest (answers may differ in their last digits from one size to another).
    """

    model: str
    files: tuple[str, ...]
    checks: tuple[ExampleCheck, ...]
    tags: tuple[str, ...] | None = None
    features: Mapping[str, str] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    schema: str | None = None
    transform_graph: str | None = None
    reference: str | None = None
    batch_size: int | None = None
    limits: Limits = dataclasses.field(default_factory=Limits)
    format: str = AUTO
    sample: Sample | None = None
    data_view: str | None = None

    def __post_init__(self) -> None:
        check_batch_size(self.batch_size)
        check_format(self.format, "format", has_view=self.data_view is not None)


def run_example_checks(
    request: ExampleCheckRequest,
    make_pipeline: Callable[[], beam.Pipeline] | None = None,
    progress: Callable[[str], None] | None = None,
    importing: contextlib.AbstractContextManager[None] | None = None,
) -> list[CheckResult]:
    """Return the results of the request's checks, in their order.

    Args:
      request: what to run.
      make_pipeline: makes the Beam pipeline; by default one that runs in this process.
      progress: is told what happens, a short line each time.
      importing: entered while TensorFlow is imported here, for whoever counts that time.

    Raises:
      SchemaError: the schema cannot be read.
      TransformGraphError: the Transform graph cannot be read.
      UsageError: the pipeline's workers are other machines, and would miss the examples, the model or this package;
        or its job server is not there.
      ExamplesError: the files are of no form that can be read.
      Whatever `make_pipeline` raises.
    """
    if not request.checks or not request.files:
        return [skipped(check, "no examples were given") for check in request.checks]
    tell = progress or (lambda line: None)
    tell(f"looking at {_count(len(request.files), 'file')} of examples")
    make = make_pipeline or pipeline_maker()
    pipeline = make()
    check_reach(pipeline, request.files)
    wait_for_job_server(pipeline, tell)
    with started_early() if _runs_here(pipeline) else contextlib.nullcontext():
        with importing or contextlib.nullcontext():
            import tensorflow  # noqa: F401 - what looks at the examples here needs it at once
        return _run(request, pipeline, make, tell)


def _run(
    request: ExampleCheckRequest, pipeline: Any, make: Callable[[], beam.Pipeline], tell: Callable[[str], None]
) -> list[CheckResult]:
    settings = worker_settings(request)
    shards = plan_shards(request.files, settings.format, request.sample)
    settings = dataclasses.replace(
        settings, processes=processes_of(pipeline), example_bytes=mean_bytes(shards, settings.format)
    )
    tell(f"running {_count(len(request.checks), 'check')} over {_count(len(shards), 'shard')}")
    started = time.time()
    try:
        try:
            total = _total(pipeline, settings, shards)
        except Exception as error:
            if _mode(pipeline) != "multi_processing":
                raise
            # What engines do by themselves, Beam's local runner does not: a worker process may have been lost.
            tell(f"running it again, for the worker processes failed: {_first_line(error)}")
            total = _total(make(), settings, shards)
    except Exception as error:  # the machine's or the runner's fault, so nobody's verdict
        return [_not_made(check, error) for check in request.checks]
    tell(_said(total, started, time.time()))
    if request.sample is None:
        return judge(request.checks, total)
    return judge(request.checks, total, "no example of the sample could be read: it may hold none of these files")


def _total(pipeline: Any, settings: WorkerSettings, shards: Sequence[Shard]) -> Tally:
    from tfx_savedmodel.beam.pipeline import run_pipeline

    with meeting_place(pipeline, settings) as (folder, reachable, copies):
        return run_pipeline(pipeline, reachable, shards, folder, copies)


def _said(total: Tally, started: float, ended: float) -> str:
    """Say how long the run took, and how much of that was before the first batch."""
    said = f"ran {_count(total.examples, 'example')} in {ended - started:.1f} s"
    if total.span is None:
        return said
    begun, done = total.span
    rate = total.examples / max(done - begun, 1e-3)
    return f"{said}: {max(0.0, begun - started):.1f} s to start, then {rate:,.0f} a second"


def _runs_here(pipeline: Any) -> bool:
    """Tell whether the pipeline's workers are this very process."""
    return type(pipeline.runner).__name__ == "FnApiRunner" and _mode(pipeline) == "in_memory"


def _mode(pipeline: Any) -> str:
    """Return how Beam's local runner runs its workers; to other runners it means nothing, and is `in_memory`."""
    from apache_beam.options.pipeline_options import DirectOptions

    return str(pipeline.options.view_as(DirectOptions).direct_running_mode)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def worker_settings(request: ExampleCheckRequest) -> WorkerSettings:
    """Return what the workers need: paths, and how each signature of both models is fed."""
    spec, transformed, raw = _specifications(request)
    found = look_at(request.files, request.format, request.data_view)
    seen = found.features
    if found.format not in PARSEABLE:
        transformed = {}  # the Transform graph parses tf.Examples
    available = Available(known_features(seen, spec), transformed, request.features, found.format)
    absent = tuple(sorted(name for name, value in spec.items() if name not in seen and _is_required(value)))
    return WorkerSettings(
        model=_model_settings(request.model, request.tags, available),
        checks=request.checks,
        batch_size=request.batch_size,
        reference=None if request.reference is None else _model_settings(request.reference, None, available),
        transform_graph=request.transform_graph,
        absent_features=absent,
        renamed_outputs=dict(request.outputs),
        limits=request.limits,
        format=found.format,
        tensor_dtype=found.tensor_dtype,
        data_view=request.data_view,
        transform_features=raw,
        folder=str(Path.cwd()),
    )


def _specifications(request: ExampleCheckRequest) -> tuple[dict[str, Any], dict[str, Feature], dict[str, str]]:
    """Return the parsing specification of the raw features, the dense transformed features, and the kinds of the
    raw ones that the Transform graph takes.
    """
    raw: dict[str, str] = {}
    spec: dict[str, Any] = {}
    transformed: dict[str, Feature] = {}
    if request.schema is not None:
        from tfx_savedmodel.sources.schema import feature_spec, read_schema

        spec.update(feature_spec(read_schema(request.schema)))
    if request.transform_graph is not None:
        from tfx_savedmodel.sources.transform import TransformGraph

        graph = TransformGraph(request.transform_graph)
        spec.update(graph.raw_feature_spec())
        raw = {name: kind_of(value.dtype.name) or "bytes" for name, value in graph.raw_feature_spec().items()}
        dense = {name: value for name, value in graph.transformed_feature_spec().items() if hasattr(value, "shape")}
        transformed = {name: specified(value) for name, value in dense.items()}
    return spec, transformed, raw


def _is_required(specification: Any) -> bool:
    return hasattr(specification, "default_value") and specification.default_value is None


def _model_settings(directory: str, tags: Sequence[str] | None, available: Available) -> ModelSettings:
    graph = read_saved_model(directory, tuple(tags or _SERVE))
    meta_graph = graph.meta_graph()
    found = meta_graph.tags if meta_graph is not None else tuple(tags or _SERVE)
    return ModelSettings(directory, found, plan_feeding(graph, available))


def _not_made(check: ExampleCheck, error: Exception) -> CheckResult:
    reason = f"the Beam pipeline failed: {type(error).__name__}: {error}"
    return CheckResult(check.code, check.name, CheckVerdict.ERROR, title=check.title(), reason=reason)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
