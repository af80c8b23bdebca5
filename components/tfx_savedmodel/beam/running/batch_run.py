"""One batch of examples run through a model: what the checks look at."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.columns import Column
from tfx_savedmodel.beam.reading.readable import readable
from tfx_savedmodel.beam.reading.reasons import reason_of
from tfx_savedmodel.beam.reading.records import RecordBatch
from tfx_savedmodel.beam.reading.table import ColumnTable, serialized
from tfx_savedmodel.beam.running.dense import RowsDiffer, dense_inputs
from tfx_savedmodel.beam.running.feeding import DerivedFeed, FeatureFeed, FeatureInput, SerializedFeed
from tfx_savedmodel.beam.running.recorder import DIFFERENTIATE, RUN, RUN_REFERENCE
from tfx_savedmodel.beam.running.worker import LoadedModel, Worker, kinds_of
from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model.view import GraphView, TensorSpec
from tfx_savedmodel.validation.check import Gradients, RunFailed

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Exhausted(RunFailed):
    """There was not enough memory for a batch; a smaller one may do."""


_NO_FAILURES: Mapping[str, RunFailed] = {}


class Batch:
    """Examples with their places, as they were read.

    `ordinal` says which batch of its shard it is, from 0.

    What is parsed or transformed out of them is kept, for the signatures and both models to share.
    """

    def __init__(self, worker: Worker, item: RecordBatch, ordinal: int = 0) -> None:
        self.worker = worker
        self.item = item
        self.records = item.records
        self.ordinal = ordinal
        self._columns: dict[str, Column] | None = None
        self._columns_fault = False
        self._dense: dict[FeatureInput, Array] = {}
        self._transformed: dict[str, Array] | RunFailed | None = None

    def subset(self, rows: Array) -> Batch:
        """Return the batch of these rows (int64 [n])."""
        return Batch(self.worker, self.item.rows(rows), self.ordinal)

    def columns(self, kinds: Mapping[str, str]) -> Mapping[str, Column]:
        """Return raw features; all that any signature needs are parsed at once, if they can be.

        Raises:
          RunFailed: an example cannot be parsed.
        """
        if self._columns is None and not self._columns_fault:
            try:
                self._columns = self.worker.parse(self.records, self.worker.all_kinds)
            except Exception:  # one signature's bad feature is not another's: below it parses its own
                self._columns_fault = True
        if self._columns is not None and all(name in self._columns for name in kinds):
            return self._columns
        try:
            return self.worker.parse(self.records, kinds)
        except Exception as error:
            raise _failed(error, "the examples cannot be parsed: ") from error

    def dense(self, inputs: Mapping[str, FeatureInput]) -> Mapping[str, Array]:
        """Return the arrays that inputs take; what two signatures take alike is built once.

        Raises:
          RunFailed: an example cannot be parsed, or lacks what an input takes.
        """
        columns = self.columns(kinds_of(inputs))
        # What is there already holds for all rows, so it has no say in which rows go together.
        new = {name: wanted for name, wanted in inputs.items() if wanted not in self._dense}
        for name, array in dense_inputs(new, columns).items():
            self._dense[new[name]] = array
        return {name: self._dense[wanted] for name, wanted in inputs.items()}

    def transformed(self) -> Mapping[str, Array]:
        """Return what the Transform graph gives.

        Raises:
          RunFailed: an example cannot be parsed or transformed.
        """
        if self._transformed is None:
            try:
                self._transformed = self.worker.transform(self.records)
            except Exception as error:
                self._transformed = _failed(error, "the Transform graph refuses the examples: ")
        if isinstance(self._transformed, RunFailed):
            raise self._transformed
        return self._transformed


class BatchRun:
    """An `ExamplesRun`: runs each signature at most once, when it is first asked for.

    Args:
      failures: signatures known to fail on these rows, so that they are not tried.
    """

    def __init__(
        self,
        model: LoadedModel,
        batch: Batch,
        reference: BatchRun | None = None,
        failures: Mapping[str, RunFailed] = _NO_FAILURES,
    ) -> None:
        self.model = model
        self.batch = batch
        self.reference_run = reference
        self._failures: dict[str, RunFailed] = dict(failures)
        self._inputs: dict[str, Mapping[str, Array]] = {}
        self._outputs: dict[str, Mapping[str, Array]] = {}
        self._seconds: dict[str, float] = {}

    @property
    def size(self) -> int:
        return len(self.batch.records)

    @property
    def ordinal(self) -> int:
        return self.batch.ordinal

    @property
    def graph(self) -> GraphView:
        return self.model.graph

    @property
    def signatures(self) -> Sequence[str]:
        only = self.batch.item.signature
        return tuple(key for key in self.model.plan.feeds if only is None or key == only)

    @property
    def refused(self) -> Mapping[str, str]:
        return self.model.plan.refused

    @property
    def reference(self) -> BatchRun | None:
        fault = self.batch.worker.reference_fault
        if fault is not None:
            raise UnreadableModelError("the reference model cannot be loaded", found=fault)
        return self.reference_run

    @property
    def renamed_outputs(self) -> Mapping[str, str]:
        return self.batch.worker.settings.renamed_outputs

    def position(self, row: int) -> Mapping[str, Any]:
        item = self.batch.item
        details = {name: int(values[row]) for name, values in item.details.items()}
        return {"file": item.file, "record": int(item.numbers[row]), **details}

    def example(self, row: int) -> Mapping[str, str]:
        import numpy as np

        records = self.batch.records
        return records[np.array([row])].readable() if isinstance(records, ColumnTable) else readable(records[row])

    def inputs(self, signature: str) -> Mapping[str, Array]:
        if signature not in self._inputs:
            self._inputs[signature] = self._feed(signature)
        return self._inputs[signature]

    def outputs(self, signature: str) -> Mapping[str, Array]:
        if signature in self._failures:
            raise self._failures[signature]
        if signature not in self._outputs:
            try:
                inputs = self.inputs(signature)
                started = time.perf_counter()
                self._outputs[signature] = self._run(signature, inputs)
                self._seconds[signature] = time.perf_counter() - started
            except RunFailed as failure:
                self._failures[signature] = failure
                raise
        return self._outputs[signature]

    def call(self, signature: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        own = self._inputs.get(signature)
        if own is not None and own.keys() == inputs.keys() and all(own[name] is inputs[name] for name in own):
            return self.outputs(signature)
        return self._run(signature, inputs)

    def seconds(self, signature: str, rows: Array | None = None) -> float | None:
        if rows is None:
            self.outputs(signature)
            return self._seconds.get(signature)
        inputs = {name: array[rows] for name, array in self.inputs(signature).items()}
        started = time.perf_counter()
        self._run(signature, inputs)
        return time.perf_counter() - started

    def rerun(self, signature: str, rows: Array | None = None) -> Mapping[str, Array]:
        inputs = self.inputs(signature)
        return self._run(signature, inputs if rows is None else {name: array[rows] for name, array in inputs.items()})

    def gradients(
        self,
        signature: str,
        output: str,
        inputs: Mapping[str, Array],
        by: Sequence[str],
        targets: Array | None = None,
    ) -> Gradients:
        self.batch.worker.recorder.step(DIFFERENTIATE, signature)
        try:
            return self.model.differentiator.gradients(signature, output, inputs, by, targets)
        except Exception as error:  # whatever the loader or the graph raises is the model's answer
            raise RunFailed(reason_of(error)) from error

    def subset(self, rows: Array, failures: Mapping[str, RunFailed] = _NO_FAILURES) -> BatchRun:
        """Return a run of these rows (int64 [n]) that keeps what was computed where rows can be picked."""
        run = BatchRun(self.model, self.batch.subset(rows), failures=failures)
        for key, outputs in self._outputs.items():
            declared = self.model.session.signatures[key].outputs
            if all(_has_rows(array, declared[name], self.size) for name, array in outputs.items()):
                run._inputs[key] = {name: array[rows] for name, array in self._inputs[key].items()}
                run._outputs[key] = {name: array[rows] for name, array in outputs.items()}
        return run

    def _run(self, signature: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        worker = self.batch.worker
        worker.recorder.step(RUN_REFERENCE if self.model is worker.reference else RUN, signature)
        try:
            return self.model.run(signature, inputs)
        except Exception as error:  # whatever running a model raises is the model's answer
            raise _failed(error) from error

    def _feed(self, signature: str) -> Mapping[str, Array]:
        feed = self.model.plan.feeds[signature]
        if isinstance(feed, SerializedFeed):
            return {feed.input: serialized(self.batch.records)}
        if isinstance(feed, FeatureFeed):
            return self.batch.dense(feed.inputs)
        return self._derived(feed)

    def _derived(self, feed: DerivedFeed) -> Mapping[str, Array]:
        if feed.signature is None:
            given = self.batch.transformed()
        else:
            try:
                given = self.outputs(feed.signature)
            except (RowsDiffer, Exhausted):
                raise
            except RunFailed as failure:
                raise RunFailed(f"{feed.signature!r}, which feeds it, fails: {failure}") from failure
        return {name: _conform(name, given[name], spec) for name, spec in feed.inputs.items()}


def _failed(error: Exception, saying: str = "") -> RunFailed:
    import tensorflow as tf

    kind = Exhausted if isinstance(error, tf.errors.ResourceExhaustedError | MemoryError) else RunFailed
    return kind(f"{saying}{reason_of(error)}")


def _has_rows(array: Array, declared: TensorSpec, rows: int) -> bool:
    is_open = declared.shape is None or declared.shape[:1] == (None,)
    return is_open and getattr(array, "ndim", 0) > 0 and len(array) == rows


def _conform(name: str, array: Array, spec: TensorSpec) -> Array:
    """Return the array in the declared dtype and rank: [rows] becomes [rows, 1] where that is declared.

    An array that fits already is returned itself.
    """
    import numpy as np
    import tensorflow as tf

    dtype = tf.as_dtype(spec.dtype).as_numpy_dtype
    if array.dtype != dtype and spec.dtype != "string":
        if np.issubdtype(array.dtype, np.inexact) and not np.issubdtype(dtype, np.inexact):
            raise RunFailed(f"input {name!r} is {spec.dtype}, what feeds it is {array.dtype}")
        array = array.astype(dtype)
    shape = spec.shape
    if shape is None or len(shape) == array.ndim:
        return array
    wanted = (len(array), *(-1 if size is None else size for size in shape[1:]))
    try:
        return array.reshape(wanted)
    except ValueError as error:
        raise RunFailed(f"input {name!r} is {spec}, what feeds it has shape {list(array.shape)}") from error
