"""Arrow arrays -> columns: numbers, bool, text and bytes, or lists of one of these."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.columns import Column

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Converted:
    """A column, and the rows (bool) that no feature can hold, with the reason."""

    column: Column
    bad: Array
    reason: str = ""


def kind_of_type(kind: Any) -> str | None:
    """Return the list of a tf.Example that holds values of an Arrow type, None where none does."""
    import pyarrow as pa

    kind = value_type(kind)
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return "int64"
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    # A decimal is a fixed_size_binary to some versions of Arrow.
    return "bytes" if (is_text or is_bytes) and not pa.types.is_decimal(kind) else None


def value_type(kind: Any) -> Any:
    """Return the type of a list's values, or of a dictionary's; of anything else its own."""
    import pyarrow as pa

    if is_list(kind):
        kind = kind.value_type
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_list(kind: Any) -> bool:
    """Tell whether an Arrow type is a list of any kind."""
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def to_column(array: Any) -> Converted:
    """Return an array (no ChunkedArray) of a type that `kind_of_type` knows as a column; null is no value."""
    import numpy as np
    import pyarrow as pa

    valid = np.asarray(array.is_valid())
    if not is_list(array.type):
        lengths = valid.astype(np.int64)
        return Converted(Column(_values(array.drop_null()), lengths), np.zeros(len(array), bool))
    lists = array.drop_null()
    if pa.types.is_fixed_size_list(array.type):
        sizes = np.full(len(lists), array.type.list_size, np.int64)
    else:
        sizes = np.diff(np.asarray(lists.offsets)).astype(np.int64)
    flat = lists.flatten()
    lengths = np.zeros(len(array), np.int64)
    lengths[valid] = sizes
    if not flat.null_count:
        return Converted(Column(_values(flat), lengths), np.zeros(len(array), bool))
    # A list with a hole has no place in a feature; its row is given up, the others keep their values.
    owner = np.repeat(np.arange(len(array)), lengths)
    bad = np.zeros(len(array), bool)
    bad[owner[~np.asarray(flat.is_valid())]] = True
    kept = flat.filter(pa.array(~bad[owner]))
    lengths[bad] = 0
    return Converted(Column(_values(kept), lengths), bad, "a list that holds a null")


def _values(array: Any) -> Array:
    """Return an array without nulls as numpy: int64, uint64, bool, floats as they are, or object of bytes."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if kind_of_type(kind) == "bytes":
        is_large = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
        if not pa.types.is_fixed_size_binary(kind):
            array = array.cast(pa.large_binary() if is_large else pa.binary())
        values = np.empty(len(array), object)
        values[:] = array.to_pylist() if len(array) else []
        return values
    found: Array = array.to_numpy(zero_copy_only=False)
    return found.astype(np.int64) if found.dtype.kind in "iu" and found.dtype != np.uint64 else found
