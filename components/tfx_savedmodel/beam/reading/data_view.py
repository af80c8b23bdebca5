"""Records of any kind -> raw features as columns, through a TFX DataView: a saved graph that decodes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.columns import Column
from tfx_savedmodel.beam.reading.features import Feature, kind_of
from tfx_savedmodel.beam.reading.reasons import reason_of
from tfx_savedmodel.beam.reading.sequences import of_steps
from tfx_savedmodel.errors import ExamplesError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: The name of a signature that says which tensor tells a row's record: rows are not records there.
_INDEX_PREFIX = "__record_index_tensor_name__:"


def view_features(directory: str) -> dict[str, Feature]:
    """Return the tensors that a DataView decodes records to, dense, ragged or sparse.

    Raises:
      ExamplesError: it is no DataView, or one whose rows are not its records.
    """
    specs: Mapping[str, Any] = _load(directory).structured_outputs
    return {name: _feature(name, spec) for name, spec in specs.items()}


class ViewParser:
    """Decodes a batch of records by one call of the DataView.

    Args:
      directory: the DataView's SavedModel.
    """

    def __init__(self, directory: str) -> None:
        self._decode = _load(directory)

    def __call__(self, serialized: Array) -> dict[str, Column]:
        """Return the columns of a batch (bytes [rows]).

        Raises:
          Whatever the DataView's graph raises; ValueError: other rows than records.
        """
        import tensorflow as tf

        decoded = self._decode(tf.constant(serialized, tf.string))
        columns = {name: _column(value) for name, value in decoded.items()}
        uneven = sorted(name for name, column in columns.items() if len(column.lengths) != len(serialized))
        if uneven:
            raise ValueError(f"the DataView gives other rows than records for {', '.join(map(repr, uneven))}")
        return columns


def _load(directory: str) -> Any:
    import tensorflow as tf

    try:
        module = tf.saved_model.load(directory)
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ExamplesError("the DataView cannot be loaded", where=directory, found=reason_of(error)) from error
    decode = getattr(module, "decode_fun", None)
    if decode is None:
        raise ExamplesError("no DataView", where=directory, found="a SavedModel without decode_fun")
    index = [key for key in getattr(module, "signatures", ()) if key.startswith(_INDEX_PREFIX)]
    if index:
        raise ExamplesError(
            "the rows of the DataView are not its records",
            where=directory,
            found=f"a record index, {index[0].removeprefix(_INDEX_PREFIX)!r}",
            wanted="a row for each record",
        )
    # The module holds what the function needs.
    decode.keeps_alive = module
    return decode


def _feature(name: str, spec: Any) -> Feature:
    rank = None if spec.shape.rank is None else spec.shape.rank
    kind = kind_of(spec.dtype.name)
    if kind is None or rank is None or (rank > 3 and hasattr(spec, "ragged_rank")):
        return Feature(fault=f"the DataView gives {name!r} as {spec}, which no feature of an example can be")
    return Feature(kind, shaped=True)


def _column(value: Any) -> Column:
    """Return a tensor of any kind, batch dimension first, as a column."""
    import numpy as np
    import tensorflow as tf

    if isinstance(value, tf.SparseTensor):
        value = tf.RaggedTensor.from_sparse(value)
    if not isinstance(value, tf.RaggedTensor):
        array = value.numpy()
        shape = array.shape[1:] if array.ndim > 2 else (-1, -1)
        sizes = np.full(len(array), int(np.prod(array.shape[1:])), np.int64)
        return Column(array.reshape(-1), sizes, np.tile(np.array(shape, np.int64), (len(array), 1)))
    if value.ragged_rank > 1:
        inner = value.values
        return of_steps(inner.flat_values.numpy(), value.row_lengths().numpy(), inner.row_lengths().numpy())
    flat = value.values.numpy()
    steps = value.row_lengths().numpy()
    if flat.ndim == 1:
        return Column(flat, steps)
    width = int(np.prod(flat.shape[1:]))
    shapes = np.concatenate([steps[:, None], np.tile(np.array(flat.shape[1:], np.int64), (len(steps), 1))], axis=1)
    return Column(flat.reshape(-1), steps * width, shapes)
