"""The Keras model that is to be converted: loaded with care, and described by its inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnsafeModelError, UnsupportedModelError
from tfx_savedmodel.estimators.lambdas import refuse_lambdas_of
from tfx_savedmodel.saved_model.keras_files import KerasFile, read_keras_file
from tfx_savedmodel.saved_model.keras_metadata import keras_nodes
from tfx_savedmodel.sources.keras_calls import keeps_state
from tfx_savedmodel.sources.keras_load import keras_version, load_keras_file
from tfx_savedmodel.sources.keras_objects import custom_objects
from tfx_savedmodel.sources.module_file import ModuleFile

#: What an uncompiled model is compiled with: the Estimator wants a loss and an optimizer, serving uses neither.
_OPTIMIZER = "sgd"
_LOSS = "mse"


@dataclasses.dataclass(frozen=True)
class ModelInput:
    """An input of a Keras model: its layer's name, TensorFlow dtype, and shape without the batch.

    `batch` is the batch's size where the model keeps state for each place of it, else None: any.
    """

    name: str
    dtype: Any
    shape: tuple[int | None, ...]
    batch: int | None = None

    def __str__(self) -> str:
        sizes = ["?" if size is None else str(size) for size in (self.batch, *self.shape)]
        return f"{self.dtype.name} [{', '.join(sizes)}]"


@dataclasses.dataclass(frozen=True)
class Allowed:
    """Code that a model may ask for: names of classes and functions, where they are, and marshalled Python."""

    names: tuple[str, ...] = ()
    allow_lambda: bool = False
    module: ModuleFile | None = None

    @classmethod
    def of(cls, names: Collection[str], module: ModuleFile | None) -> Allowed:
        """Read names as `export` takes them: "Lambda" stands for Python code in the model."""
        return cls(tuple(name for name in names if name != "Lambda"), "Lambda" in names, module)


def load_keras_model(model: Path, allowed: Allowed = Allowed(), *, compiled: bool = True) -> Any:
    """Return the Keras model in a SavedModel directory, H5 or `.keras` file.

    Args:
      allowed: what of its code may be loaded.
      compiled: load what it was compiled with, where that can be loaded.

    Raises:
      UnreadableModelError: a file that is damaged, or none of Keras.
      UnsafeModelError: it holds marshalled Python code, or a file asks for classes that are not Keras's.
      UnsupportedModelError: Keras cannot load it, or it is no Keras model.
    """
    if model.is_dir():
        if not allowed.allow_lambda:
            refuse_lambdas_of(model)
        loaded = _load(model, allowed, compiled=compiled)
    else:
        loaded = _load_file(read_keras_file(model), allowed, compiled=compiled)
    import tensorflow as tf

    if not isinstance(loaded, tf.keras.Model):
        raise not_keras(model, f"{type(loaded).__module__}.{type(loaded).__name__}, which Keras made of it")
    return loaded


def not_keras(model: Path, found: str) -> UnsupportedModelError:
    """Return the error for a SavedModel that Keras did not write."""
    return UnsupportedModelError(
        "not a Keras model",
        where=str(model),
        found=found,
        wanted="a model that was saved with model.save",
        next_step="save the Keras model itself; a SavedModel of another kind is written as TF1 does by "
        'tfx-savedmodel export with {"builder": "session"} in the plan',
    )


def _load_file(file: KerasFile, allowed: Allowed, *, compiled: bool) -> Any:
    given: dict[str, Any] = {
        "allowed": allowed.names,
        "allow_lambda": allowed.allow_lambda,
        "module": allowed.module,
    }
    if not compiled:
        return load_keras_file(file, **given)
    try:
        return load_keras_file(file, compiled=True, **given)
    except (UnsafeModelError, UnsupportedModelError):
        # A loss or metric of the caller's own is not needed here; if that is not it, this fails the same way.
        return load_keras_file(file, **given)


def _load(model: Path, allowed: Allowed, *, compiled: bool) -> Any:
    import tensorflow as tf

    objects = {}
    if allowed.names:
        objects = custom_objects({"nodes": [node for _, node in keras_nodes(model)]}, allowed.names, allowed.module)
    try:
        try:
            return tf.keras.models.load_model(str(model), custom_objects=objects, compile=compiled)
        except (ValueError, TypeError):
            # A loss or metric of the caller's own is not needed here; if that is not it, this fails the same way.
            return tf.keras.models.load_model(str(model), custom_objects=objects, compile=False)
    except Exception as error:  # Keras raises every kind, down to IndexError for a TF1 SavedModel.
        raise UnsupportedModelError(
            "Keras cannot load the model",
            where=str(model),
            found=f"{type(error).__name__}: {error}",
            wanted=f"a model that this Keras, {keras_version()}, loads",
            next_step="save the model with model.save under this Keras; name its own classes with --allow NAME and "
            "--module FILE.py",
        ) from error


def make_compiled(model: Any) -> tuple[str, ...]:
    """Compile the model where an Estimator could not take it as it is; return what was done, in words."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer and getattr(model, "loss", None) and _is_known_to_estimators(optimizer):
        return ()
    model.compile(_OPTIMIZER, _LOSS)
    done = f"it was compiled with {_OPTIMIZER} and {_LOSS}, which only training would use"
    if not optimizer:
        return (f"the model was not compiled: {done}",)
    return (f"an Estimator cannot take over the model's loss and {type(optimizer).__name__}: {done}",)


def _is_known_to_estimators(optimizer: Any) -> bool:
    """Tell whether an optimizer is one of Keras's older kind, or has its like among them; AdamW has none."""
    import tensorflow as tf

    legacy = tf.keras.optimizers.legacy.Optimizer
    if isinstance(optimizer, legacy):
        return True
    try:
        return isinstance(tf.keras.__internal__.optimizers.convert_to_legacy_optimizer(optimizer), legacy)
    except Exception:  # Keras raises what it happens to stumble over.
        return False


def model_inputs(model: Any) -> tuple[ModelInput, ...]:
    """Return the inputs of a functional or Sequential model of Keras 2, in its order.

    Raises:
      UnsupportedModelError: an input is sparse or ragged.
    """
    import tensorflow as tf

    inputs, stateful = [], keeps_state(model)
    for name, tensor in zip(model.input_names, model.inputs, strict=True):
        spec = tensor.type_spec
        if not isinstance(spec, tf.TensorSpec):
            raise UnsupportedModelError(
                "an input is not a dense tensor",
                where=f"input {name!r}",
                found=type(spec).__name__,
                wanted="TensorSpec: a signature has dense tensors alone",
                next_step="make the tensor sparse or ragged inside the model",
            )
        inputs.append(ModelInput(name, spec.dtype, tuple(spec.shape[1:]), spec.shape[0] if stateful else None))
    return tuple(inputs)
