"""The same answers before and after: a freshly loaded Keras model against what was converted from it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import ConversionError, ExamplesError, ParityError
from tfx_savedmodel.estimators.examples import generate_examples, generate_features, read_batches
from tfx_savedmodel.estimators.features import FeaturePath
from tfx_savedmodel.estimators.keras_model import ModelInput
from tfx_savedmodel.estimators.opened import OpenedModel
from tfx_savedmodel.estimators.receivers import EXAMPLES_INPUT
from tfx_savedmodel.saved_model.session import ServingSession
from tfx_savedmodel.sources.keras_library import library_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MAX_EXAMPLES = 1024
_BATCH = 32
_GENERATED = 96

#: What is kept of the reference at most, beyond the first batch; large outputs are compared on fewer examples.
_MEMORY = 256 << 20

#: An output all of whose values are smaller than this is compared as if it reached up to it.
_SMALLEST_SCALE = 1e-6


@dataclasses.dataclass(frozen=True)
class Batch:
    """Examples, what they are to the model, and what the Keras model says of them.

    `serialized` is an object array [batch] or None; `features` and `outputs` are arrays [batch, …] by name.
    `requests` are what a receiver of the author's own is fed, by signature key; only that one is asked then.
    """

    serialized: Array | None
    features: Mapping[str, Array]
    outputs: Mapping[str, Array]
    requests: Mapping[str, Mapping[str, Array]] = dataclasses.field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(next(iter(self.features.values())))


@dataclasses.dataclass(frozen=True)
class Asked:
    """How a signature is asked: `kind` is "parsing", "raw", or "own" for a receiver of the author's.

    `key` is the receiver's signature that it stands on; `only` names the one input where it has another name, and
    `outputs` are exported name -> the model's, None for all as they are.
    """

    kind: str
    key: str = ""
    only: str | None = None
    outputs: Mapping[str, str] | None = None


def batches_of_examples(
    inputs: Sequence[ModelInput], path: FeaturePath | None, files: Sequence[str], *, whole: bool = False
) -> Iterator[tuple[Array | None, dict[str, Array]]]:
    """Yield (serialized examples, features): of the files, else generated, with `whole` of whole numbers alone.

    Raises:
      ExamplesError: an example cannot be parsed or transformed.
    """
    size = next((each.batch for each in inputs if each.batch is not None), None)
    batch = size or _BATCH
    if path is None:
        yield None, generate_features(inputs, batch, whole=whole)
        return
    if files:
        source: Iterable[Array] = read_batches(files, batch=batch, limit=MAX_EXAMPLES)
    else:
        generated = generate_examples(path.spec, _GENERATED if size is None else 2 * size, whole=whole)
        source = (generated[start : start + batch] for start in range(0, len(generated), batch))
    for position, serialized in enumerate(source):
        if size is None or len(serialized) == size:
            yield serialized, _features(path, serialized, position * batch, files)


def _features(path: FeaturePath, serialized: Array, first: int, files: Sequence[str]) -> dict[str, Array]:
    import tensorflow as tf

    try:
        return {name: value.numpy() for name, value in path(tf.constant(serialized, tf.string)).items()}
    except tf.errors.OpError as error:
        raise ExamplesError(
            "the examples cannot be made into the model's inputs",
            where=f"examples {first} to {first + len(serialized) - 1} of " + (", ".join(files) or "generated ones"),
            found=str(error.message),
            wanted=f"features {', '.join(sorted(path.spec))}",
            next_step="give examples as the model was trained on, and the schema or Transform graph that reads them",
        ) from error


def forward_pass(
    model: OpenedModel, judge: Callable[[Any], None] = lambda _: None
) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    """Return what asks a model, which must not have been converted, for its outputs by name.

    Args:
      judge: is given the GraphDef that would be run, where this traces one, and raises where it may not be.
    """
    import tensorflow as tf

    if not model.is_graph_network:
        return lambda features: {
            name: value.numpy()
            for name, value in model.call({key: tf.constant(array) for key, array in features.items()}).items()
        }
    root = model.root
    # A list in, a list out, whatever structure the model itself takes and gives.
    flat = library_of(root).Model(root.inputs, root.outputs)
    run = tf.function(lambda values: flat(values, training=False), reduce_retracing=True)
    specs = [tf.TensorSpec([each.batch, *each.shape], each.dtype) for each in model.inputs]
    judge(run.get_concrete_function(specs).graph.as_graph_def())

    def ask(features: Mapping[str, Array]) -> dict[str, Array]:
        values = run([tf.constant(features[name]) for name in root.input_names])
        return {name: value.numpy() for name, value in zip(root.output_names, tf.nest.flatten(values), strict=True)}

    return ask


def reference(model: OpenedModel, asked: Iterable[Batch], judge: Callable[[Any], None] = lambda _: None) -> list[Batch]:
    """Return batches with what a Keras model says of them; the model must not have been converted.

    Of each signature that has batches of its own so many are kept as fit into memory.

    Args:
      judge: as `forward_pass` takes it.

    Raises:
      ExamplesError: the Keras model cannot be run on one.
    """
    ask = forward_pass(model, judge)
    found: list[Batch] = []
    kept: dict[str, int] = {}
    for batch in asked:
        key = next(iter(batch.requests), "")
        if kept.get(key, 0) > _MEMORY:
            continue
        try:
            outputs = ask(batch.features)
        except Exception as error:  # whatever Keras or an op raises of such inputs
            raise _cannot_ask(model, batch, error) from error
        found.append(dataclasses.replace(batch, outputs=outputs))
        size = sum(array.nbytes for array in (*batch.features.values(), *outputs.values()))
        kept[key] = kept.get(key, 0) + size
        if not key and kept[key] > _MEMORY:
            break
    return found


def _cannot_ask(model: OpenedModel, batch: Batch, error: Exception) -> ExamplesError:
    shapes = ", ".join(f"{name}: {array.dtype} {list(array.shape)}" for name, array in batch.features.items())
    return ExamplesError(
        "the Keras model itself cannot be run on the inputs that it is compared with",
        where=str(model.path),
        found=f"{type(error).__name__}: {error} (for {shapes})"[:2000],
        wanted="inputs that the model takes",
        next_step="give --examples with data that the model was trained on",
    )


def check_parity(
    directory: Path,
    signatures: Mapping[str, str | Asked],
    batches: Sequence[Batch],
    tolerance: float,
    *,
    fresh: bool = False,
    next_step: str = "",
) -> dict[str, Any]:
    """Run signatures (`Asked`, or its kind alone, by key) of the SavedModel in `directory` against the reference.

    Args:
      fresh: load the model for each signature, since it keeps state from one call to the next.
      next_step: what to do where a signature cannot be run.

    Returns:
      `examples`, their number; `max_relative_difference`; and `outputs`, that difference by output name. It is
      the largest absolute difference, divided by the largest absolute value of that output in the reference.

    Raises:
      ParityError: an output differs by more than `tolerance`, is NaN or infinite elsewhere than in the
        reference, or has another shape.
      ConversionError: a signature is missing, lacks an output, or cannot be run.
      ExamplesError: there is no batch to ask a signature with.
    """
    widest: dict[str, float] = dict.fromkeys(batches[0].outputs, 0.0)
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(_session(directory))
        for number, (key, how) in enumerate(signatures.items()):
            if fresh and number:
                stack.close()
                session = stack.enter_context(_session(directory))
            asked = how if isinstance(how, Asked) else Asked(how, key)
            for name, apart in _compared(session, key, asked, batches, tolerance, next_step).items():
                widest[name] = max(widest[name], apart)
    return {
        "examples": sum(batch.size for batch in batches),
        "max_relative_difference": max(widest.values(), default=0.0),
        "outputs": widest,
    }


def _compared(
    session: ServingSession, key: str, asked: Asked, batches: Sequence[Batch], tolerance: float, next_step: str
) -> dict[str, float]:
    """Return the relative difference of one signature by the model's output."""
    pairs = dict(asked.outputs) if asked.outputs is not None else {name: name for name in batches[0].outputs}
    worst = {name: _Worst(key, name, tolerance) for name in pairs}
    first = 0
    batches = [batch for batch in batches if not batch.requests or asked.key in batch.requests]
    if not any(batch.size for batch in batches):
        raise ExamplesError(
            "there is nothing to compare a signature by",
            where=f"signature {key!r}",
            found="no request that gives an example",
            wanted="one at least",
            next_step="give --examples that this signature takes, or leave the comparison out",
        )
    for batch in batches:
        outputs = _run(session, key, asked, batch, pairs, next_step)
        for name, each in worst.items():
            each.add(_like(batch.outputs[pairs[name]], outputs[name], asked), outputs[name], first)
        first += batch.size
    return {pairs[name]: each.judge() for name, each in worst.items()}


def _like(wanted: Array, found: Array, asked: Asked) -> Array:
    """Classify and Regress answer float32, whatever floats the model has."""
    return wanted.astype(found.dtype) if asked.only and wanted.dtype.kind == found.dtype.kind == "f" else wanted


def _session(directory: Path) -> ServingSession:
    try:
        return ServingSession(directory, ("serve",))
    except Exception as error:
        raise ConversionError(
            "the converted model cannot be loaded", where=str(directory), found=f"{type(error).__name__}: {error}"
        ) from error


def _run(
    session: ServingSession, key: str, asked: Asked, batch: Batch, wanted: Mapping[str, str], next_step: str
) -> dict[str, Array]:
    inputs: Mapping[str, Any]
    if asked.kind == "own":
        inputs = batch.requests[asked.key]
    else:
        inputs = {EXAMPLES_INPUT: batch.serialized} if asked.kind == "parsing" else batch.features
    if asked.only:
        inputs = {asked.only: next(iter(inputs.values()))}
    where = f"signature {key!r}"
    try:
        outputs = session.run(key, inputs)
    except Exception as error:
        raise ConversionError(
            "the converted model does not run",
            where=where,
            found=f"{type(error).__name__}: {error}",
            next_step=next_step,
        ) from error
    lacking = set(wanted) - set(outputs)
    if lacking or (asked.outputs is None and set(outputs) != set(wanted)):
        raise ConversionError(
            "the converted model has other outputs",
            where=where,
            found=", ".join(sorted(outputs)),
            wanted=", ".join(sorted(wanted)),
        )
    return outputs


class _Worst:
    """The place where one output of one signature is furthest from the reference."""

    def __init__(self, signature: str, output: str, tolerance: float) -> None:
        self.where = f"signature {signature!r}, output {output!r}"
        self.tolerance = tolerance
        self.scale = _SMALLEST_SCALE
        self.difference = 0.0
        self.example = 0
        self.found: Any = None
        self.wanted: Any = None

    def add(self, wanted: Array, found: Array, first: int) -> None:
        """Take in one batch, whose first example has the position `first`."""
        import numpy as np

        if wanted.shape != found.shape or wanted.dtype != found.dtype:
            raise ParityError(
                "the converted model answers in another form; nothing was published",
                where=f"{self.where}, examples {first} to {first + len(wanted) - 1}",
                found=f"{found.dtype} {list(found.shape)}",
                wanted=f"{wanted.dtype} {list(wanted.shape)}",
            )
        if not wanted.size:
            return
        apart = _apart(wanted, found)
        if wanted.dtype.kind == "f":
            finite = np.abs(wanted[np.isfinite(wanted)].astype(np.float64))
            self.scale = max(self.scale, float(finite.max(initial=0.0)))
        place = np.unravel_index(int(np.argmax(apart)), apart.shape)
        if apart[place] > self.difference:
            self.difference = float(apart[place])
            self.example = first + int(place[0]) if place else first
            self.found, self.wanted = found[place], wanted[place]

    def judge(self) -> float:
        """Return the relative difference, or raise ParityError where it is beyond the tolerance."""
        relative = self.difference / self.scale
        if relative <= self.tolerance:
            return relative
        raise ParityError(
            "the converted model answers differently; nothing was published",
            where=f"{self.where}, example {self.example}",
            found=f"{self.found}, a relative difference of {relative:.3g}",
            wanted=f"{self.wanted}, within {self.tolerance:g} of the output's scale, {self.scale:.3g}",
        )


def _apart(wanted: Array, found: Array) -> Array:
    """Return absolute differences, float64: 0 where equal, NaN and infinity included, infinite where only one is."""
    import numpy as np

    if wanted.dtype.kind != "f":
        return np.where(wanted == found, 0.0, np.inf)
    same = (wanted == found) | (np.isnan(wanted) & np.isnan(found))
    with np.errstate(invalid="ignore"):
        apart = np.abs(wanted.astype(np.float64) - found.astype(np.float64))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))
