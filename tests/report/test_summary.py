"""The verdict in words."""

from __future__ import annotations

import dataclasses

import pytest

from tests.report import samples
from tfx_savedmodel.report.html import render_html
from tfx_savedmodel.report.markdown import render_markdown
from tfx_savedmodel.report.summary import because, outcome, summary_line, took_line
from tfx_savedmodel.saved_model.view import KERAS
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Finding, Severity, Upstream, Verdict, Waived

pytestmark = pytest.mark.unit


def test_counts_by_outcome() -> None:
    assert summary_line(samples.failing()) == "12 passed, 1 failed, 1 warning, 2 skipped, 1 finding waived"
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

    waived = "1 finding of SM120 unsafe-ops is waived."
    assert because(failing) == f"SM302 finite-outputs failed. {waived}"
    assert because(blocked) == f"1 upstream blessing is missing. {waived}"
    assert because(samples.undecided()).startswith("SM202 tf2-load could not be made")
    assert "had to be seen was skipped (SM304 parity)" in because(required)
    assert "No check came to an answer" in because(nothing)
    assert because(blessed) == f"Every check that ran passed. {waived}"
    warned = dataclasses.replace(failing, verdict=Verdict.BLESSED)
    assert because(warned).startswith("Nothing failed that blocks; SM107 explanation-contract deserves a look.")


def test_many_failures_are_named_in_part() -> None:
    checks = tuple(CheckResult(f"SM10{n}", f"check-{n}", CheckVerdict.FAIL) for n in range(6))
    report = dataclasses.replace(samples.failing(), checks=checks)

    assert because(report) == "SM100 check-0, SM101 check-1, SM102 check-2 and 3 more failed."


def test_waived_findings_that_the_report_does_not_keep_are_counted_too() -> None:
    finding = Waived(Finding("an op"), "known")
    unsafe = CheckResult("SM120", "unsafe-ops", CheckVerdict.PASS, waived=(finding,) * 2)
    unsafe = dataclasses.replace(unsafe, measurements={"waived_findings": 250})
    report = dataclasses.replace(samples.failing(), checks=(unsafe,))
    assert summary_line(report) == "1 passed, 250 findings waived"


def test_what_is_waived_stands_in_the_headline() -> None:
    """A waived SM120 is no pass to be overlooked: the model is not loaded for it."""
    findings = tuple(Waived(Finding(f"ReadFile {n}"), "ours") for n in range(2))
    unsafe = CheckResult("SM120", "unsafe-ops", CheckVerdict.PASS, waived=findings)
    reason = "not run: SM120 found that ReadFile reads a file"
    unmade = CheckResult("SM201", "native-load", CheckVerdict.SKIP, reason=reason, blocked=True)
    report = dataclasses.replace(
        samples.blessed(), verdict=Verdict.UNDECIDED, checks=(unsafe, unmade), undecided_by=("SM201",)
    )

    assert summary_line(report) == "1 passed, 1 skipped, 2 findings waived"
    assert because(report) == (
        "What had to be seen was skipped (SM201 native-load), so nothing is known either way. 2 findings of "
        "SM120 unsafe-ops are waived; a waiver lets nothing be loaded, a policy that says `trusted` does."
    )
    other = dataclasses.replace(unsafe, code="SM104", name="signatures", waived=findings[:1])
    blessed = dataclasses.replace(samples.blessed(), checks=(other,))
    assert because(blessed) == (
        "Every check that ran passed. The model was not loaded: whether it runs is not known. "
        "1 finding of SM104 signatures is waived."
    )


def test_the_time_is_told_by_what_it_was_spent_on() -> None:
    spent = {"inputs": 0.2, "libraries": 8.1, "graph": 0.01, "loads": 3.0, "rest": 1.0}
    report = dataclasses.replace(samples.blessed(), seconds=12.31, spent=spent)

    assert took_line(report) == (
        "12.3 s: 8.1 s importing libraries, 200 ms reading the model and what is given, "
        "3.0 s loading the model and running its signatures"
    )
    assert took_line(report) in render_html(report)
    assert took_line(dataclasses.replace(report, seconds=0.02, spent={"graph": 0.02})) == "20 ms"
    assert took_line(dataclasses.replace(report, seconds=0.0, spent={})) == ""


def test_a_keras_file_that_left_the_verdict_open_is_to_be_exported() -> None:
    unmade = CheckResult("SM201", "native-load", CheckVerdict.SKIP, reason="no graph", blocked=True)
    report = dataclasses.replace(
        samples.blessed(),
        verdict=Verdict.UNDECIDED,
        model={**samples.blessed().model, "format": KERAS},
        checks=(unmade,),
        undecided_by=("SM201",),
    )

    assert because(report).startswith(
        "It is a Keras file, which has no graph, so SM201 native-load could not be answered: export it first"
    )
    assert "whether it can be loaded without harm" in render_markdown(report)
    assert "<code>tfx-savedmodel export MODEL DEST --signature serving_default=model</code>" in render_html(report)
