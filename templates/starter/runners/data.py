"""Whether CSV files are what CsvExampleGen reads: it takes any separator but a comma for a part of a name."""

from __future__ import annotations

import collections
import csv
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import configs
from runners import labels

COLUMNS = (configs.LABEL, *configs.NUMBERS, *configs.DATES, *configs.CATEGORIES)
_SEPARATORS = (",", ";", "\t", "|")
_LONGEST = 300


def problems(files: Iterable[str], opened: Callable[[str], Any]) -> list[str]:
    """Return what is wrong with CSV files, in words, with what to do.

    Of files on this machine the labels are read too; of others the first lines only, since a bucket may hold very much.

    Args:
      files: their paths.
      opened: opens one of them to read text: `open`, or TFX's for a bucket.
    """
    lines = {}
    for path in files:
        with opened(path) as file:
            lines[path] = file.readline()
    if not lines:
        return ["there is no file *.csv"]
    found = [problem for path, line in lines.items() if (problem := _problem(path, line))]
    if not found:
        found = _differences({path: _names(line) for path, line in lines.items()})
    if not found:
        found = [problem for path in lines if "://" not in path for problem in labels.problems(path)]
    return found


def _names(line: str) -> list[str]:
    """Return the names as TFX reads them: quotes and a byte order mark would be a part of them."""
    return line.strip().split(",")


def _problem(path: str, line: str) -> str:
    if set(COLUMNS) <= set(_names(line)):
        return ""
    # The one that gives all columns; where names are others too, the one that gives the most.
    separator = max(_SEPARATORS, key=lambda each: (set(COLUMNS) <= set(_cells(line, each)), len(_cells(line, each))))
    cells = _cells(line, separator)
    names = ", ".join(repr(name) for name in COLUMNS if name not in cells)
    lacks = f"line 1 names no column {names}, which configs.py does; found: {line.strip()[:_LONGEST]}"
    if cells == _names(line):
        return f"{path}: {lacks}"
    convert = (
        "import csv, sys; csv.writer(sys.stdout, lineterminator='\\n').writerows("
        f"csv.reader(open(sys.argv[1], encoding='utf-8-sig', newline=''), delimiter={separator!r}))"
    )
    wrong = "in quotes, or behind a byte order mark" if separator == "," else f"separated by {separator!r}"
    return (
        f"{path}: its names are {wrong}, and TFX reads plain ones between commas only. To convert it:\n"
        f"  python3 -c {shlex.quote(convert)} {shlex.quote(path)} >commas.csv\n"
        "  Where its numbers have decimal commas, make points of them too."
    ) + (f"\n  Rename its columns as well: {lacks}" if names else "")


def _cells(line: str, separator: str) -> list[str]:
    return next(csv.reader([line.strip().lstrip("\ufeff")], delimiter=separator)) or [""]


def _differences(names: Mapping[str, Sequence[str]]) -> list[str]:
    """Return in what the names of files differ from those of most: TFX reads all of a folder by one line of names."""
    ((usual, _),) = collections.Counter(map(tuple, names.values())).most_common(1)
    other = next(path for path, found in names.items() if tuple(found) == usual)
    return [
        f"{path}: its columns are not those of {other}: {_difference(found, usual)}. TFX wants the same in the same "
        f"order in all files of a folder: {','.join(usual)[:_LONGEST]}"
        for path, found in names.items()
        if tuple(found) != usual
    ]


def _difference(found: Sequence[str], usual: Sequence[str]) -> str:
    parts = {
        "missing": [name for name in usual if name not in found],
        "additional": [name for name in found if name not in usual],
    }
    said = [f"{kind} {', '.join(map(repr, names))}" for kind, names in parts.items() if names]
    if said:
        return "; ".join(said)
    if sorted(found) != sorted(usual):
        return "a name stands there more than once"
    number = next(number for number, pair in enumerate(zip(found, usual, strict=True)) if pair[0] != pair[1])
    return f"another order: column {number + 1} is {found[number]!r}, there {usual[number]!r}"
