"""One line out of an exception."""

from __future__ import annotations

import pytest

from tfx_savedmodel.beam.reading.reasons import reason_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("wrong shape"), "wrong shape"),
        (RuntimeError("first\nsecond"), "first"),
        (RuntimeError("Graph execution error:\n\nno such word\n\t [[{{node Lookup}}]]"), "no such word"),
        (RuntimeError("2 root errors\n  (0) INVALID: x\n\t [[{{node a}}]]\n  (1) y [[{{node b}}]]"), "(0) INVALID: x"),
        (
            RuntimeError("{{function_node __wrapped__Next_device_/job:a}} corrupted record at 5 [Op:Next] name: "),
            "corrupted record at 5",
        ),
        (RuntimeError("Name: <unknown>, Feature: x is required\n\t [[{{node Parse}}]]"), "Feature: x is required"),
        (KeyError(), "KeyError"),
        (UnicodeDecodeError("utf-8", b"bad: \xff", 5, 6, "invalid start byte"), "bad: \\xff"),
    ],
)
def test_the_reason_is_one_line(error: BaseException, reason: str) -> None:
    assert reason_of(error) == reason


def test_a_reason_is_never_endless() -> None:
    assert len(reason_of(ValueError("x" * 10_000))) == 300
