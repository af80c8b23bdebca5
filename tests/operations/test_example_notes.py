"""What the report notes of signatures that examples were not run through."""

from __future__ import annotations

from typing import Any

import pytest

from tfx_savedmodel.operations.judging_examples import example_notes
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Finding

pytestmark = pytest.mark.unit

NOT_RUN = {"embed": "the examples have no feature 'depth' for its input 'depth'", "serving_default": "the same"}


def _result(verdict: CheckVerdict, *findings: Finding, **measurements: Any) -> CheckResult:
    return CheckResult("SM301", "runs-on-examples", verdict, findings=findings, measurements=measurements)


def test_a_signature_that_was_not_run_is_noted_with_the_reason() -> None:
    notes = example_notes([_result(CheckVerdict.PASS, not_run={"embed": NOT_RUN["embed"]})])
    assert notes == [f"signature 'embed' was not run on the examples: {NOT_RUN['embed']}"]


def test_what_a_finding_says_is_not_said_again() -> None:
    found = Finding("the examples cannot feed 'serving_default'", {"signature": "serving_default"})
    (note,) = example_notes([_result(CheckVerdict.FAIL, found, not_run=NOT_RUN)])
    assert "'embed'" in note


@pytest.mark.parametrize("results", [[], [_result(CheckVerdict.SKIP)], [_result(CheckVerdict.PASS)]])
def test_nothing_to_note(results: list[CheckResult]) -> None:
    assert example_notes(results) == []
