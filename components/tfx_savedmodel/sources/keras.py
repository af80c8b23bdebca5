"""A Keras model as a source: of a file, or a live object."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.keras_files import KerasFile
from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.sources.keras_calls import CallSpecs, call_specs, output_names, takes_training
from tfx_savedmodel.sources.keras_library import is_a, keras_of
from tfx_savedmodel.sources.keras_load import is_keras_3, load_keras_file, refuse_other_keras, unbuilt
from tfx_savedmodel.sources.keras_objects import judged_config, refuse_code
from tfx_savedmodel.sources.keras_variables import saved_once
from tfx_savedmodel.sources.module_file import ModuleFile
from tfx_savedmodel.sources.source import ModelFunction, TrainedModel


class KerasSource(TrainedModel):
    """A Keras model of the Keras that TensorFlow runs, 2 or 3; `load` gives it when it is first needed."""

    def __init__(self, load: Callable[[], Any], described: str, notes: tuple[str, ...] = ()) -> None:
        self._load = load
        self._notes = notes
        self.described = described

    @classmethod
    def of_object(cls, model: Any, described: str = "the Keras model") -> KerasSource:
        """A model that lives in this process, or was built by the author's function.

        Raises:
          UnsupportedModelError: it was never built.
        """
        if not is_a(model, "Model"):
            raise UnsupportedModelError(
                "a Keras layer, not a model",
                where=described,
                found=type(model).__name__,
                wanted="a tf.keras.Model",
                next_step="put it into a model: tf.keras.Sequential([tf.keras.Input(…), layer])",
            )
        if not model.built:
            raise unbuilt(described, type(model).__name__)
        compiled = getattr(model, "optimizer", None) is not None
        return cls(lambda: model, described, (_NO_OPTIMIZER,) if compiled else ())

    @classmethod
    def of_file(
        cls,
        file: KerasFile,
        *,
        custom_objects: Collection[str] = (),
        allow_lambda: bool = False,
        module: ModuleFile | None = None,
    ) -> KerasSource:
        """A model in a file, which is judged now and deserialised when it is first needed.

        Raises:
          UnsafeModelError: it asks for code that is not allowed by name.
          UnsupportedModelError: it was written by a Keras that does not fit.
        """
        with keras_of(file.keras_version):
            refuse_code(judged_config(file), str(file.path), custom_objects, allow_lambda=allow_lambda)
        refuse_other_keras(file)
        load = functools.partial(
            load_keras_file, file, allowed=custom_objects, allow_lambda=allow_lambda, module=module
        )
        compiled = file.training_config is not None
        return cls(load, f"{file.described}, {file.path}", (_NO_OPTIMIZER,) if compiled else ())

    @functools.cached_property
    def root(self) -> Any:
        """The Keras model, built."""
        model = self._load()
        if not model.built:
            raise unbuilt(self.described, type(model).__name__)
        return model

    @property
    def notes(self) -> tuple[str, ...]:
        return self._notes

    @functools.cached_property
    def _specs(self) -> CallSpecs:
        return call_specs(self.root, self.described)

    @functools.cached_property
    def model(self) -> ModelFunction:
        """The forward pass with training=False, named as the model's own export names it.

        Raises:
          UnsupportedModelError: the inputs are not known, or not dense.
        """
        import tensorflow as tf

        model, specs = self.root, self._specs
        fixed = {"training": False} if takes_training(model) else {}
        names: list[str] = []

        # A tf.function of its own: the author's call may need AutoGraph, which a signature's trace leaves out.
        @tf.function
        def forward(tensors: Mapping[str, Any]) -> Any:
            args, kwargs = specs.packed(tensors)
            results = model(*args, **{**kwargs, **fixed})
            names[:] = output_names(model, results)
            return dict(zip(names, tf.nest.flatten(results), strict=True))

        traced = forward.get_concrete_function(
            {name: tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in specs.by_name.items()}
        )
        return ModelFunction(
            inputs={name: form(spec) for name, spec in specs.by_name.items()},
            outputs={name: form(traced.structured_outputs[name]) for name in names},
            call=lambda tensors: forward({name: tensors[name] for name in specs.by_name}),
            described="the Keras model's call",
        )

    def save(self, directory: Path, functions: Mapping[str, Any], options: Any) -> None:
        """Save the model; under Keras 2 with its Keras metadata, so that load_model gives it back."""
        import tensorflow as tf

        model = self.root
        if is_keras_3(model):
            with _without_optimizer(model), saved_once():
                tf.saved_model.save(model, str(directory), signatures=dict(functions), options=options)
            return
        if model.save_spec() is None:
            # Keras 2 refuses what was built without being called.
            args, kwargs = self._specs.packed({name: _zeros(spec) for name, spec in self._specs.by_name.items()})
            model(*args, **kwargs)
        model.save(
            str(directory), save_format="tf", include_optimizer=False, signatures=dict(functions), options=options
        )


_NO_OPTIMIZER = "what the model was compiled with (optimizer, loss, metrics) is left out: serving needs none of it"


@contextlib.contextmanager
def _without_optimizer(model: Any) -> Any:
    """Keep the optimizer's slots, twice the weights for Adam, out of what is saved."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        yield
        return
    model.optimizer = None
    model._delete_tracking("optimizer")  # an attribute that is None is still a child
    try:
        yield
    finally:
        model.optimizer = optimizer


def form(spec: Any) -> tuple[str, Shape]:
    """Return the dtype and shape of a spec or tensor."""
    return spec.dtype.name, tuple(spec.shape.as_list()) if spec.shape.rank is not None else None


def _zeros(spec: Any) -> Any:
    import tensorflow as tf

    return tf.zeros([1 if size is None else size for size in spec.shape], spec.dtype)
