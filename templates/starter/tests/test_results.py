"""What is printed of a run; the results are made up."""

from __future__ import annotations

from typing import Any

from runners.results import Result


def check(code: str, *findings: dict[str, Any]) -> dict[str, Any]:
    return {"code": code, "name": "some-check", "verdict": "FAIL", "severity": "error", "findings": list(findings)}


def lines(*checks: dict[str, Any]) -> list[str]:
    """Return what is said of checks that failed, without what is said of every run."""
    said = Result("/model", "/report", {"verdict": "NOT_BLESSED", "checks": checks}, None, {}).lines()
    return list(said)[1:-3]


def test_each_finding_is_said_with_its_place() -> None:
    place = {"signature": "serve_raw", "input": "eggs", "example": {"eggs": [1]}}
    assert lines(check("SM302", {"where": place, "message": "missing"}, {"where": {}, "message": "too large"})) == [
        "  SM302 some-check",
        "    signature serve_raw, input eggs: missing",
        "    too large",
    ]


def test_what_is_left_out_is_counted_and_where_it_is_said() -> None:
    findings = [{"where": {"input": f"x{number}"}, "message": "added"} for number in range(6)]
    breaking, other = lines(check("SM106", *findings)), lines(check("SM301", *findings))
    assert breaking[3:] == ["    input x2: added", "    … and 3 more: make check-contract"]
    assert other[4:] == ["    … and 3 more: the report has them"]
    assert len(lines(check("SM106", *findings[:3]))) == 4


def test_name_that_holds_a_line_break_stays_in_its_line() -> None:
    (_, said) = lines(check("SM302", {"where": {"input": "a\x1b\nb"}, "message": "missing"}))
    assert said == r"    'input a\x1b\nb: missing'"
