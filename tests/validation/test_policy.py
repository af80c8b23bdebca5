"""Policies: the presets, what a JSON document says, and every mistake in one at once."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import PolicyError, UsageError
from tfx_savedmodel.operations.selection import select
from tfx_savedmodel.validation.near_codes import meant_codes
from tfx_savedmodel.validation.policy import ASKED_FOR, Limits, Policy, Waiver
from tfx_savedmodel.validation.policy_document import LimitsDocument, PolicyDocument, WaiverDocument, schema_text
from tfx_savedmodel.validation.policy_text import read_policy, read_policy_file, to_policy
from tfx_savedmodel.validation.presets import ABOUT, PRESETS
from tfx_savedmodel.validation.registry import CHECKS
from tfx_savedmodel.validation.result import Severity

pytestmark = pytest.mark.unit

DOCS = Path(__file__).resolve().parents[2] / "docs"


def read(**document: Any) -> Policy:
    return read_policy(json.dumps(document))


def mistakes(policy: Policy) -> list[str]:
    """Return the places of what is wrong with a policy."""
    with pytest.raises(PolicyError) as caught:
        select(policy, {})
    return [problem.where for problem in caught.value.problems]


def unreadable(text: str) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        read_policy(text, where="policy.json")
    return caught.value


def test_the_presets_are_those_of_the_document() -> None:
    assert list(PRESETS) == list(ABOUT) == PolicyDocument.model_json_schema()["properties"]["preset"]["enum"]
    assert {name: policy.name for name, policy in PRESETS.items()} == {name: name for name in PRESETS}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_start_and_survives_the_way_through_json(preset: str) -> None:
    policy = PRESETS[preset]
    assert read_policy(preset) is policy
    assert read(preset=preset) == policy
    # The component stores whole policies, so that TFX's cache notices when a preset changes.
    stored = read_policy(json.dumps(dataclasses.asdict(policy)))
    assert json.dumps(dataclasses.asdict(stored)) == json.dumps(dataclasses.asdict(policy))
    assert select(stored, {}) == select(policy, {})


def test_what_a_server_does_not_need_weighs_less_under_default() -> None:
    weights = {code: PRESETS["default"].severity_of(code) for code in ("SM101", "SM108", "SM111", "SM112", "SM113")}
    assert weights.pop("SM101") is Severity.ERROR
    assert set(weights.values()) == {Severity.WARNING}
    assert {PRESETS["strict"].severity_of(code) for code in weights} == {Severity.ERROR}


def test_untrusted_loads_nothing_and_asks_whether_it_is_safe() -> None:
    policy = PRESETS["untrusted"]
    chosen = select(policy, {})
    assert chosen.model == chosen.examples == ()
    safety = ["SM101", "SM120", "SM121"]
    assert all(policy.requires(code) and policy.severity_of(code) is Severity.ERROR for code in safety)
    assert {policy.severity_of(check.code) for check in chosen.graph if check.code not in safety} == {Severity.WARNING}


def test_serving_weighs_the_loaders_of_python_less_than_the_servers() -> None:
    policy = PRESETS["serving"]
    assert [policy.severity_of(code).value for code in ("SM201", "SM202", "SM203")] == ["error", "warning", "warning"]
    assert policy.requires("SM201")
    assert not policy.requires("SM203")


def test_explanations_are_serving_and_more() -> None:
    serving, explanations = PRESETS["serving"], PRESETS["explanations"]
    assert set(explanations.required) - set(serving.required) == {"SM107", "SM305", "SM306"}
    (contract,) = [check for check in select(explanations, {}).graph if check.code == "SM107"]
    assert getattr(contract, "required") is True  # noqa: B009 - a field of one check


def test_a_document_adds_to_its_preset() -> None:
    policy = read(
        preset="explanations",
        ignore=["SM304"],
        required=["SM110"],
        optional=["SM305"],
        severity={"SM2": "info", "SM202": "error"},
        parameters={"SM103": {"required": ["a"]}},
        waive=[{"code": "SM104", "where": {"signature": "a"}, "reason": "an old client asks for it"}],
        trusted=True,
        limits={"seconds": 60},
    )
    assert policy.name == "explanations, changed"
    assert not policy.selects("SM304")
    assert [policy.requires(code) for code in ("SM101", "SM107", "SM110", "SM305")] == [True, True, True, False]
    assert [policy.severity_of(code).value for code in ("SM201", "SM202", "SM203")] == ["info", "error", "warning"]
    assert policy.parameters == {"SM103": {"required": ["a"]}, "SM107": {"required": True}}
    assert policy.waive == (Waiver("SM104", "an old client asks for it", {"signature": "a"}),)
    assert policy.limits == Limits(60.0, Limits.memory_bytes)


def test_select_replaces_and_an_empty_one_selects_all() -> None:
    assert not read(preset="untrusted").selects("SM201")
    assert not read(preset="serving", select=["SM2"]).selects("SM101")
    assert read(preset="serving", select=[]).selects("SM101")
    assert read(preset="serving", select=["SM1"]).narrowed(["SM2"], []).selects("SM201")


def test_a_policy_that_loads_nothing_makes_no_check_that_loads_whatever_it_selects() -> None:
    everything = (read(preset="untrusted", select=[]), Policy(loads=False), PRESETS["untrusted"].narrowed(["SM"], []))
    for policy in everything:
        chosen = select(policy, {})
        assert chosen.model == chosen.examples == ()
        assert {check.code for check in chosen.graph} == {check.code for check in CHECKS if check.code < "SM2"}
    for code in ("SM2", "SM201", "SM3", "ACME201"):
        with pytest.raises(UsageError, match="the policy untrusted loads nothing") as caught:
            PRESETS["untrusted"].narrowed(["SM1", code], [])
        assert (caught.value.where, caught.value.found) == ("select", code)
    assert PRESETS["untrusted"].narrowed(["SM120"], []).selects("SM120")


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


def test_a_document_is_called_what_it_says() -> None:
    assert read(name="ours", preset="strict").name == "ours"
    assert read(**{"$schema": "policy.schema.json", "preset": "strict"}).name == "strict"


def test_a_family_requires_what_nobody_has_to_ask_for() -> None:
    """No baseline, target, reference or budget was given: requiring SM1 is no wish for one."""
    family = Policy(required=("SM",))
    assert {code for code in ASKED_FOR if family.requires(code)} == set()
    assert all(family.requires(code) for code in ("SM101", "SM105", "SM107", "SM205", "SM301"))
    assert all(Policy(required=(code,)).requires(code) for code in ASKED_FOR)
    assert f"{', '.join(ASKED_FOR[:-1])} and {ASKED_FOR[-1]}" in (DOCS / "policy.md").read_text(encoding="utf-8")


def test_selecting_requires_whole_codes_only() -> None:
    chosen = Policy(required=("SM2",), optional=("SM304",)).narrowed(["SM1", "SM304"], ["SM105"])
    assert chosen.selects("SM101")
    assert not chosen.selects("SM105")
    assert not chosen.selects("SM201")
    assert chosen.requires("SM304")
    assert not chosen.requires("SM101")


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


def test_a_policy_is_taken_in_every_form() -> None:
    wanted = read(preset="strict", ignore=["SM3"])
    assert to_policy(wanted) is wanted
    assert to_policy({"preset": "strict", "ignore": ("SM3",)}) == to_policy(
        json.dumps({"preset": "strict", "ignore": ["SM3"]})
    )
    assert to_policy("strict") is PRESETS["strict"]
    with pytest.raises(PolicyError, match="as a JSON file has them"):
        to_policy({"limits": Limits()}, where="policy=…")


def test_a_severity_given_as_text_is_one() -> None:
    severity: Any = {"SM103": "error", "SM104": "warning"}
    assert Policy(severity=severity).severity_of("SM103") is Severity.ERROR
    assert Policy(severity=severity).severity_of("SM104") is Severity.WARNING


def test_parameters_reach_their_check() -> None:
    (check,) = select(read(select=["SM103"], parameters={"SM103": {"required": ["a", "b"]}}), {}).graph
    assert getattr(check, "required") == ("a", "b")  # noqa: B009 - a field of one check


def test_the_document_has_every_field_of_policies_waivers_and_limits() -> None:
    for document, kind in ((PolicyDocument, Policy), (WaiverDocument, Waiver), (LimitsDocument, Limits)):
        assert set(document.model_fields) - {"schema_", "preset"} == {item.name for item in dataclasses.fields(kind)}


def test_the_published_schema_is_current() -> None:
    assert (DOCS / "policy.schema.json").read_text(encoding="utf-8") == schema_text(), "make schemas writes it again"
