"""Drawings of the page: what is counted is what is drawn, and nothing in them runs, leaks or repeats.

In the `tf` tier because matplotlib takes long to import.
"""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from tests.report import measured, samples
from tfx_savedmodel.report.drawing import HEIGHT, WIDTH, draw_histogram
from tfx_savedmodel.report.histograms import Histogram, differences, latencies, without_histograms
from tfx_savedmodel.report.html import render_html
from tfx_savedmodel.report.plots import MAX_PLOTS, figures

pytestmark = pytest.mark.tf


def _elements(svg: str, name: str) -> list[ET.Element]:
    return [element for element in ET.fromstring(svg).iter() if element.get("class") == name]


def _box(path: ET.Element) -> tuple[float, float, float, float]:
    numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", path.get("d", ""))]
    return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])


def test_bars_are_as_high_as_the_counts_and_empty_bins_have_none() -> None:
    svg = draw_histogram(Histogram((0, 1, 10, 100), (40, 0, 10)), "")

    first, second = map(_box, _elements(svg, "plot-bar"))
    assert (first[3] - first[1]) / (second[3] - second[1]) == pytest.approx(4, abs=0.1)
    assert first[2] - first[0] == pytest.approx(second[2] - second[0], abs=0.2)
    assert second[0] - first[0] == pytest.approx(2 * (first[2] - first[0]) / 0.9, abs=0.5)


def test_marks_stand_where_their_values_are() -> None:
    histogram = Histogram((0, 1, 2, 4, 8), (5, 5, 5, 5), {"p50": 1.5, "p99": 8.0, "budget": 20.0})
    assert [histogram.place(value) for value in (1.5, 3, 8.0)] == [1.5, 2.5, 4.0]

    svg = draw_histogram(histogram, "")
    (axis,) = map(_box, _elements(svg, "plot-axis"))
    places = [(_box(mark)[0] - axis[0]) / (axis[2] - axis[0]) for mark in _elements(svg, "plot-mark")]
    assert places == pytest.approx([1.5 / 4, 1], abs=0.01)
    assert [label.text for label in _elements(svg, "plot-mark-label")] == ["p50", "p99"]


def test_labels_of_near_marks_stand_on_rows_of_their_own() -> None:
    near = Histogram((0, 1, 2, 3, 4, 5, 6, 7, 8), (1,) * 8, {"p50": 4.0, "p90": 4.1, "p99": 4.2})
    far = dataclasses.replace(near, marks={"p50": 1.0, "p90": 4.0, "p99": 7.0})

    def heights(histogram: Histogram) -> set[str]:
        return {label.get("y", "") for label in _elements(draw_histogram(histogram, ""), "plot-mark-label")}

    assert len(heights(near)) == 3
    assert len(heights(far)) == 1


def test_everything_stays_inside_the_drawing() -> None:
    for found in (measured.latency(4.1), measured.latency(1e-3, 7), measured.latency(300.0)):
        (one,) = latencies({"latency": {"serving_default": found}})
        svg = draw_histogram(one.histogram, "")
        boxes = [_box(path) for path in ET.fromstring(svg).iter("path")]
        assert min(box[0] for box in boxes) >= 0
        assert min(box[1] for box in boxes) >= 0
        assert max(box[2] for box in boxes) <= WIDTH
        assert max(box[3] for box in boxes) <= HEIGHT
        assert all(0 <= float(text.get("y", "")) <= HEIGHT for text in ET.fromstring(svg).iter("text"))


def test_a_drawing_has_nothing_but_shapes_and_texts_with_classes() -> None:
    report = measured.serving()
    drawn = [figure.svg for group in figures(report.checks) for figure in group.figures]

    assert len(drawn) == 4
    for svg in drawn:
        root = ET.fromstring(svg)
        assert {element.tag for element in root.iter()} == {"svg", "path", "text"}
        names = {name for element in root.iter() for name, _ in element.items()}
        assert names <= {"class", "viewBox", "role", "aria-label", "d", "x", "y", "font-size", "text-anchor"}
        assert root.get("aria-label")


def test_equal_reports_give_equal_pages() -> None:
    assert render_html(measured.serving()) == render_html(measured.serving())


def test_hostile_names_stay_text_in_drawings_too() -> None:
    page = render_html(measured.hostile())
    drawn = [figure for group in figures(measured.hostile().checks) for figure in group.figures]

    assert len(drawn) == 2
    assert all("alert(1)" in (ET.fromstring(figure.svg).get("aria-label") or "") for figure in drawn)
    assert "<script>" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_the_numbers_stand_beside_the_drawing_and_in_its_description() -> None:
    fast, _ = (group for group in reversed(list(figures(measured.serving().checks))))
    default = next(figure for figure in fast.figures if figure.name == "serving_default")

    assert default.note.startswith("2\u202f000 requests · p50 4.1 ms · p90 ")
    assert default.note.endswith(" · budget 20 ms")
    assert default.note.replace(" · ", ", ") in (ET.fromstring(default.svg).get("aria-label") or "")
    assert "histogram" not in str(without_histograms(measured.serving().checks[-1].measurements))


def test_of_many_outputs_the_first_are_drawn() -> None:
    (group,) = figures(measured.crowded().checks)

    assert len(group.figures) == MAX_PLOTS
    assert group.left_out == 40 - MAX_PLOTS
    assert f"and {40 - MAX_PLOTS} more: report.json has them" in render_html(measured.crowded())


def test_far_empty_bins_are_left_out() -> None:
    (one,) = differences({"differences": {"a.b": measured.difference(1e-6)}})
    assert sum(one.histogram.counts) == 800
    counts = [0] * 30 + [7] + [0] * 30
    (sparse,) = differences({"differences": {"a.b": {"histogram": {"edges": list(range(62)), "counts": counts}}}})
    assert sum(sparse.histogram.counts) == 7
    assert len(sparse.histogram.counts) == 8
    assert sparse.histogram.counts[sparse.histogram.edges.index(30)] == 7


@pytest.mark.parametrize(
    "histogram",
    [
        None,
        [],
        {},
        {"edges_ms": [0, 1], "counts": [1, 2]},
        {"edges_ms": [0, 0, 1], "counts": [1, 2]},
        {"edges_ms": [0, 1, float("nan")], "counts": [1, 2]},
        {"edges_ms": [0, 1, 2], "counts": [0, 0]},
        {"edges_ms": [0, 1, 2], "counts": [-1, 2]},
        {"edges_ms": [0, 1, "2"], "counts": [1, 2]},
        {"edges_ms": [0], "counts": []},
    ],
)
def test_what_is_no_histogram_is_not_drawn(histogram: Any) -> None:
    assert list(latencies({"latency": {"a": {"histogram": histogram}}, "differences": 3})) == []
    check = dataclasses.replace(samples.checks()[0], measurements={"latency": {"a": {"histogram": histogram}}})
    assert list(figures([check])) == []
