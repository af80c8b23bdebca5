"""Rows that were columns in their file: fed as they are, made tf.Examples for whatever parses these."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.beam.reading.columns import Column
from tfx_savedmodel.beam.reading.encoding import encode_examples
from tfx_savedmodel.validation.check import RunFailed
from tfx_savedmodel.validation.comparing import brief

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_MOST_SHOWN = 16


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The columns that somebody needs, with their kinds ("float", "int64", "bytes") where these are known, and whether
    somebody takes all there are.
    """

    kinds: Mapping[str, str]
    everything: bool = False

    @classmethod
    def all(cls) -> Wanted:
        """Return that all columns are needed, and that of no one the kind is known."""
        return cls({}, everything=True)


@dataclasses.dataclass(frozen=True)
class ColumnTable:
    """A batch of `rows` examples as columns by name: bool, integers, floats, or bytes (object arrays).

    `kinds` are wanted of some: whole numbers become floats there, and floats integers where all are whole.
    """

    columns: Mapping[str, Column]
    rows: int
    kinds: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {name: _as_kind(column, self.kinds.get(name)) for name, column in self.columns.items()}
        object.__setattr__(self, "columns", columns)

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, index: Array) -> ColumnTable:
        """Return the rows of an index, int64 or bool."""
        import numpy as np

        index = np.flatnonzero(index) if index.dtype == bool else index
        return ColumnTable(
            {name: pick_rows(column, index) for name, column in self.columns.items()}, len(index), self.kinds
        )

    @functools.cached_property
    def serialized(self) -> Array:
        """The rows as serialized tf.Examples, object [rows] of bytes; floats are float32 there."""
        return encode_examples(self.columns, self.rows)

    def features(self, kinds: Mapping[str, str]) -> dict[str, Column]:
        """Return the columns of these features; one that is not there is missing in every row.

        Raises:
          RunFailed: a column holds bytes where numbers are wanted, or the other way round.
        """
        import numpy as np

        found: dict[str, Column] = {}
        for name, kind in kinds.items():
            column = self.columns.get(name)
            if column is None or not len(column.values):
                dtype: Any = {"float": np.float32, "int64": np.int64}.get(kind, object)
                lengths = np.zeros(self.rows, np.int64) if column is None else column.lengths
                found[name] = Column(np.zeros(0, dtype), lengths, None if column is None else column.shapes)
                continue
            if (kind_of_values(column.values) == "bytes") != (kind == "bytes"):
                raise RunFailed(f"{name!r} holds {kind_of_values(column.values)} values, where {kind} is wanted")
            found[name] = column
        return found

    def readable(self) -> Mapping[str, str]:
        """Return the first row as a person reads it: its first columns by name, each with its first values."""
        shown = {}
        for name, column in sorted(self.columns.items())[:_MOST_SHOWN]:
            values = column.values[: int(column.lengths[0])]
            shown[name or "(the tensor)"] = brief(values) if len(values) else "missing"
        left = len(self.columns) - len(shown)
        return {**shown, **({"…": f"{left} more"} if left > 0 else {})}


def serialized(records: Any) -> Array:
    """Return a batch's examples as they are serialized: object [rows] of bytes."""
    found: Array = records.serialized if isinstance(records, ColumnTable) else records
    return found


def kind_of_values(values: Array) -> str:
    """Return the list of a tf.Example that holds such values: "float", "int64" or "bytes"."""
    return {"f": "float", "b": "int64", "i": "int64", "u": "int64"}.get(values.dtype.kind, "bytes")


def _as_kind(column: Column, kind: str | None) -> Column:
    import numpy as np

    values = column.values
    if kind == "float" and values.dtype.kind in "iub":
        return dataclasses.replace(column, values=values.astype(np.float64))
    if kind == "int64" and values.dtype.kind == "f" and bool((np.abs(values) < 2**53).all()):
        whole = values.astype(np.int64)
        return dataclasses.replace(column, values=whole) if (whole == values).all() else column
    return column


def pick_rows(column: Column, index: Array) -> Column:
    """Return the rows (int64 [n]) of a column."""
    import numpy as np

    starts = np.cumsum(column.lengths) - column.lengths
    lengths = column.lengths[index]
    # The place of each value: its row's start, and its number within the row.
    within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    values = column.values[np.repeat(starts[index], lengths) + within]
    return Column(values, lengths, None if column.shapes is None else column.shapes[index])


def join_tables(tables: Sequence[ColumnTable]) -> ColumnTable:
    """Return the rows of several tables, one behind the other."""
    if len(tables) == 1:
        return tables[0]
    names = list(dict.fromkeys(name for table in tables for name in table.columns))
    return ColumnTable(
        {name: _joined(name, tables) for name in names}, sum(table.rows for table in tables), tables[0].kinds
    )


def _joined(name: str, tables: Sequence[ColumnTable]) -> Column:
    import numpy as np

    parts = []
    for table in tables:
        column = table.columns.get(name)
        parts.append(column or Column(np.zeros(0, np.int64), np.zeros(table.rows, np.int64)))
    filled = [part.values for part in parts if len(part.values)]
    values = np.concatenate(filled) if filled else parts[0].values
    shaped = [part.shapes for part in parts if part.shapes is not None]
    shapes = None
    if shaped:
        rank = max(each.shape[1] for each in shaped)
        shapes = np.concatenate(
            [
                np.full((len(part.lengths), rank), -1)
                if part.shapes is None
                else np.pad(part.shapes, ((0, 0), (0, rank - part.shapes.shape[1])), constant_values=-1)
                for part in parts
            ]
        )
    return Column(values, np.concatenate([part.lengths for part in parts]), shapes)
