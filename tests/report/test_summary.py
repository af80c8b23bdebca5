"""The verdict in words."""

from __future__ import annotations

import dataclasses

import pytest

from tests.report import samples
from tfx_savedmodel.report.summary import because, outcome, summary_line
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Severity, Upstream, Verdict

pytestmark = pytest.mark.unit


def test_counts_by_outcome() -> None:
    assert summary_line(samples.failing()) == "12 passed, 1 failed, 1 warning, 2 skipped"
    assert summary_line(dataclasses.replace(samples.failing(), checks=())) == "0 passed"


@pytest.mark.parametrize(
    ("verdict", "severity", "expected"),
    [("FAIL", "error", "fail"), ("FAIL", "warning", "warning"), ("FAIL", "info", "info"), ("ERROR", "info", "error")],
)
def test_a_failure_counts_by_its_severity(verdict: str, severity: str, expected: str) -> None:
    check = CheckResult("SM101", "structure", CheckVerdict(verdict), Severity(severity))

    assert outcome(check) == expected


def test_each_verdict_says_why() -> None:
    failing, blessed = samples.failing(), samples.blessed()
    blocked = dataclasses.replace(blessed, verdict=Verdict.NOT_BLESSED, upstream=(Upstream("u", "t", False),))
    skipped = CheckResult("SM304", "parity", CheckVerdict.SKIP, reason="no reference")
    required = dataclasses.replace(
        blessed, verdict=Verdict.UNDECIDED, checks=(*blessed.checks, skipped), undecided_by=("SM304",)
    )
    nothing = dataclasses.replace(blessed, verdict=Verdict.NOTHING_CHECKED, checks=(skipped,))

    assert because(failing) == "SM302 finite-outputs failed."
    assert because(blocked) == "1 upstream blessing is missing."
    assert because(samples.undecided()).startswith("SM202 tf2-load could not be made")
    assert "had to be seen was skipped (SM304 parity)" in because(required)
    assert "No check came to an answer" in because(nothing)
    assert because(blessed) == "Every check that ran passed."


def test_many_failures_are_named_in_part() -> None:
    checks = tuple(CheckResult(f"SM10{n}", f"check-{n}", CheckVerdict.FAIL) for n in range(6))
    report = dataclasses.replace(samples.failing(), checks=checks)

    assert because(report) == "SM100 check-0, SM101 check-1, SM102 check-2 and 3 more failed."
