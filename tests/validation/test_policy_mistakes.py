"""What is wrong with a policy: every mistake at once, with its place and what was probably meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tfx_savedmodel.errors import PolicyError
from tfx_savedmodel.operations.selection import select
from tfx_savedmodel.validation.near_codes import meant_codes
from tfx_savedmodel.validation.policy import Limits, Policy, Waiver
from tfx_savedmodel.validation.policy_text import read_policy, read_policy_file
from tfx_savedmodel.validation.registry import CHECKS
from tfx_savedmodel.validation.result import Severity

pytestmark = pytest.mark.unit


def mistakes(policy: Policy) -> list[str]:
    """Return the places of what is wrong with a policy."""
    with pytest.raises(PolicyError) as caught:
        select(policy, {})
    return [problem.where for problem in caught.value.problems]


def unreadable(text: str) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        read_policy(text, where="policy.json")
    return caught.value


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("select", ["SM1", "SM201"], "select[1]"),
        ("required", ["SM3"], "required[0]"),
        ("loads", True, "loads"),
        ("trusted", True, "trusted"),
    ],
)
def test_a_policy_that_loads_nothing_asks_for_no_load(field: str, value: object, place: str) -> None:
    for start in ({"preset": "untrusted"}, {"loads": False}):
        if start.keys() != {field}:
            error = unreadable(json.dumps({**start, field: value}))
            assert [problem.where for problem in error.problems] == [place]
            assert "loads nothing" in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("servin", "did you mean serving?"),
        ("lenient", "no such policy"),
        ('{"severity": {"SM103": "fatal"}}', "severity.SM103"),
        ('{"severty": {}}', "did you mean severity"),
        ('{"preset": "strickt"}', "did you mean strict?"),
        ('{"limits": {"second": 3}}', "did you mean seconds"),
        ('{"limits": {"seconds": 0}}', "limits.seconds"),
        ('{"trusted": "yes"}', "trusted"),
        ('{"waive": [{"code": "SM103"}]}', "waive[0].reason"),
        ('{"waive": [{"code": "SM103", "reason": " "}]}', "a waiver without a reason"),
        ('{"waive": [{"code": "SM1", "reason": "so"}]}', "one whole code"),
        ('{"ignore": ["SM3"], "ignore": ["SM2"]}', "stands there twice"),
        ('{"checks": ["checks"]}', "package.module.Class"),
        ('{"select": "SM1"}', "select"),
        ("{", "JSON"),
        ("{" * 100_000, "JSON"),
    ],
)
def test_what_cannot_be_read_says_where_and_what_was_meant(text: str, words: str) -> None:
    error = unreadable(text)
    assert words in str(error)
    assert "policy.json" in str(error)


def test_all_mistakes_of_a_document_are_told_at_once() -> None:
    text = '{"severty": {}, "trusted": 1, "waive": [{"code": "x", "reason": ""}], "ignore": [], "ignore": ["?"]}'
    wheres = [problem.where for problem in unreadable(text).problems]
    assert sorted(wheres) == ["ignore", "ignore[0]", "severty", "trusted", "waive[0].code", "waive[0].reason"]


def test_mistakes_of_form_do_not_hide_what_does_not_exist() -> None:
    """Whoever mends a policy runs it once to know all that is wrong, each with its place in the file as it is."""
    text = json.dumps(
        {
            "preset": "strickt",
            "select": [1, "SM9"],
            "ignore": "SM1",
            "required": ["sm1", "SM1", "SM77"],
            "severity": {"SM103": "fatal", "SM130": "info"},
            "parameters": {"SM103": {"required": "a", "requird": []}, "SM999": {}, "SM102": 3},
            "waive": [{"code": "SM1"}, {"code": "SM122", "reason": "so"}],
            "limits": {"seconds": 0},
            "checks": [7, "no_such_module.House"],
            "severty": {},
        }
    )
    error = unreadable(text)
    assert error.where == "policy.json"
    assert sorted(problem.where for problem in error.problems) == [
        "checks[0]",
        "checks[1]",
        "ignore",
        "limits.seconds",
        "parameters.SM102",
        "parameters.SM103.requird",
        "parameters.SM103.required",
        "parameters.SM999",
        "preset",
        "required[0]",
        "required[2]",
        "select[0]",
        "select[1]",
        "severity.SM103",
        "severity.SM130",
        "severty",
        "waive[0].code",
        "waive[0].reason",
        "waive[1].code",
    ]
    assert str(error).startswith("19 mistakes in the policy\n  where: policy.json\n")


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_policy_is_called_empty(text: str) -> None:
    with pytest.raises(PolicyError, match="the policy is empty") as caught:
        read_policy_file(text, where="policy.json")
    assert caught.value.where == "policy.json"
    assert "default" in caught.value.next_step


@pytest.mark.parametrize(
    ("text", "found"),
    [("preset: strict", "expected value at line 1"), ("[1]", "a list"), ('"strict"', "a text"), ("{", "EOF")],
)
def test_what_is_no_json_object_is_said_to_be_none(text: str, found: str) -> None:
    with pytest.raises(PolicyError, match="the policy cannot be read") as caught:
        read_policy_file(text, where="policy.json")
    assert found in caught.value.found
    assert caught.value.problems == ()
    assert "codes" not in str(caught.value)


def test_all_mistakes_of_a_policy_are_told_at_once() -> None:
    policy = Policy(
        select=("SM9",),
        required=("",),
        severity={"SM130": Severity.INFO},
        parameters={"SM103": {"requird": [], "x": 1}, "SM102": {"tags": 3}, "SM999": {}},
        waive=(Waiver("SM122", "so"), Waiver("SM103", "")),
        limits=Limits(seconds=-1),
    )
    assert sorted(mistakes(policy)) == [
        "limits.seconds",
        "parameters.SM102.tags",
        "parameters.SM103.requird",
        "parameters.SM103.x",
        "parameters.SM999",
        "required[0]",
        "select[0]",
        "severity.SM130",
        "waive[0].code",
        "waive[1].reason",
    ]


@pytest.mark.parametrize(
    ("meant", "found"),
    [("SM103", "SM130"), ("SM103", "SM1O3"), ("SM201", "SM2O1"), ("SM120 unsafe-ops", "UNSAFE-OPS")],
)
def test_near_misses_of_codes_are_named(meant: str, found: str) -> None:
    with pytest.raises(PolicyError) as caught:
        select(Policy(ignore=(found,)), {})
    assert f"did you mean {meant}" in str(caught.value)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("SM9", "there are SM1, which reads the graph only: nothing is loaded or run; SM2, which loads the model"),
        ("SM999", "there are SM1, which"),
        ("ACME1", "there are SM1, which"),
        ("SM31", "those that begin SM3 are SM301, SM302, "),
        ("sm31", "those that begin SM3 are SM301, SM302, "),
    ],
)
def test_the_beginning_of_a_code_is_answered_with_families(found: str, words: str) -> None:
    hint = meant_codes(found, {check.code: check.name for check in CHECKS})
    assert hint.startswith(words)
    assert "did you mean" not in hint


def test_a_code_with_other_letters_is_no_misspelt_one_of_ours() -> None:
    names = {check.code: check.name for check in CHECKS}
    assert meant_codes("ACME101", names) == ""
    assert "SM101" in meant_codes("SN101", names)
    assert "SM101" in meant_codes("MS101", names)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"select": "SM1"}, "a text where a list is wanted"),
        ({"checks": "a.B"}, "a text where a list is wanted"),
        ({"severity": {"SM103": "fatal"}}, "no such severity"),
    ],
)
def test_python_cannot_say_what_json_cannot(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        Policy(**arguments)
