"""The page's drawings: how fast signatures answer, and how far outputs are from a reference's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

from tfx_savedmodel.report.histograms import Measured, differences, latencies
from tfx_savedmodel.report.values import clip, format_milliseconds, format_short, format_value
from tfx_savedmodel.validation.result import CheckResult

#: Drawings shown of one kind; a model can have thousands of outputs.
MAX_PLOTS = 12


@dataclasses.dataclass(frozen=True)
class Figure:
    """A drawing as SVG, safe to stand in a page; what it is of, and what was counted."""

    name: str
    note: str
    svg: str


@dataclasses.dataclass(frozen=True)
class Figures:
    """The drawings of one check, and how many were left out."""

    title: str
    note: str
    code: str
    figures: tuple[Figure, ...]
    left_out: int = 0


def figures(checks: Iterable[CheckResult]) -> Iterator[Figures]:
    """Yield what can be drawn of the checks' measurements."""
    for check in checks:
        fast = list(latencies(check.measurements))
        if fast:
            note = "Requests by the milliseconds that each took; the axis grows by a factor."
            yield _drawn(check, "How fast it answers", note, fast, _latency)
        far = list(differences(check.measurements))
        if far:
            note = "Examples by the largest absolute difference of their values; the axis grows by a factor."
            yield _drawn(check, "How far it is from the reference", note, far, _difference)


def _drawn(
    check: CheckResult, title: str, note: str, found: list[Measured], draw: Callable[[Measured], Figure]
) -> Figures:
    shown = tuple(map(draw, found[:MAX_PLOTS]))
    return Figures(title, note, check.code, shown, len(found) - len(shown))


def _latency(measured: Measured) -> Figure:
    requests = measured.numbers.get("requests")
    note = [] if requests is None else [f"{format_value(requests)} request{'' if requests == 1 else 's'}"]
    return _figure(measured, note, format_milliseconds)


def _difference(measured: Measured) -> Figure:
    return _figure(measured, [f"{format_value(sum(measured.histogram.counts))} examples"], format_short)


def _figure(measured: Measured, note: list[str], describe: Callable[[float], str]) -> Figure:
    from tfx_savedmodel.report.drawing import draw_histogram

    name, histogram = clip(measured.name), measured.histogram
    note = [*note, *(f"{label} {describe(value)}" for label, value in histogram.marks.items())]
    edges = f"histogram from {describe(histogram.edges[0])} to {describe(histogram.edges[-1])}"
    return Figure(name, " · ".join(note), draw_histogram(histogram, f"{name}: {edges}; {', '.join(note)}"))
