"""Values as text and as JSON."""

from __future__ import annotations

import enum
import math

import pytest

from tfx_savedmodel.report.values import (
    format_bytes,
    format_place,
    format_seconds,
    format_shape,
    format_value,
    one_line,
    plain,
    visible,
)

pytestmark = pytest.mark.unit


class _Scalar:
    """What plain data sees of a numpy scalar."""

    def tolist(self) -> float:
        return math.inf


def test_plain_holds_only_what_every_json_parser_reads() -> None:
    value = {2: math.nan, "low": -math.inf, "scalar": _Scalar(), "raw": b"\xffa", "set": {"b", "a"}, "nested": (1, {})}

    assert plain(value) == {
        "2": "NaN",
        "low": "-Infinity",
        "scalar": "Infinity",
        "raw": "\\xffa",
        "set": ["a", "b"],
        "nested": [1, {}],
    }


def test_plain_keeps_the_order_of_keys_unless_asked() -> None:
    value = {"b": {"z": 1, "y": 2}, "a": 0}

    assert list(plain(value)) == ["b", "a"]
    assert list(plain(value, sort=True)) == ["a", "b"]
    assert list(plain(value, sort=True)["b"]) == ["y", "z"]


def test_plain_takes_the_value_of_an_enum() -> None:
    assert plain(enum.Enum("Colour", {"RED": "red"})["RED"]) == "red"


@pytest.mark.parametrize("text", ["\x1b[2J", "a\rb", "\u202egnp.exe", "\ud800", "\x00", "\u2066", "\x9b31m"])
def test_visible_leaves_nothing_that_drives_a_terminal_or_reorders_text(text: str) -> None:
    shown = visible(text)

    assert shown.isprintable()
    assert "\\" in shown


def test_visible_leaves_readable_text_alone() -> None:
    assert visible("Länge_mm › 企鹅\n\tnext") == "Länge_mm › 企鹅\n\tnext"
    assert one_line("first\n  second") == "first second"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1_234_567, "1.23 MB"), (999_600_000, "1 GB"), (2.5e13, "25 TB")],
)
def test_bytes(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 ms"), (0.0123, "12 ms"), (0.9996, "1.0 s"), (59.97, "1 min 0 s"), (125.2, "2 min 5 s")]
)
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_shapes_tell_scalar_open_and_unknown_apart() -> None:
    assert [format_shape(shape) for shape in (None, [], [None, 3])] == ["unknown rank", "scalar", "[?, 3]"]


def test_place_is_in_the_checks_order() -> None:
    place = format_place({"signature": "a", "example": {"file": "f", "record": 3}, "node": None})

    assert place == [("signature", "a"), ("example", "file f, record 3")]


def test_long_lists_are_cut() -> None:
    assert format_value(list(range(15))).endswith("11, … 3 more")
