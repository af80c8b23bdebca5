"""Measurements, nested as each check likes, laid out as small tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tfx_savedmodel.report.values import (
    clip,
    format_bytes,
    format_milliseconds,
    format_seconds,
    format_value,
    one_line,
    plain,
)

_MAX_COLUMNS = 8
_MAX_ROWS = 60

_UNITS: Mapping[str, Callable[[float], str]] = {
    "bytes": format_bytes,
    "ms": format_milliseconds,
    "seconds": format_seconds,
}

Path = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of text: the head of each column (empty for key-value pairs), the rows, and the
    number of rows left out. The first column holds names, the others values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


def measurement_tables(measurements: Mapping[str, Any]) -> list[Table]:
    """Return single values as one table of pairs, and what is nested as one table for each key."""
    pairs: list[tuple[str, ...]] = []
    nested: list[Table] = []
    for key, value in plain(measurements).items():
        leaves = list(_leaves(value, (key,)))
        if leaves == [((key,), value)]:
            pairs.append((_label((key,)), _cell(key, value)))
        else:
            nested.append(_grid(key, leaves))
    return ([Table((), tuple(pairs))] if pairs else []) + nested


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, Sequence) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, start=1):
            yield from _leaves(item, (*path, str(number)))
    else:
        yield path, value


def _grid(key: str, leaves: list[tuple[Path, Any]]) -> Table:
    """Return rows by all but the last part of the path and columns by the last, if that is narrow."""
    columns = list(dict.fromkeys(path[-1] for path, _ in leaves))
    rows: dict[Path, dict[str, str]] = {}
    for path, value in leaves:
        rows.setdefault(path[1:-1], {})[path[-1]] = _cell(path[-1], value)
    if len(columns) > _MAX_COLUMNS or len(rows) == 1:
        pairs = [(_label(path[1:]), _cell(path[-1], value)) for path, value in leaves]
        return _cut((_label((key,)), ""), pairs)
    cells = [(_names(row), *(found.get(column, "") for column in columns)) for row, found in rows.items()]
    return _cut((_label((key,)), *(_label((column,)) for column in columns)), cells)


def _cell(key: str, value: Any) -> str:
    """Return a value as text; a key that names a unit (`seconds`, `peak_bytes`) gives it."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        unit = key.rpartition("_")[2]
        if unit in _UNITS:
            return _UNITS[unit](value)
    return format_value(value)


def _cut(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    return Table(columns, tuple(rows[:_MAX_ROWS]), max(0, len(rows) - _MAX_ROWS))


def _names(path: Path) -> str:
    return " › ".join(clip(one_line(part)) for part in path)


def _label(path: Path) -> str:
    # Underscores are how our own measurements are spelled; a model's names stand in rows or deeper and keep theirs.
    text = _names(path)
    return text.replace("_", " ") if len(path) == 1 and path[0].islower() else text
