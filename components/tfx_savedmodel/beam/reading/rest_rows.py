"""Documents of TensorFlow Serving's REST form -> rows -> columns.

A document is an instance, `{"x": [1.0], "name": {"b64": "…"}}` or the bare value of a single input, or a whole
request: `{"signature_name": "…", "instances": […]}`, or `{"inputs": …}` with the batch dimension first.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.columns import Column
from tfx_savedmodel.beam.reading.table import ColumnTable

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_REQUEST_KEYS = frozenset({"signature_name", "instances", "inputs"})
_INT64 = range(-(1 << 63), 1 << 63)


class BadRow(Exception):
    """A row that no signature can take; the text says why."""


@dataclasses.dataclass(frozen=True)
class Row:
    """An instance: its features by name ("" for a value without one), the `document` that it stands in, its number
    there (-1: the document is the instance), and the only signature that it is for.
    """

    features: Mapping[str, Any]
    document: int
    instance: int = -1
    signature: str | None = None


def rows_of(document: Any, number: int) -> Iterator[Row]:
    """Yield the rows of a document.

    Raises:
      BadRow: a request that is none.
    """
    if (
        isinstance(document, list)
        and document
        and all(isinstance(item, dict) and not _is_b64(item) for item in document)
    ):
        raise BadRow('the line is a list of instances: write each on a line of its own, or as {"instances": […]}')
    if not (isinstance(document, dict) and document and document.keys() <= _REQUEST_KEYS):
        yield Row(_features(document), number)
        return
    signature = document.get("signature_name")
    if signature is not None and not isinstance(signature, str):
        raise BadRow(f"its signature_name is no text: {signature!r}")
    given = [name for name in ("instances", "inputs") if name in document]
    if len(given) != 1:
        raise BadRow(f"a request needs either instances or inputs; it has {' and '.join(given) or 'neither'}")
    instances = document["instances"] if given == ["instances"] else _transposed(document["inputs"])
    if not isinstance(instances, list):
        raise BadRow("its instances are no list")
    for index, instance in enumerate(instances):
        yield Row(_features(instance), number, index, signature or None)


def table_of(rows: Sequence[Row], kinds: Mapping[str, str]) -> tuple[ColumnTable, dict[int, str]]:
    """Return the rows as columns, and for each bad row (by its index) why it cannot be one; its values are missing.

    Args:
      kinds: of the features whose kind is known: "float", "int64" or "bytes". Any other one's is its first row's.
    """
    names = dict.fromkeys(name for row in rows for name in row.features)
    bad: dict[int, str] = {}
    columns = {name: _column(name, [row.features.get(name) for row in rows], kinds.get(name), bad) for name in names}
    return ColumnTable(columns, len(rows), kinds), bad


def _features(instance: Any) -> Mapping[str, Any]:
    is_named = isinstance(instance, dict) and not _is_b64(instance)
    return instance if is_named else {"": instance}


def _is_b64(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"}


def _transposed(inputs: Any) -> list[Any]:
    """Return the instances of the column form."""
    if not isinstance(inputs, dict) or _is_b64(inputs):
        if not isinstance(inputs, list):
            raise BadRow("its inputs have no batch dimension")
        return inputs
    lengths = {name: len(values) if isinstance(values, list) else -1 for name, values in inputs.items()}
    if -1 in lengths.values():
        flat = ", ".join(sorted(name for name, length in lengths.items() if length < 0))
        raise BadRow(f"its inputs have no batch dimension: {flat}")
    if len(set(lengths.values())) > 1:
        raise BadRow(f"its inputs have different batch sizes: {lengths}")
    return [dict(zip(inputs, values, strict=True)) for values in zip(*inputs.values(), strict=True)]


def _column(name: str, values: list[Any], kind: str | None, bad: dict[int, str]) -> Column:
    found = _numbers(values) if kind != "bytes" else None
    return found or _any_column(name, values, kind, bad)


def _numbers(values: list[Any]) -> Column | None:
    """Return rows of numbers that all have one shape, None where they are anything else."""
    import numpy as np

    try:
        array = np.array(values)
    except (ValueError, OverflowError):  # not of one shape
        return None
    if array.dtype.kind not in "bif":
        return None
    rows, shape = len(array), array.shape[1:]
    shapes = np.tile(np.array(shape or (-1,), np.int64), (rows, 1))
    return Column(array.reshape(-1), np.full(rows, int(np.prod(shape)), np.int64), shapes)


def _any_column(name: str, values: list[Any], kind: str | None, bad: dict[int, str]) -> Column:
    import numpy as np

    flat: list[Any] = []
    lengths = np.zeros(len(values), np.int64)
    shapes: list[tuple[int, ...]] = []
    is_bytes = None if kind is None else kind == "bytes"
    for row, value in enumerate(values):
        leaves: list[Any] = []
        try:
            shape = () if value is None else _flatten(value, leaves)
            if leaves:
                of_bytes = {isinstance(leaf, bytes) for leaf in leaves}
                is_bytes = of_bytes == {True} if is_bytes is None else is_bytes
                if of_bytes != {is_bytes}:
                    raise BadRow("holds " + ("a number where text is wanted" if is_bytes else "text, no number"))
        except BadRow as reason:
            bad.setdefault(row, f"{name!r} {reason}" if name else f"it {reason}")
            leaves, shape = [], ()
        flat += leaves
        lengths[row] = len(leaves)
        shapes.append(shape)
    rank = max([1, *map(len, shapes)])
    padded = np.array([(*shape, *[-1] * (rank - len(shape))) for shape in shapes], np.int64).reshape(-1, rank)
    return Column(_array(flat, is_bytes), lengths, padded)


def _array(flat: list[Any], is_bytes: bool | None) -> Array:
    import numpy as np

    if is_bytes:
        values = np.empty(len(flat), object)
        values[:] = flat
        return values
    return np.array(flat, None if flat else np.int64)


def _flatten(value: Any, leaves: list[Any]) -> tuple[int, ...]:
    """Append a nested list's leaves and return its shape.

    Raises:
      BadRow: it has none, or a leaf is neither number nor text.
    """
    if not isinstance(value, list):
        leaves.append(_leaf(value))
        return ()
    shapes = {_flatten(item, leaves) for item in value}
    if len(shapes) > 1:
        raise BadRow("is not rectangular")
    return (len(value), *(shapes.pop() if shapes else ()))


def _leaf(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise BadRow(f"holds half a character: {value[error.start : error.end]!r}") from error
    if _is_b64(value):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise BadRow(f"is no base64: {error}") from error
    if isinstance(value, int) and value not in _INT64:
        raise BadRow(f"holds {value}, which has more than 64 bits")
    if isinstance(value, (bool, int, float)):
        return value
    raise BadRow("holds a null" if value is None else f"holds {type(value).__name__} where a value is wanted")
