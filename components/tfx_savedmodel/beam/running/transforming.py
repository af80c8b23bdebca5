"""Serialized tf.Examples -> transformed features, through a Transform graph."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.saved_model.garbage import collector_paused
from tfx_savedmodel.sources.transform import TransformGraph

if TYPE_CHECKING:
    import numpy as np


class TransformStep:
    """The Transform graph as one TensorFlow call for a batch.

    Args:
      directory: the Transform graph.
      without: raw features that no example has (a label, in serving data): what depends on them is
        not computed.
    """

    def __init__(self, directory: str, without: Collection[str]) -> None:
        import tensorflow as tf

        graph = TransformGraph(directory)
        spec = graph.raw_feature_spec(exclude=without)
        self._layer = graph.layer()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def transform(serialized: Any) -> Any:
            transformed = self._layer(tf.io.parse_example(serialized, spec))
            return {name: value for name, value in transformed.items() if isinstance(value, tf.Tensor)}

        with collector_paused():
            self._transform = transform.get_concrete_function()

    def __call__(self, serialized: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
        """Return the dense transformed features [rows, …] of a batch (bytes [rows]), by name.

        Raises:
          tf.errors.OpError: a record cannot be parsed or transformed.
        """
        import tensorflow as tf

        return {name: value.numpy() for name, value in self._transform(tf.constant(serialized)).items()}
