"""Histograms out of measurements: what a check counted, as plain data that can be drawn.

A check writes {"edges": [k+1 ascending numbers], "counts": [k whole numbers]}; latencies name their
edges `edges_ms`. Whatever else stands there is no histogram and is left to the tables.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from tfx_savedmodel.report.values import plain

#: Under these keys a check puts its histograms; the tables leave them out.
HISTOGRAM = "histogram"


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Counts between ascending edges, and values to mark, by label ("p99")."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    marks: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def place(self, value: float) -> float:
        """Return where a value lies among the bins: 1.5 is the middle of the second."""
        if value >= self.edges[-1]:
            return float(len(self.counts))
        at = max(0, bisect.bisect_right(self.edges, value) - 1)
        low, high = self.edges[at], self.edges[at + 1]
        return at + min(1.0, max(0.0, (value - low) / (high - low)))


@dataclasses.dataclass(frozen=True)
class Measured:
    """A histogram with what it is of, and the sentence that says the same in words."""

    name: str
    histogram: Histogram
    numbers: Mapping[str, float]


def latencies(measurements: Mapping[str, Any]) -> Iterator[Measured]:
    """Yield the histogram of milliseconds a request, signature by signature, percentiles and budget marked."""
    budget = measurements.get("milliseconds")
    for name, entry in _entries(measurements, "latency"):
        histogram = _histogram(entry.get(HISTOGRAM), "edges_ms")
        if histogram is None:
            continue
        percentiles = {"p50": "p50_ms", "p90": "p90_ms", "p99": "p99_ms"}
        marks = {label: entry[key] for label, key in percentiles.items() if _is_number(entry.get(key))}
        if _is_number(budget):
            marks["budget"] = budget
        numbers = {"requests": entry["requests"]} if _is_number(entry.get("requests")) else {}
        yield Measured(name, _trimmed(dataclasses.replace(histogram, marks=marks)), numbers)


def differences(measurements: Mapping[str, Any]) -> Iterator[Measured]:
    """Yield the histogram of each example's largest absolute difference from another model, output by output."""
    for name, entry in _entries(measurements, "differences"):
        histogram = _histogram(entry.get(HISTOGRAM), "edges")
        if histogram is None:
            continue
        largest = {"max": entry["max"]} if _is_number(entry.get("max")) else {}
        yield Measured(name, _trimmed(dataclasses.replace(histogram, marks=largest)), largest)


def without_histograms(measurements: Mapping[str, Any]) -> dict[str, Any]:
    """Return the measurements for tables: bins are drawn, nobody reads them as numbers."""
    return {
        key: without_histograms(value) if isinstance(value, Mapping) else value
        for key, value in measurements.items()
        if key != HISTOGRAM
    }


def _entries(measurements: Mapping[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    found = plain(measurements.get(key), sort=True)
    if isinstance(found, dict):
        yield from ((name, entry) for name, entry in found.items() if isinstance(entry, dict))


def _histogram(value: Any, edges_key: str) -> Histogram | None:
    if not isinstance(value, dict):
        return None
    edges, counts = value.get(edges_key), value.get("counts")
    if not (isinstance(edges, list) and isinstance(counts, list) and len(edges) == len(counts) + 1 > 1):
        return None
    if not all(map(_is_number, [*edges, *counts])) or any(low >= high for low, high in itertools.pairwise(edges)):
        return None
    if not sum(counts) or min(counts) < 0:
        return None
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))


def _trimmed(histogram: Histogram, margin: int = 1, least: int = 8) -> Histogram:
    """Return the histogram without the empty bins far from all others, but with at least so many."""
    filled = [number for number, count in enumerate(histogram.counts) if count]
    first, last = max(0, filled[0] - margin), min(len(histogram.counts), filled[-1] + 1 + margin)
    first = max(0, min(first, last - least))
    last = min(len(histogram.counts), max(last, first + least))
    return dataclasses.replace(histogram, edges=histogram.edges[first : last + 1], counts=histogram.counts[first:last])


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def ticks(count: int, most: int) -> Sequence[int]:
    """Return which of the edges 0 … count to label: evenly, the first and, where it fits, the last."""
    step = max(1, math.ceil(count / most))
    return range(0, count + 1, step)
