"""A trackable Python object as a source: a tf.Module, or whatever else TensorFlow can save."""

from __future__ import annotations

import functools
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.sources.functions import tf_functions, traced
from tfx_savedmodel.sources.source import ModelFunction, TrainedModel
from tfx_savedmodel.sources.traces import traces

_CALL = "__call__"


class ObjectSource(TrainedModel):
    """A live tf.Module, AutoTrackable or tf.train.Checkpoint.

    Raises:
      UnsupportedModelError: TensorFlow cannot track it.
    """

    def __init__(self, value: Any, described: str = "the object") -> None:
        import tensorflow as tf

        self.described = described
        self._root = value
        if not isinstance(value, tf.__internal__.tracking.Trackable) or isinstance(value, tf.Variable):
            raise UnsupportedModelError(
                "TensorFlow cannot save this object",
                where=described,
                found=f"{type(value).__module__}.{type(value).__qualname__}",
                wanted="a trackable object: a tf.Module or a Keras model, which knows the variables that it holds",
                next_step="make its class a tf.Module, with its variables as attributes",
            )

    @property
    def root(self) -> Any:
        return self._root

    @functools.cached_property
    def model(self) -> ModelFunction:
        """The object's `__call__`, else its only tf.function that says its inputs or was traced once.

        Raises:
          UnsupportedModelError: there is none, or more than one.
        """
        functions = {path: function for path, function in tf_functions(self.root).items() if _is_clear(function)}
        own = {path: function for path, function in functions.items() if "." not in path}
        chosen = {_CALL: own[_CALL]} if _CALL in own else own or functions
        if len(chosen) != 1:
            raise UnsupportedModelError(
                "it cannot be told which function is the model",
                where=self.described,
                found=", ".join(chosen) or "no tf.function with an input signature",
                wanted="__call__, or one tf.function, with an input_signature",
                next_step="decorate the forward pass with @tf.function(input_signature=[tf.TensorSpec(…)])",
            )
        ((path, function),) = chosen.items()
        found = traced(function, None, f"function {path!r}")
        return ModelFunction(found.inputs, found.outputs, found.call, found.described)


def _is_clear(function: Any) -> bool:
    import tensorflow as tf

    if isinstance(function, tf.types.experimental.ConcreteFunction):
        return True
    if getattr(function, "input_signature", None) is not None:
        return True
    return len(traces(function)) == 1
