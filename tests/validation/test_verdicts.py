"""Results become a verdict as the policy says: every combination of what a check can end in and weigh."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import pytest

from tfx_savedmodel.validation.policy import MOST_FINDINGS, Policy, Waiver
from tfx_savedmodel.validation.presets import PRESETS
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Finding, Severity, Upstream, Verdict

pytestmark = pytest.mark.unit

PASS, FAIL, SKIP, ERROR = CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.SKIP, CheckVerdict.ERROR
WAIVED = Finding("we know", {"signature": "waived"})
OPEN = Finding("we do not", {"signature": "open"})
BLESSED, NOT_BLESSED = Upstream("a", "InfraBlessing", True), Upstream("b", "ModelBlessing", False)


@dataclasses.dataclass(frozen=True)
class Ending:
    """How one check ended: its findings, whether it is required, how much it weighs, whether it was blocked."""

    verdict: CheckVerdict
    findings: tuple[Finding, ...] = ()
    severity: Severity = Severity.ERROR
    required: bool = False
    blocked: bool = False

    @property
    def unwaived(self) -> bool:
        """Whether somebody has to mend something."""
        return self.verdict is FAIL and OPEN in self.findings

    @property
    def leaves_open(self) -> bool:
        return self.verdict is ERROR or (self.verdict is SKIP and (self.required or self.blocked))

    @property
    def is_evidence(self) -> bool:
        return self.verdict is PASS or (self.verdict is FAIL and not self.unwaived)


def endings() -> Iterator[Ending]:
    """Yield all ways in which a check can end."""
    for severity, required in itertools.product(Severity, (False, True)):
        yield Ending(PASS, (), severity, required)
        yield Ending(ERROR, (), severity, required)
        for findings in ((OPEN,), (WAIVED,), (WAIVED, OPEN), (OPEN, WAIVED)):
            yield Ending(FAIL, findings, severity, required)
        for blocked in (False, True):
            yield Ending(SKIP, (), severity, required, blocked)


def verdict_of(found: Sequence[Ending], upstream: Sequence[Upstream]) -> Verdict:
    """Return what `Policy` says of checks SM101, SM102, … that ended so."""
    codes = [f"SM{101 + number}" for number in range(len(found))]
    policy = Policy(
        severity={code: ending.severity for code, ending in zip(codes, found, strict=True)},
        required=tuple(code for code, ending in zip(codes, found, strict=True) if ending.required),
        waive=tuple(Waiver(code, "known since May", {"signature": "waived"}) for code in codes),
    )
    results = [
        CheckResult(code, "a-check", ending.verdict, findings=ending.findings, blocked=ending.blocked)
        for code, ending in zip(codes, found, strict=True)
    ]
    return policy.judge([policy.settle(result) for result in results], upstream)


def wanted_of(found: Sequence[Ending], upstream: Sequence[Upstream]) -> Verdict:
    """Return the verdict that the architecture asks for, in its order."""
    if any(ending.unwaived and ending.severity is Severity.ERROR for ending in found) or NOT_BLESSED in upstream:
        return Verdict.NOT_BLESSED
    if any(ending.leaves_open for ending in found):
        return Verdict.UNDECIDED
    return Verdict.BLESSED if any(ending.is_evidence for ending in found) else Verdict.NOTHING_CHECKED


def test_every_pair_of_endings_becomes_the_verdict_of_the_rules() -> None:
    ways = list(endings())
    seen = set()
    for count in (0, 1, 2):
        for found in itertools.product(ways, repeat=count):
            for upstream in ((), (BLESSED,), (BLESSED, NOT_BLESSED)):
                wanted = wanted_of(found, upstream)
                assert verdict_of(found, upstream) is wanted, (found, upstream)
                seen.add(wanted)
    assert seen == set(Verdict)


def test_the_verdict_depends_on_no_order() -> None:
    few = [Ending(PASS), Ending(ERROR), Ending(SKIP), Ending(FAIL, (OPEN,)), Ending(FAIL, (OPEN,), Severity.WARNING)]
    for found in itertools.combinations(few, 3):
        assert len({verdict_of(order, ()) for order in itertools.permutations(found)}) == 1


def test_a_further_bad_ending_never_blesses() -> None:
    bad = [way for way in endings() if way.leaves_open or (way.unwaived and way.severity is Severity.ERROR)]
    for found in itertools.product(endings(), bad):
        assert verdict_of(found, ()) in (Verdict.NOT_BLESSED, Verdict.UNDECIDED)


@pytest.mark.parametrize("preset", PRESETS)
def test_nothing_seen_is_never_blessed_whatever_the_preset(preset: str) -> None:
    policy = PRESETS[preset]
    codes = ["SM101", "SM103", "SM108", "SM120", "SM201", "SM204", "SM301", "SM306"]
    skipped = [CheckResult(code, "a", SKIP) for code in codes if policy.selects(code)]
    assert policy.judge([policy.settle(result) for result in skipped]) is not Verdict.BLESSED
    assert policy.judge([]) is Verdict.NOTHING_CHECKED


def test_waivers_put_findings_aside_with_their_reason() -> None:
    policy = Policy(waive=(Waiver("SM103", "known since May", {"signature": "a"}),))
    a, b = Finding("a", {"signature": "a", "input": "x"}), Finding("b", {"signature": "b"})
    settled = policy.settle(CheckResult("SM103", "a-check", FAIL, findings=(a, b)))
    assert (settled.verdict, settled.findings, settled.waived[0].reason) == (FAIL, (b,), "known since May")
    assert policy.settle(CheckResult("SM103", "a-check", FAIL, findings=(a,))).verdict is PASS
    assert policy.settle(CheckResult("SM104", "a-check", FAIL, findings=(a,))).verdict is FAIL


def test_a_waiver_matches_what_the_report_shows() -> None:
    finding = Finding("a", {"tags": ("serve", "gpu"), "reached_by": ["init"], "index": 1})
    for where in ({}, {"tags": ["serve", "gpu"]}, {"reached_by": ["init"], "index": 1}):
        assert Waiver("SM103", "so", where).covers("SM103", finding)
    for where in ({"tags": ["serve"]}, {"node": None}, {"index": 2}):
        assert not Waiver("SM103", "so", where).covers("SM103", finding)


def test_very_many_findings_are_counted_after_they_were_waived() -> None:
    """What is beyond the limit of the report counts: waiving what is shown blesses nothing."""
    many = (*[WAIVED] * (MOST_FINDINGS + 50), OPEN)
    policy = Policy(waive=(Waiver("SM103", "so", {"signature": "waived"}),))
    settled = policy.settle(CheckResult("SM103", "a-check", FAIL, findings=many))
    assert (settled.verdict, settled.findings) == (FAIL, (OPEN,))
    assert (len(settled.waived), settled.measurements) == (MOST_FINDINGS, {"waived_findings": MOST_FINDINGS + 50})
    unwaived = Policy().settle(CheckResult("SM103", "a-check", FAIL, findings=many))
    assert (len(unwaived.findings), unwaived.measurements) == (MOST_FINDINGS, {"findings": MOST_FINDINGS + 51})


def test_a_waiver_that_matched_nothing_is_known_where_its_check_was_made() -> None:
    waivers = tuple(Waiver(code, "so", {"signature": "waived"}) for code in ("SM101", "SM102", "SM103", "SM104"))
    results = [
        CheckResult("SM101", "a", FAIL, findings=(WAIVED,)),
        CheckResult("SM102", "b", FAIL, findings=(OPEN,)),
        CheckResult("SM103", "c", SKIP),
    ]
    assert [waiver.code for waiver in Policy(waive=waivers).idle_waivers(results)] == ["SM102"]
