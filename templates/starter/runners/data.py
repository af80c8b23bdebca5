"""Whether CSV files are what CsvExampleGen reads: it takes any separator but a comma for a part of a name."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Callable, Iterable
from typing import Any

import configs

COLUMNS = (configs.LABEL, *configs.NUMBERS, *configs.DATES, *configs.CATEGORIES)
_SEPARATORS = (",", ";", "\t", "|")


def problems(files: Iterable[str], opened: Callable[[str], Any]) -> list[str]:
    """Return what is wrong with the first lines of CSV files, in words, with what to do.

    Args:
      files: their paths.
      opened: opens one of them to read text: `open`, or TFX's for a bucket.
    """
    found = []
    files = list(files)
    for path in files:
        with opened(path) as file:
            line = file.readline()
        problem = _problem(path, line)
        if problem:
            found.append(problem)
    return found if files else ["there is no file *.csv"]


def _problem(path: str, line: str) -> str:
    # As TFX reads the names: quotes and a byte order mark would be a part of them.
    missing = [name for name in COLUMNS if name not in line.strip().split(",")]
    if not missing:
        return ""
    separator = next((each for each in _SEPARATORS if set(COLUMNS) <= set(_cells(line, each))), None)
    if separator is None:
        names = ", ".join(map(repr, missing))
        return f"{path}: line 1 names no column {names}, which configs.py does; found: {line.strip()[:300]}"
    convert = (
        "import csv, sys; csv.writer(sys.stdout, lineterminator='\\n').writerows("
        f"csv.reader(open(sys.argv[1], encoding='utf-8-sig', newline=''), delimiter={separator!r}))"
    )
    wrong = "in quotes, or behind a byte order mark" if separator == "," else f"separated by {separator!r}"
    return (
        f"{path}: its names are {wrong}, and TFX reads plain ones between commas only. To convert it:\n"
        f"  python3 -c {shlex.quote(convert)} {shlex.quote(path)} >commas.csv\n"
        "  Where its numbers have decimal commas, make points of them too."
    )


def _cells(line: str, separator: str) -> list[str]:
    return next(csv.reader([line.lstrip("\ufeff")], delimiter=separator), [])
