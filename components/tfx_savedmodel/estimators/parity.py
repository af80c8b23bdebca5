"""The same answers before and after: a freshly loaded Keras model against what was converted from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import ConversionError, ExamplesError, ParityError
from tfx_savedmodel.estimators.examples import generate_examples, generate_features, read_batches
from tfx_savedmodel.estimators.features import FeaturePath
from tfx_savedmodel.estimators.keras_model import ModelInput
from tfx_savedmodel.estimators.receivers import EXAMPLES_INPUT
from tfx_savedmodel.saved_model.session import ServingSession

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
    """

    serialized: Array | None
    features: Mapping[str, Array]
    outputs: Mapping[str, Array]

    @property
    def size(self) -> int:
        return len(next(iter(self.features.values())))


def batches_of_examples(
    inputs: Sequence[ModelInput], path: FeaturePath | None, files: Sequence[str]
) -> Iterator[tuple[Array | None, dict[str, Array]]]:
    """Yield (serialized examples, features): of the files, else generated.

    Raises:
      ExamplesError: an example cannot be parsed or transformed.
    """
    if path is None:
        yield None, generate_features(inputs, _BATCH)
        return
    if files:
        source: Iterable[Array] = read_batches(files, batch=_BATCH, limit=MAX_EXAMPLES)
    else:
        generated = generate_examples(path.spec, _GENERATED)
        source = (generated[start : start + _BATCH] for start in range(0, _GENERATED, _BATCH))
    for position, serialized in enumerate(source):
        yield serialized, _features(path, serialized, position * _BATCH, files)


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


def reference(model: Any, batches: Iterable[tuple[Array | None, dict[str, Array]]]) -> list[Batch]:
    """Return what a Keras model says of batches; the model must not have been converted."""
    import tensorflow as tf

    # A list in, a list out, whatever structure the model itself takes and gives.
    flat = tf.keras.Model(model.inputs, model.outputs)
    run = tf.function(lambda values: flat(values, training=False), reduce_retracing=True)
    found: list[Batch] = []
    kept = 0
    for serialized, features in batches:
        values = run([tf.constant(features[name]) for name in model.input_names])
        outputs = {name: value.numpy() for name, value in zip(model.output_names, tf.nest.flatten(values), strict=True)}
        found.append(Batch(serialized, features, outputs))
        kept += sum(array.nbytes for array in (*features.values(), *outputs.values()))
        if kept > _MEMORY:
            break
    return found


def check_parity(
    directory: Path, signatures: Mapping[str, str], batches: Sequence[Batch], tolerance: float
) -> dict[str, Any]:
    """Run signatures ("parsing" or "raw", by key) of the SavedModel in `directory` against the reference.

    Returns:
      `examples`, their number; `max_relative_difference`; and `outputs`, that difference by output name. It is
      the largest absolute difference, divided by the largest absolute value of that output in the reference.

    Raises:
      ParityError: an output differs by more than `tolerance`, is NaN or infinite elsewhere than in the
        reference, or has another shape.
      ConversionError: a signature is missing, lacks an output, or cannot be run.
    """
    widest: dict[str, float] = dict.fromkeys(batches[0].outputs, 0.0)
    with _session(directory) as session:
        for key, kind in signatures.items():
            worst = {name: _Worst(key, name, tolerance) for name in widest}
            first = 0
            for batch in batches:
                outputs = _run(session, key, kind, batch)
                for name, each in worst.items():
                    each.add(batch.outputs[name], outputs[name], first)
                first += batch.size
            widest = {name: max(widest[name], each.judge()) for name, each in worst.items()}
    return {
        "examples": sum(batch.size for batch in batches),
        "max_relative_difference": max(widest.values()),
        "outputs": widest,
    }


def _session(directory: Path) -> ServingSession:
    try:
        return ServingSession(directory, ("serve",))
    except Exception as error:
        raise ConversionError(
            "the converted model cannot be loaded", where=str(directory), found=f"{type(error).__name__}: {error}"
        ) from error


def _run(session: ServingSession, key: str, kind: str, batch: Batch) -> dict[str, Array]:
    inputs = {EXAMPLES_INPUT: batch.serialized} if kind == "parsing" else batch.features
    where = f"signature {key!r}"
    try:
        outputs = session.run(key, inputs)  # type: ignore[arg-type]
    except Exception as error:
        raise ConversionError(
            "the converted model does not run",
            where=where,
            found=f"{type(error).__name__}: {error}",
            next_step="an Estimator keeps no tables of Keras lookup layers: look strings up in a Transform graph",
        ) from error
    if set(outputs) != set(batch.outputs):
        raise ConversionError(
            "the converted model has other outputs",
            where=where,
            found=", ".join(sorted(outputs)),
            wanted=", ".join(sorted(batch.outputs)),
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
