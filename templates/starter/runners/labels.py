"""Whether every row of a CSV file has a label that training takes; here its line is known, in training no more."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator

import configs

#: So many values, and lines of each, are named.
_SHOWN = 3


def problems(path: str) -> list[str]:
    """Return what is wrong with the labels of a file, in words, with what to do."""
    lines: dict[str, list[int]] = {}
    for line, label in _labels(path):
        if not _is_taken(label):
            lines.setdefault(label, []).append(line)
    missing = lines.pop("", [])
    label = f"{path}: the label {configs.LABEL!r}"
    found = []
    if missing:
        found.append(f"{label} is missing in {_places(missing)}: give it, or leave these rows out")
    if lines:
        shown = "; ".join(f"{value!r} in {_places(places)}" for value, places in list(lines.items())[:_SHOWN])
        more = f"; and {len(lines) - _SHOWN} other values" if len(lines) > _SHOWN else ""
        wrong, advice = "is no finite number", "mend it, or leave these rows out"
        if configs.CLASSES:
            wrong = "is not among CLASSES of configs.py"
            advice = "mend it, or add the class there and to the labels in signatures.json"
        found.append(f"{label} {wrong}: {shown}{more}: {advice}")
    return found


def _labels(path: str) -> Iterator[tuple[int, str]]:
    """Yield the number of each row's line, and its label."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        place = next(rows).index(configs.LABEL)
        for row in rows:
            if row:  # TFX passes over empty lines
                yield rows.line_num, row[place] if place < len(row) else ""


def _is_taken(label: str) -> bool:
    if not configs.CLASSES:
        return _is_finite(label)
    # TFX reads a column of whole numbers as such: 01 is 1.
    return label in configs.CLASSES or (label.lstrip("-").isdecimal() and str(int(label)) in configs.CLASSES)


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _places(lines: list[int]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]}"
    shown = ", ".join(map(str, lines[:_SHOWN]))
    return f"{len(lines)} rows (lines {shown}{', …' if len(lines) > _SHOWN else ''})"
