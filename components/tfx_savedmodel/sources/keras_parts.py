"""A Keras 2 model saved without its layers: the forward pass alone, over the same variables and tables.

Keras 2 traces every layer of a model that it saves, so that it can be loaded as Keras again: for what is written as
TF1 does that is lost again, and it takes most of the time.
"""

from __future__ import annotations

import functools
from typing import Any

from tfx_savedmodel.sources.keras import KerasSource
from tfx_savedmodel.sources.source import ModelFunction, TrainedModel


class KerasParts(TrainedModel):
    """The forward pass of a Keras 2 model, and what it computes with."""

    def __init__(self, source: KerasSource) -> None:
        self._source = source
        self.described = source.described

    @functools.cached_property
    def root(self) -> Any:
        """A tf.Module that holds the model's variables and tables, and none of its layers."""
        import tensorflow as tf

        module = tf.Module()
        module.parts = [part for part in tf.train.TrackableView(self._source.root).descendants() if _is_resource(part)]
        return module

    @property
    def model(self) -> ModelFunction:
        return self._source.model

    @property
    def notes(self) -> tuple[str, ...]:
        return self._source.notes


def _is_resource(value: Any) -> bool:
    """Tell whether TensorFlow saves a value with what functions take of it: a variable, a table, an asset."""
    import tensorflow as tf

    if isinstance(value, (tf.Variable, tf.saved_model.Asset)):
        return True
    return not isinstance(value, tf.Module) and hasattr(value, "_create_resource")
