"""Serialized tf.SequenceExamples and TensorProtos -> raw features as columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.columns import UNEVEN, Column

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class SequenceParser:
    """Parses context features and feature lists by name, one TensorFlow call for a batch.

    A feature list is a column whose shapes are [steps, values in each]; where a name is both, it is the feature list.

    Args:
      kinds: the features, each with the list that holds its values: "float", "int64" or "bytes".
    """

    def __init__(self, kinds: Mapping[str, str]) -> None:
        import tensorflow as tf

        dtypes = {"float": tf.float32, "int64": tf.int64, "bytes": tf.string}
        context = {name: tf.io.RaggedFeature(dtypes[kind]) for name, kind in kinds.items()}
        lists = {name: tf.io.RaggedFeature(dtypes[kind]) for name, kind in kinds.items()}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def parse(serialized: Any) -> Any:
            one, many, _ = tf.io.parse_sequence_example(serialized, context, lists)
            flat = {name: (ragged.flat_values, ragged.row_lengths()) for name, ragged in one.items()}
            steps = {
                name: (ragged.flat_values, ragged.row_lengths(), ragged.values.row_lengths())
                for name, ragged in many.items()
            }
            return flat, steps

        self._parse = parse

    def __call__(self, serialized: Array) -> dict[str, Column]:
        """Return the columns of a batch (bytes [rows]).

        Raises:
          tf.errors.InvalidArgumentError: a record is no tf.SequenceExample, or holds another kind of list.
        """
        flat, steps = self._parse(serialized)
        columns = {}
        for name, (values, lengths) in flat.items():
            found = steps[name]
            if len(found[2]):
                columns[name] = of_steps(*(tensor.numpy() for tensor in found))
            else:
                columns[name] = Column(values.numpy(), lengths.numpy())
        return columns


class TensorParser:
    """Parses records that are one serialized TensorProto each; they are the column "".

    Args:
      dtype: of all of them, as TensorFlow names it.
    """

    def __init__(self, dtype: str) -> None:
        import tensorflow as tf

        wanted = tf.as_dtype(dtype)
        rows = tf.RaggedTensorSpec([None], wanted, ragged_rank=0)
        shapes = tf.RaggedTensorSpec([None], tf.int64, ragged_rank=0)

        def one(record: Any) -> Any:
            tensor = tf.io.parse_tensor(record, wanted)
            return tf.reshape(tensor, [-1]), tf.shape(tensor, out_type=tf.int64)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def parse(serialized: Any) -> Any:
            values, sizes = tf.map_fn(one, serialized, fn_output_signature=(rows, shapes))
            return values.flat_values, values.row_lengths(), sizes.to_tensor(-1)

        self._parse = parse

    def __call__(self, serialized: Array) -> dict[str, Column]:
        """Return the column of a batch (bytes [rows]).

        Raises:
          tf.errors.InvalidArgumentError: a record is no TensorProto, or one of another dtype.
        """
        values, lengths, shapes = (tensor.numpy() for tensor in self._parse(serialized))
        return {"": Column(values, lengths, shapes if shapes.shape[1] else None)}


def of_steps(values: Array, steps: Array, inner: Array) -> Column:
    """Return the column of a feature list: `steps` [rows], and `inner` [steps in all] values in each."""
    import numpy as np

    owner = np.repeat(np.arange(len(steps)), steps)
    lengths = np.bincount(owner, weights=inner, minlength=len(steps)).astype(np.int64)
    least, most = np.full(len(steps), np.iinfo(np.int64).max), np.zeros(len(steps), np.int64)
    np.minimum.at(least, owner, inner)
    np.maximum.at(most, owner, inner)
    width = np.where(steps == 0, 0, np.where(least == most, most, UNEVEN))
    return Column(values, lengths, np.stack([steps, width], axis=1).astype(np.int64))
