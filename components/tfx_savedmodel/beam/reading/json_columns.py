"""Lines of JSON that are all instances of one kind -> columns, by Arrow: no Python for an instance.

It answers only where it would answer as `rest_rows` does; requests, base64, rows that differ in kind and whatever is
wrong are left to that. `tests/beam/reading/test_json_columns.py` compares the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.arrow_columns import to_column
from tfx_savedmodel.beam.reading.columns import Column
from tfx_savedmodel.beam.reading.table import ColumnTable, Wanted

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: The types of the features are taken from so many lines. Arrow is told them: left to find them it takes text for
#: times, and ends the process on lists that are nested deeply enough.
_LOOKED_AT = 16
_DEEPEST = 8
#: What makes a request of an object; a letter may be written as an escape.
_REQUEST = (b'"instances"', b'"inputs"', b'"signature_name"')
_ESCAPED = re.compile(rb"\\u00[2-7]")


def columns_of(lines: Sequence[bytes], wanted: Wanted) -> ColumnTable | None:
    """Return the lines, of one instance each, as columns; None where Arrow could not, or not as faithfully."""
    try:
        import pyarrow as pa
        import pyarrow.json
    except ImportError:
        return None
    data = b"".join(lines)
    data = data if data.endswith(b"\n") else data + b"\n"
    if not _is_an_object_each(data, len(lines)) or _may_be_request(data):
        return None
    types = _types(lines[:_LOOKED_AT], wanted)
    if not types or not all(name in types or _is_absent(name, data) for name in wanted.kinds):
        return None
    reading = pyarrow.json.ReadOptions(use_threads=False, block_size=len(data) + 1)
    parsing = pyarrow.json.ParseOptions(
        explicit_schema=pa.schema(list(types.items())),
        newlines_in_values=False,
        unexpected_field_behavior="error" if wanted.everything else "ignore",
    )
    try:
        found = pyarrow.json.read_json(pa.BufferReader(data), reading, parsing).combine_chunks()
        if found.num_rows != len(lines):
            return None
        found.validate(full=True)  # whether text is text
        return _table(found, wanted)
    except (pa.ArrowException, UnicodeDecodeError):
        return None


def _is_an_object_each(data: bytes, lines: int) -> bool:
    """Tell whether each line is one object of plain values: of more Arrow makes rows, or drops all but the first."""
    starts = data.startswith(b"{") + data.count(b"\n{")
    ends = data.count(b"}\n") + data.count(b"}\r\n")
    return starts == ends == data.count(b"}") == lines and b"\0" not in data


def _may_be_request(data: bytes) -> bool:
    return any(key in data for key in _REQUEST) or (b"\\u00" in data and _ESCAPED.search(data) is not None)


def _table(found: Any, wanted: Wanted) -> ColumnTable | None:
    columns = {}
    for name in found.column_names:
        chunked = found.column(name)
        if not chunked.num_chunks or chunked.null_count == len(chunked):
            return None  # whether it is there at all, and of which kind, is for the rows to say
        column = _column(chunked.chunk(0))
        if column is None:
            return None
        columns[name] = column
    return ColumnTable(columns, found.num_rows, wanted.kinds)


def _types(lines: Sequence[bytes], wanted: Wanted) -> Mapping[str, Any] | None:
    """Return the Arrow type of each wanted feature, None where a line is none or a feature's type cannot be told."""
    try:
        documents = [json.loads(line) for line in lines]
    except (ValueError, RecursionError):
        return None
    values: dict[str, Any] = {}
    for document in documents:
        for name, value in document.items():
            if (wanted.everything or name in wanted.kinds) and value not in (None, []):
                values.setdefault(name, value)
    types = {name: _type(value, wanted.kinds.get(name)) for name, value in values.items()}
    return None if None in types.values() else types


def _is_absent(name: str, data: bytes) -> bool:
    return name.isascii() and json.dumps(name).encode() not in data


def _type(value: Any, kind: str | None, depth: int = 0) -> Any:
    import pyarrow as pa

    if isinstance(value, list):
        inner = _type(value[0], kind, depth + 1) if value and depth < _DEEPEST else None
        return None if inner is None else pa.list_(inner)
    if isinstance(value, str):
        return pa.string() if kind in (None, "bytes") else None
    if isinstance(value, bool):
        return pa.bool_() if kind in (None, "int64") else None
    if isinstance(value, int) and kind in (None, "int64"):
        return pa.int64()
    if isinstance(value, (int, float)) and kind in (None, "float"):
        return pa.float64()
    return None


def _column(array: Any) -> Column | None:
    """Return an array as a column with its shapes, None where rows are not of one shape in their inner dimensions."""
    import numpy as np
    import pyarrow as pa

    valid = np.asarray(array.is_valid())
    outer = np.full((len(array), 1), -1, np.int64)
    inner: list[int] = []
    flat = array
    if pa.types.is_list(array.type):
        outer[valid, 0] = np.diff(np.asarray(array.drop_null().offsets))
        flat = array.flatten()
        while pa.types.is_list(flat.type):
            sizes = np.unique(np.diff(np.asarray(flat.offsets)))
            # An empty list has no inner dimensions, and one that differs is looked at row by row.
            if flat.null_count or len(sizes) != 1 or sizes[0] == 0 or not (outer[valid, 0] > 0).all():
                return None
            inner.append(int(sizes[0]))
            flat = flat.flatten()
        if flat.null_count:
            return None
    converted = to_column(flat).column
    values = converted.values
    # Whole numbers of more than 64 bits are a fault of their row, and have become floats here.
    if values.dtype.kind == "f" and bool((np.abs(values) >= 2**63).any()):
        return None
    per_outer = int(np.prod(inner)) if inner else 1
    lengths = np.where(valid, np.where(outer[:, 0] < 0, 1, outer[:, 0]) * per_outer, 0).astype(np.int64)
    shapes = np.full((len(array), 1 + len(inner)), -1, np.int64)
    shapes[:, :1] = outer
    shapes[valid, 1:] = inner
    return Column(values, lengths, shapes)
