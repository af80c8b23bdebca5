"""Trigger conditions come to what cel-go, with which Kubeflow's driver reads them, makes of them."""

from __future__ import annotations

import pytest

from tests.pipelines import cel_cases

pytestmark = pytest.mark.unit


def differences(texts: list[str], answers: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return what cel-go says and what we say, where that is not the same."""
    both = {text: (answers[text], cel_cases.ours(text)) for text in texts}
    return {text: pair for text, pair in both.items() if len(set(map(cel_cases.verdict, pair))) > 1}


@pytest.mark.parametrize("group", cel_cases.UNDERSTOOD)
def test_a_condition_comes_to_what_cel_go_says(group: str) -> None:
    assert differences(cel_cases.UNDERSTOOD[group], cel_cases.recorded()) == {}


@pytest.mark.parametrize("group", cel_cases.BEYOND)
def test_what_is_beyond_us_is_refused_before_anything_runs(group: str) -> None:
    said = {text: cel_cases.ours(text).splitlines()[0] for text in cel_cases.BEYOND[group]}
    assert said == dict.fromkeys(said, "refused: a trigger condition is not understood")


def test_every_condition_is_recorded_once_and_every_verdict_is_there() -> None:
    texts, answers = cel_cases.conditions(), cel_cases.recorded()
    assert sorted(texts) == sorted(answers)
    assert {cel_cases.verdict(answer) for answer in answers.values()} == {"true", "false", "refused", "fails"}


@pytest.mark.full
def test_the_record_is_what_cel_go_says_now() -> None:
    answers = cel_cases.asked(cel_cases.conditions())
    assert answers == cel_cases.recorded()
    assert differences([text for texts in cel_cases.UNDERSTOOD.values() for text in texts], answers) == {}
