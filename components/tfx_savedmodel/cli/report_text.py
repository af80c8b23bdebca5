"""A validation report as text: the verdict, each check in a line, then what is wrong and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfx_savedmodel.cli.page import Cell, Page
from tfx_savedmodel.operations.present import (
    HEADLINES,
    because,
    format_place,
    format_seconds,
    outcome,
    summary_line,
    took_line,
    waived_count,
)

if TYPE_CHECKING:
    from tfx_savedmodel.validation.result import CheckResult, Finding, Report

_MOST_FINDINGS = 10
_VERDICT_STYLES = {"BLESSED": "pass", "NOT_BLESSED": "fail", "UNDECIDED": "error", "NOTHING_CHECKED": "warning"}
_WORDS = {
    "pass": "passed",
    "fail": "FAILED",
    "error": "ERROR",
    "warning": "warning",
    "info": "remark",
}


def show_report(page: Page, report: Report) -> None:
    """Write the report to the page."""
    page.table([_row(check) for check in report.checks if outcome(check) != "skip"])
    _show_skipped(page, report)
    for check in report.checks:
        if outcome(check) in ("fail", "error", "warning", "info"):
            page.line()
            _show_check(page, check)
    page.line()
    if report.upstream:
        style = ("not blessed", "fail"), ("blessed", "pass")
        page.table([[("upstream", "dim"), style[item.blessed], item.uri] for item in report.upstream], indent=0)
        page.line()
    for note in report.notes:
        page.line(("note: ", "warning"), note)
    if report.notes:
        page.line()
    headline = HEADLINES[report.verdict]
    page.line((headline, _VERDICT_STYLES[report.verdict.value]), (f": {summary_line(report)}", ""))
    page.line(because(report))
    if took_line(report):
        page.line((f"It took {took_line(report)}.", "dim"))


def _row(check: CheckResult) -> list[Cell]:
    found = outcome(check)
    note = check.reason or ""
    if check.findings:
        rest = len(check.findings) - 1
        note = check.findings[0].message + (f" (and {rest} more)" if rest else "")
    if check.waived:
        reasons = "; ".join(dict.fromkeys(item.reason for item in check.waived))
        note = f"{note} ({waived_count(check)} waived: {reasons})".strip()
    time = (format_seconds(check.seconds), "dim")
    return [(check.code, "code"), (check.name, "strong"), (_WORDS[found], found), time, (note, "dim")]


def _show_skipped(page: Page, report: Report) -> None:
    """Write a line for each reason with all the checks that were skipped for it: mostly it is the same of many."""
    groups: dict[tuple[str, bool], list[CheckResult]] = {}
    for check in report.checks:
        if outcome(check) == "skip":
            key = (check.reason or "no reason was given", check.code in report.undecided_by)
            groups.setdefault(key, []).append(check)
    for (reason, needed), checks in groups.items():
        codes = ", ".join(check.code for check in checks) if len(checks) > 1 else f"{checks[0].code} {checks[0].name}"
        word = ("SKIPPED", "error") if needed else ("skipped", "skip")
        page.line((codes, "code"), "  ", word, "  ", (reason, "dim"), indent=2)


def _show_check(page: Page, check: CheckResult) -> None:
    found = outcome(check)
    page.line((f"{check.code} {check.name}", found), (f"  must hold: {check.title}" if check.title else "", "dim"))
    if check.reason:
        page.line(check.reason, indent=2)
    for finding in check.findings[:_MOST_FINDINGS]:
        _show_finding(page, finding)
    left = len(check.findings) - _MOST_FINDINGS
    if left > 0:
        page.line((f"and {left} more; --format json or --report shows all", "dim"), indent=2)


def _show_finding(page: Page, finding: Finding) -> None:
    page.line((finding.message, "strong"), indent=2)
    place = ", ".join(f"{kind} {text}" for kind, text in format_place(finding.where))
    pairs = (("where", place), ("found", finding.found), ("wanted", finding.wanted), ("next", finding.next))
    rows: list[list[Cell]] = [[(name, "dim"), text] for name, text in pairs if text]
    page.table(rows, indent=4)
