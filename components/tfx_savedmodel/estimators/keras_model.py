"""The Keras model that is to be converted: loaded with care, and described by its inputs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnsafeModelError, UnsupportedModelError
from tfx_savedmodel.estimators.lambdas import refuse_lambdas_of
from tfx_savedmodel.saved_model.keras_files import read_keras_file
from tfx_savedmodel.sources.keras_load import keras_version, load_keras_file

#: What an uncompiled model is compiled with: the Estimator wants a loss and an optimizer, serving uses neither.
_OPTIMIZER = "sgd"
_LOSS = "mse"


@dataclasses.dataclass(frozen=True)
class ModelInput:
    """An input of a Keras model: its layer's name, TensorFlow dtype, and shape without the batch."""

    name: str
    dtype: Any
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        sizes = ["?", *("?" if size is None else str(size) for size in self.shape)]
        return f"{self.dtype.name} [{', '.join(sizes)}]"


def load_keras_model(model: Path) -> Any:
    """Return the functional or Sequential Keras model in a SavedModel directory, H5 or `.keras` file.

    Raises:
      UnreadableModelError: a file that is damaged, or none of Keras.
      UnsafeModelError: it holds marshalled Python code, or a file asks for classes that are not Keras's.
      UnsupportedModelError: Keras cannot load it, or it is no Keras model, or a subclassed one.
    """
    if model.is_dir():
        refuse_lambdas_of(model)
        loaded = _load(model)
    else:
        loaded = _load_file(model)
    import tensorflow as tf

    if not isinstance(loaded, tf.keras.Model):
        raise UnsupportedModelError(
            "not a Keras model",
            where=str(model),
            found=f"{type(loaded).__module__}.{type(loaded).__name__}, which Keras made of it",
            wanted="a functional or Sequential model that was saved with model.save",
            next_step="save the Keras model itself, not tf.saved_model.save of a module",
        )
    if not getattr(loaded, "_is_graph_network", False):
        raise UnsupportedModelError(
            "a subclassed Keras model, or one that was never built",
            where=str(model),
            found=type(loaded).__name__,
            wanted="a functional or Sequential model with known inputs: an Estimator keeps no others' weights",
            next_step="express the model with tf.keras.Model(inputs, outputs)",
        )
    return loaded


def _load_file(model: Path) -> Any:
    file = read_keras_file(model)
    try:
        return load_keras_file(file, compiled=True)
    except (UnsafeModelError, UnsupportedModelError):
        # A loss or metric of the caller's own is not needed here; if that is not it, this fails the same way.
        return load_keras_file(file)


def _load(model: Path) -> Any:
    import tensorflow as tf

    try:
        try:
            return tf.keras.models.load_model(str(model))
        except (ValueError, TypeError):
            # A loss or metric of the caller's own is not needed here; if that is not it, this fails the same way.
            return tf.keras.models.load_model(str(model), compile=False)
    except Exception as error:  # Keras raises every kind, down to IndexError for a TF1 SavedModel.
        raise UnsupportedModelError(
            "Keras cannot load the model",
            where=str(model),
            found=f"{type(error).__name__}: {error}",
            wanted=f"a model that this Keras, {keras_version()}, loads",
            next_step="save the model with model.save under this Keras",
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
    """Return the inputs of a functional or Sequential model, in its order.

    Raises:
      UnsupportedModelError: an input is sparse or ragged.
    """
    import tensorflow as tf

    inputs = []
    for name, tensor in zip(model.input_names, model.inputs, strict=True):
        spec = tensor.type_spec
        if not isinstance(spec, tf.TensorSpec):
            raise UnsupportedModelError(
                "an input is not a dense tensor",
                where=f"input {name!r}",
                found=type(spec).__name__,
                wanted="TensorSpec",
            )
        inputs.append(ModelInput(name, spec.dtype, tuple(spec.shape[1:])))
    return tuple(inputs)
