"""Serialized tf.Examples -> raw features as columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.columns import Column

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class FeatureParser:
    """Parses features by name out of serialized examples, one TensorFlow call for a batch.

    Args:
      kinds: the features, each with the list that holds its values: "float", "int64" or "bytes".
    """

    def __init__(self, kinds: Mapping[str, str]) -> None:
        import tensorflow as tf

        dtypes = {"float": tf.float32, "int64": tf.int64, "bytes": tf.string}
        spec = {name: tf.io.RaggedFeature(dtypes[kind]) for name, kind in kinds.items()}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def parse(serialized: Any) -> Any:
            parsed = tf.io.parse_example(serialized, spec)
            return {name: (ragged.flat_values, ragged.row_lengths()) for name, ragged in parsed.items()}

        self._parse = parse

    def __call__(self, serialized: Array) -> dict[str, Column]:
        """Return the columns of a batch (bytes [rows]).

        Raises:
          tf.errors.InvalidArgumentError: a record is no tf.Example, or holds another kind of list.
        """
        parsed = self._parse(serialized)
        return {name: Column(values.numpy(), lengths.numpy()) for name, (values, lengths) in parsed.items()}
