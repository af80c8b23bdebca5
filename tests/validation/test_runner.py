"""A check ends in one of four ways, and a broken one is never a verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.saved_model.graphs import save
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import GraphCheck, Skip
from tfx_savedmodel.validation.checks.structure import Structure
from tfx_savedmodel.validation.checks.tags import Tags
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Finding
from tfx_savedmodel.validation.runner import blocked, run_check, run_graph_checks

pytestmark = pytest.mark.unit

PASS, FAIL, SKIP, ERROR = CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.SKIP, CheckVerdict.ERROR


def result(verdict: CheckVerdict, code: str = "SM103", *findings: Finding) -> CheckResult:
    return CheckResult(code, "a-check", verdict, findings=findings)


@dataclasses.dataclass(frozen=True)
class _Odd(GraphCheck):
    """A check that does what it is told."""

    what: str = ""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        if self.what == "skip":
            raise Skip("not here")
        if self.what == "break":
            raise ZeroDivisionError("oh")
        yield from (Finding(str(index)) for index in range(int(self.what or 0)))


@pytest.mark.parametrize(
    ("what", "verdict", "reason"),
    [("", PASS, None), ("1", FAIL, None), ("skip", SKIP, "not here"), ("break", ERROR, "ZeroDivisionError: oh")],
)
def test_a_check_ends_in_one_of_four_ways(tmp_path: Path, what: str, verdict: CheckVerdict, reason: str | None) -> None:
    graph = read_saved_model(save(tmp_path))
    found = run_check(_Odd(what), lambda: _Odd(what).check(graph))
    assert (found.verdict, found.reason) == (verdict, reason)


def test_measuring_a_check_that_was_skipped_may_break_too() -> None:
    def find() -> Iterator[Finding]:
        raise Skip("no budget", {"seen": 1})

    def measure() -> dict[str, int]:
        raise ZeroDivisionError("oh")

    assert run_check(_Odd(), find).measurements == {"seen": 1}
    broken = run_check(_Odd(), find, measure, measured_when_skipped=True)
    assert (broken.verdict, broken.reason) == (ERROR, "ZeroDivisionError: oh")


def test_an_unreadable_graph_blocks_loading(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").touch()
    structure, tags = run_graph_checks([Structure(), Tags()], read_saved_model(tmp_path))
    assert (structure.verdict, tags.verdict) == (FAIL, SKIP)
    assert "SM101" in (blocked([structure, tags]) or "")
    assert blocked([result(PASS, "SM101"), result(FAIL, "SM103")]) is None
