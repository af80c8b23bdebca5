"""Results become a verdict as the policy says, and a broken check is never one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.saved_model.graphs import save
from tfx_savedmodel.errors import PolicyError
from tfx_savedmodel.operations.selection import select
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import GraphCheck, Skip
from tfx_savedmodel.validation.checks.structure import Structure
from tfx_savedmodel.validation.checks.tags import Tags
from tfx_savedmodel.validation.policy import Policy, Waiver, read_policy
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Finding, Severity, Upstream, Verdict
from tfx_savedmodel.validation.runner import MOST_FINDINGS, blocked, run_check, run_graph_checks

pytestmark = pytest.mark.unit

PASS, FAIL, SKIP, ERROR = CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.SKIP, CheckVerdict.ERROR


def result(verdict: CheckVerdict, code: str = "SM103", *findings: Finding) -> CheckResult:
    return CheckResult(code, "a-check", verdict, findings=findings)


@pytest.mark.parametrize(
    ("verdicts", "policy", "wanted"),
    [
        ([], Policy(), Verdict.NOTHING_CHECKED),
        ([SKIP], Policy(), Verdict.NOTHING_CHECKED),
        ([PASS, SKIP], Policy(), Verdict.BLESSED),
        ([PASS, SKIP], Policy(required=("SM1",)), Verdict.UNDECIDED),
        ([PASS, ERROR], Policy(), Verdict.UNDECIDED),
        ([PASS, ERROR, FAIL], Policy(), Verdict.NOT_BLESSED),
        ([PASS, FAIL], Policy(severity={"SM103": Severity.WARNING}), Verdict.BLESSED),
    ],
)
def test_verdicts(verdicts: list[CheckVerdict], policy: Policy, wanted: Verdict) -> None:
    settled = [policy.settle(result(verdict)) for verdict in verdicts]
    findings = [dataclasses.replace(item, verdict=verdict) for item, verdict in zip(settled, verdicts, strict=True)]
    assert policy.judge(findings) is wanted


def test_an_upstream_that_is_not_blessed_blocks() -> None:
    assert Policy().judge([result(PASS)], [Upstream("u", "InfraBlessing", True)]) is Verdict.BLESSED
    assert Policy().judge([result(PASS)], [Upstream("u", "InfraBlessing", False)]) is Verdict.NOT_BLESSED


def test_waivers_put_findings_aside_with_their_reason() -> None:
    policy = Policy(waive=(Waiver("SM103", "known since May", {"signature": "a"}),))
    a, b = Finding("a", {"signature": "a", "input": "x"}), Finding("b", {"signature": "b"})
    settled = policy.settle(result(FAIL, "SM103", a, b))
    assert (settled.verdict, settled.findings, settled.waived[0].reason) == (FAIL, (b,), "known since May")
    assert policy.settle(result(FAIL, "SM103", a)).verdict is PASS
    assert policy.settle(result(FAIL, "SM104", a)).verdict is FAIL


def test_selecting_requires_whole_codes_only() -> None:
    chosen = Policy(required=("SM2",)).narrowed(["SM1", "SM304"], ["SM105"])
    assert chosen.selects("SM101")
    assert not chosen.selects("SM105")
    assert not chosen.selects("SM201")
    assert chosen.requires("SM304")
    assert not chosen.requires("SM101")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lenient", "no such policy"),
        ('{"severty": {}}', "severty"),
        ('{"severity": {"SM103": "fatal"}}', "severity"),
        ("{", "cannot be read"),
    ],
)
def test_policies_that_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_policy(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(select=("SM9",)), "SM9"),
        (Policy(parameters={"SM103": {"wanted": []}}), "wanted"),
        (Policy(parameters={"SM103": {"required": 3}}), "required"),
    ],
)
def test_policies_that_name_what_does_not_exist(policy: Policy, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        select(policy, {})
    assert words in str(caught.value)


def test_parameters_reach_their_check() -> None:
    policy = read_policy('{"select": ["SM103"], "parameters": {"SM103": {"required": ["a", "b"]}}}')
    (check,) = select(policy, {}).graph
    assert getattr(check, "required") == ("a", "b")  # noqa: B009 - a field of one check


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


def test_findings_are_bounded_and_counted(tmp_path: Path) -> None:
    graph = read_saved_model(save(tmp_path))
    found = run_check(_Odd("500"), lambda: _Odd("500").check(graph))
    assert len(found.findings) == MOST_FINDINGS
    assert found.measurements["findings"] == 500


def test_an_unreadable_graph_blocks_loading(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").touch()
    structure, tags = run_graph_checks([Structure(), Tags()], read_saved_model(tmp_path))
    assert (structure.verdict, tags.verdict) == (FAIL, SKIP)
    assert "SM101" in (blocked([structure, tags]) or "")
    assert blocked([result(PASS, "SM101"), result(FAIL, "SM103")]) is None
