"""Policies: the presets, what a JSON document says, and every mistake in one at once."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import PolicyError, UsageError
from tfx_savedmodel.operations.selection import select
from tfx_savedmodel.validation.policy import ASKED_FOR, Limits, Policy, Waiver
from tfx_savedmodel.validation.policy_document import LimitsDocument, PolicyDocument, WaiverDocument, schema_text
from tfx_savedmodel.validation.policy_text import read_policy, to_policy
from tfx_savedmodel.validation.presets import ABOUT, PRESETS
from tfx_savedmodel.validation.registry import CHECKS
from tfx_savedmodel.validation.result import Severity

pytestmark = pytest.mark.unit

DOCS = Path(__file__).resolve().parents[2] / "docs"


def read(**document: Any) -> Policy:
    return read_policy(json.dumps(document))


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


@pytest.mark.parametrize("preset", ["default", "serving", "strict", "explanations"])
def test_any_preset_may_be_made_to_load_nothing(preset: str) -> None:
    policy = read(preset=preset, loads=False)
    chosen = select(policy, {})
    assert chosen.model == chosen.examples == ()
    assert set(policy.required) == {code for code in PRESETS[preset].required if code < "SM2"}


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
