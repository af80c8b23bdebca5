"""The Keras model that is to be converted: loaded with care, and described by its inputs."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Collection, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from tfx_savedmodel import versions
from tfx_savedmodel.errors import UnsafeModelError, UnsupportedModelError
from tfx_savedmodel.estimators.lambdas import refuse_lambdas_of
from tfx_savedmodel.saved_model.keras_code import references
from tfx_savedmodel.saved_model.keras_files import KerasFile, read_keras_file
from tfx_savedmodel.saved_model.keras_metadata import FILE as METADATA_FILE
from tfx_savedmodel.saved_model.keras_metadata import keras_nodes
from tfx_savedmodel.saved_model.keras_own import is_own
from tfx_savedmodel.sources.keras_calls import keeps_state
from tfx_savedmodel.sources.keras_library import is_a
from tfx_savedmodel.sources.keras_load import (
    keras_version,
    load_keras_file,
    refuse_half,
    refuse_other_keras,
    refuse_pickles,
)
from tfx_savedmodel.sources.keras_objects import Advice, custom_objects, judged_config, refuse_code, refuse_lambdas
from tfx_savedmodel.sources.module_file import ModuleFile

#: What an uncompiled model is compiled with: the Estimator wants a loss and an optimizer, serving uses neither.
_OPTIMIZER = "sgd"
_LOSS = "mse"
_MOST_SAID = 300

#: By loaded model: what of its file could not be loaded, in words.
_LEFT_OUT: MutableMapping[Any, str] = weakref.WeakKeyDictionary()


#: A conversion has no plan.
OF_CONVERSIONS = Advice(
    verb="convert",
    names="and --module FILE.py (allow=[…] and module_file=… in Python), if you wrote them",
    code='--allow Lambda (allow=["Lambda"] in Python), if you wrote it',
    build="build the model in Python under this Keras, load the weights into it, and save it with model.save",
)


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


def refuse_at_sight(model: Path, allow: Collection[str]) -> None:
    """Refuse what a local SavedModel or Keras file shows to be none to convert; no TensorFlow is needed.

    What passes is judged again, and more strictly, by what loads it.

    Raises:
      UnreadableModelError: a file that is damaged, has weights only, or none.
      UnsafeModelError: it asks for code that is not allowed.
      UnsupportedModelError: it was written by a newer Keras.
    """
    allowed = Allowed.of(allow, None)
    if not model.is_dir():
        file = read_keras_file(model)
        refuse_other_keras(file, OF_CONVERSIONS)
        refuse_half(file, OF_CONVERSIONS)
        refuse_code(
            judged_config(file),
            str(file.path),
            allowed.names,
            allow_lambda=allowed.allow_lambda,
            advice=OF_CONVERSIONS,
            find_custom=lambda config: (item for item in references(config) if not is_own(item)),
        )
        if not allowed.allow_lambda:
            refuse_pickles(file)
    elif not allowed.allow_lambda and versions.release(keras_version())[:1] < (3,):
        # Keras 3 deserialises nothing of a SavedModel.
        for path, node in keras_nodes(model):
            refuse_lambdas(node, f"{model}: {METADATA_FILE}, {path}")


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
    if not is_a(loaded, "Model"):
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
        "advice": OF_CONVERSIONS,
    }
    if not compiled:
        return load_keras_file(file, **given)
    try:
        return load_keras_file(file, compiled=True, **given)
    except (UnsafeModelError, UnsupportedModelError) as error:
        # A loss or metric of the caller's own is not needed here; if that is not it, this fails the same way.
        loaded = load_keras_file(file, **given)
        _LEFT_OUT[loaded] = left_out(file.training_config, f"{error.message}: {error.found}")
        return loaded


def _load(model: Path, allowed: Allowed, *, compiled: bool) -> Any:
    import tensorflow as tf

    objects = {}
    if allowed.names:
        objects = custom_objects({"nodes": [node for _, node in keras_nodes(model)]}, allowed.names, allowed.module)
    try:
        try:
            return tf.keras.models.load_model(str(model), custom_objects=objects, compile=compiled)
        except (ValueError, TypeError) as error:
            # A loss or metric of the caller's own is not needed here; if that is not it, this fails the same way.
            loaded = tf.keras.models.load_model(str(model), custom_objects=objects, compile=False)
            training = dict(keras_nodes(model)).get("root", {}).get("training_config")
            if hasattr(loaded, "optimizer"):
                _LEFT_OUT[loaded] = left_out(training, f"{type(error).__name__}: {error}")
            return loaded
    except Exception as error:  # Keras raises every kind, down to IndexError for a TF1 SavedModel.
        raise UnsupportedModelError(
            "Keras cannot load the model",
            where=str(model),
            found=f"{type(error).__name__}: {error}",
            wanted=f"a model that this Keras, {keras_version()}, loads",
            next_step="save the model with model.save under this Keras; name its own classes with --allow NAME and "
            "--module FILE.py",
        ) from error


def left_out(training: Mapping[str, Any] | None, reason: str) -> str:
    """Say what of a model's training configuration is left out, and why; nothing where it has none."""
    if not training:
        return ""
    parts = (
        ("optimizer", training.get("optimizer_config") or training.get("optimizer")),
        ("loss", training.get("loss")),
    )
    named = [f"the {what} {_named(value)}" for what, value in parts if value]
    if training.get("metrics") or not named:
        named.append("the metrics" if named else "what it was compiled with")
    verb = "is" if len(named) == 1 else "are"
    return f"{', '.join(named)} of the file {verb} left out, because {' '.join(reason.split())[:_MOST_SAID]}"


def _named(value: Any) -> str:
    """Name an optimizer or loss as a configuration gives it: by its class, as text, or one for each output."""
    if isinstance(value, Mapping) and "class_name" in value:
        inner = value.get("config")
        return str(inner if value["class_name"] == "function" else value["class_name"])
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_named(item)}" for key, item in value.items()) + "}"
    return ", ".join(map(_named, value)) if isinstance(value, (list, tuple)) else str(value)


def make_compiled(model: Any) -> tuple[str, ...]:
    """Compile the model where an Estimator could not take it as it is; return what was done, in words."""
    optimizer, loss = getattr(model, "optimizer", None), getattr(model, "loss", None)
    if optimizer and loss and _is_known_to_estimators(optimizer):
        return ()
    model.compile(_OPTIMIZER, _LOSS)
    done = f"it was compiled with {_OPTIMIZER} and {_LOSS}, which only training would use"
    if _LEFT_OUT.get(model):
        return (f"{_LEFT_OUT[model]}: {done}",)
    if not optimizer:
        return (f"the model was not compiled: {done}",)
    if not loss:
        return (f"the model was compiled without a loss, which an Estimator needs: {done}",)
    name = type(optimizer).__name__
    return (f"the optimizer {name} of the model is left out, because Estimators have none like it: {done}",)


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
