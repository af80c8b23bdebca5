"""Histograms drawn by matplotlib, as SVG that may stand in a page.

Of matplotlib's SVG only paths and texts are kept, each with a class instead of a colour, so that
the page's style sheet decides how it looks in the light, in the dark and on paper. No id, link,
style sheet or font remains; whatever text goes in is escaped.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from typing import Any

from tfx_savedmodel.report.histograms import Histogram, ticks
from tfx_savedmodel.report.values import format_short, visible

#: Of a drawing, in the page's pixels: drawings are shown in this size, or smaller where there is no room.
WIDTH, HEIGHT = 300, 140
_FONT_SIZE = 11
_MOST_LABELS = 5
_POINTS = 72

#: Margins, and a row of labels above the bars, as shares of the drawing.
_LEFT, _RIGHT, _BOTTOM, _ROW = 0.1, 0.05, 0.13, 0.1

#: What is drawn, by the name of its group in matplotlib's SVG; it becomes the class in ours.
BAR, GRID, AXIS, MARK, LABEL, MARK_LABEL = "plot-bar plot-grid plot-axis plot-mark plot-label plot-mark-label".split()
_CLASSES = (BAR, GRID, AXIS, MARK, LABEL, MARK_LABEL)
_TEXT_ANCHOR = re.compile(r"text-anchor: (start|middle|end)")
_DECIMALS = re.compile(r"(\.\d)\d+")
_NAMESPACE = "{http://www.w3.org/2000/svg}"


def draw_histogram(histogram: Histogram, alternative: str) -> str:
    """Return the histogram as an SVG element.

    Args:
      histogram: what to draw; every bin is as wide as any other, so that edges that grow by a
        factor make a logarithmic axis.
      alternative: what the drawing says, for whoever does not see it.
    """
    import matplotlib as mpl

    # Without the salt the ids that matplotlib makes differ from run to run; with fonts as text nothing is embedded.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "tfx-savedmodel", "font.size": _FONT_SIZE}):
        figure = _figure(histogram)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _kept(written.getvalue(), alternative)


def _figure(histogram: Histogram) -> Any:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    bins = len(histogram.counts)
    rows = _rows(histogram)
    top = 0.97 - _ROW * (max(rows.values(), default=-1) + 1)
    figure = Figure(figsize=(WIDTH / _POINTS, HEIGHT / _POINTS), dpi=_POINTS)
    FigureCanvasSVG(figure)
    axes = figure.add_axes((_LEFT, _BOTTOM, 1 - _LEFT - _RIGHT, top - _BOTTOM))
    axes.set(xlim=(0, bins), ylim=(0, max(histogram.counts) * 1.05), frame_on=False)
    for number, count in enumerate(histogram.counts):
        if count:
            axes.bar(number, count, width=0.9, align="edge", clip_on=False)[0].set_gid(BAR)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: format_short(value) if value else "")
    axes.set_xticks(labelled := ticks(bins, _MOST_LABELS), [format_short(histogram.edges[at], 2) for at in labelled])
    axes.tick_params(length=0)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_gid(LABEL)
    for height in axes.get_yticks():
        if height <= axes.get_ylim()[1]:
            axes.axhline(height, clip_on=False, zorder=0, gid=AXIS if height == 0 else GRID)
    across = axes.get_xaxis_transform()
    for name, value in _shown_marks(histogram).items():
        at, above = histogram.place(value), 1.03 + rows[name] * _ROW / (top - _BOTTOM)
        axes.plot([at, at], [0, 1], transform=across, clip_on=False, gid=MARK)
        axes.text(at, above, name, transform=across, ha="center", va="bottom", gid=MARK_LABEL)
    return figure


def _shown_marks(histogram: Histogram) -> dict[str, float]:
    """Return the marks that lie on the axis: one far beyond it would be drawn where it is not."""
    low, high = histogram.edges[0], histogram.edges[-1]
    return {name: value for name, value in histogram.marks.items() if low <= value <= high}


def _rows(histogram: Histogram) -> dict[str, int]:
    """Return for each mark the row of its label above the bars, so that labels of near marks do not overlap."""
    rows: dict[str, int] = {}
    ends: list[float] = []
    for name, value in sorted(_shown_marks(histogram).items(), key=lambda item: item[1]):
        at = histogram.place(value) / len(histogram.counts) * WIDTH * (1 - _LEFT - _RIGHT)
        half = 0.35 * _FONT_SIZE * len(name)
        row = next((row for row, end in enumerate(ends) if end <= at - half), len(ends))
        ends[row : row + 1] = [at + half]
        rows[name] = row
    return rows


def _kept(svg: str, alternative: str) -> str:
    """Return of matplotlib's document the groups that have a class of ours, as one flat element."""
    root = ET.Element(
        "svg",
        {"class": "plot", "viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-label": visible(alternative)},
    )
    for group in ET.fromstring(svg).iter(f"{_NAMESPACE}g"):
        name = group.get("id")
        if name not in _CLASSES:
            continue
        for path in group.iter(f"{_NAMESPACE}path"):
            ET.SubElement(root, "path", {"class": name, "d": _short(" ".join(path.get("d", "").split()))})
        for text in group.iter(f"{_NAMESPACE}text"):
            ET.SubElement(root, "text", {"class": name, **_position(text)}).text = visible(text.text or "")
    return ET.tostring(root, encoding="unicode")


def _position(text: ET.Element) -> dict[str, str]:
    anchor = _TEXT_ANCHOR.search(text.get("style", ""))
    place = {"x": _short(text.get("x", "0")), "y": _short(text.get("y", "0")), "font-size": str(_FONT_SIZE)}
    return place | ({"text-anchor": anchor[1]} if anchor else {})


def _short(numbers: str) -> str:
    return _DECIMALS.sub(r"\1", numbers)
