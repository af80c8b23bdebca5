"""The policy: which checks run, how much each weighs, which are required, what is waived.

Plain dataclasses, so that a preset costs no import; a policy file is read by `policy_text`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_savedmodel.errors import PolicyError, UsageError
from tfx_savedmodel.validation.result import (
    CheckResult,
    CheckVerdict,
    Finding,
    Severity,
    Upstream,
    Verdict,
    Waived,
)

#: A report stays readable: of more findings than this the rest is counted.
MOST_FINDINGS = 100

#: What does not keep a model from being served weighs less than an error, unless a policy says otherwise.
LESS_THAN_ERRORS = dict.fromkeys(("SM108", "SM111", "SM112", "SM113"), Severity.WARNING)

#: Made only where somebody gives a baseline, a target, a budget or a reference: who requires a family does not
#: mean these, and who means them names them whole.
ASKED_FOR = ("SM106", "SM110", "SM114", "SM206", "SM304", "SM309")

_WHOLE_CODE = re.compile(r"[A-Z]+[0-9]{3}")
_COST = re.compile(r"[A-Z]+([0-9])")


def is_whole_code(code: str) -> bool:
    """Tell whether this is the form of one check's code, and not the beginning of several."""
    return _WHOLE_CODE.fullmatch(code) is not None


def needs_a_load(code: str) -> bool:
    """Tell whether the checks whose codes begin so load the model: the first digit says what a check costs."""
    cost = _COST.match(code)
    return cost is not None and cost[1] != "1"


@dataclasses.dataclass(frozen=True)
class Waiver:
    """Findings of `code` whose `where` contains all of `where` are waived, for `reason`."""

    code: str
    reason: str
    where: dict[str, Any] = dataclasses.field(default_factory=dict)

    def covers(self, code: str, finding: Finding) -> bool:
        return code == self.code and all(
            key in finding.where and _plain(finding.where[key]) == _plain(value) for key, value in self.where.items()
        )

    def __str__(self) -> str:
        place = ", ".join(f"{key} {value!r}" for key, value in self.where.items())
        return f"{self.code} at {place}" if place else self.code


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one loader's process may take: seconds for the load, for each run of a signature, and bytes of memory."""

    seconds: float = 300.0
    memory_bytes: int = 8 << 30
    run_seconds: float = 60.0


@dataclasses.dataclass(frozen=True)
class Policy:
    """How results become a verdict.

    `select` (empty: all) and `ignore` are beginnings of codes; `required` begin the codes of checks whose SKIP
    means "could not tell", less those that `optional` begin; what somebody has to ask for (a baseline, a target, a
    budget, a reference) is required by its whole code only. `severity` is keyed by beginnings of codes, of which
    the longest counts; `parameters`, keyed by code, set a check's fields. `trusted` lets a model be loaded in
    spite of SM101, SM120 and SM121; where not `loads`, no model is, and only checks that read the graph are made,
    whatever is selected. `features` maps a signature's input name to the name of an example's feature,
    `outputs` an output name of the model to one of the reference. `checks` are dotted paths of others' checks.

    Raises:
      PolicyError: a text where a list of texts is wanted, or a severity that does not exist.
    """

    name: str = "default"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    severity: dict[str, Severity] = dataclasses.field(default_factory=dict)
    parameters: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    waive: tuple[Waiver, ...] = ()
    trusted: bool = False
    features: dict[str, str] = dataclasses.field(default_factory=dict)
    outputs: dict[str, str] = dataclasses.field(default_factory=dict)
    limits: Limits = dataclasses.field(default_factory=Limits)
    checks: tuple[str, ...] = ()
    loads: bool = True

    def __post_init__(self) -> None:
        # A lone text would be taken letter by letter, and a severity given as text would equal none.
        for field in ("select", "ignore", "required", "optional", "waive", "checks"):
            value = getattr(self, field)
            if isinstance(value, str):
                raise PolicyError(
                    "a text where a list is wanted", where=f"Policy({field}=…)", found=repr(value), wanted="a tuple"
                )
            object.__setattr__(self, field, tuple(value))
        object.__setattr__(self, "severity", {code: _severity(code, value) for code, value in self.severity.items()})

    def selects(self, code: str) -> bool:
        """Tell whether the check with this code runs."""
        if needs_a_load(code) and not self.loads:
            return False
        return (not self.select or _matches(code, self.select)) and not _matches(code, self.ignore)

    def requires(self, code: str) -> bool:
        """Tell whether a SKIP of the check with this code leaves the verdict open."""
        named = code in self.required or (code not in ASKED_FOR and _matches(code, self.required))
        return named and self.selects(code) and not _matches(code, self.optional)

    def severity_of(self, code: str) -> Severity:
        """Return how much a FAIL of the check with this code weighs."""
        longest = max((prefix for prefix in self.severity if code.startswith(prefix)), key=len, default=None)
        return LESS_THAN_ERRORS.get(code, Severity.ERROR) if longest is None else self.severity[longest]

    def narrowed(self, select: Sequence[str], ignore: Sequence[str]) -> Policy:
        """Return the policy with the command line's choice; `select` replaces what is required.

        A check named by its whole code is required; of a family (`SM1`) those are made that can be,
        since most families have checks that need something given.

        Raises:
          UsageError: a check that loads the model is selected, and the policy loads none.
        """
        loading = [] if self.loads else [code for code in select if needs_a_load(code)]
        if loading:
            raise UsageError(
                f"the policy {self.name} loads nothing",
                where="select",
                found=", ".join(loading),
                wanted="beginnings of the codes of checks that only read the graph, such as SM1",
                next_step="take a policy that loads models, such as default: "
                "it does not load either what SM101, SM120 or SM121 finds fault with",
            )
        changes: dict[str, Any] = {}
        if select:
            required = tuple(code for code in select if is_whole_code(code))
            changes.update(select=tuple(select), required=required, optional=())
        if ignore:
            changes["ignore"] = (*self.ignore, *ignore)
        return dataclasses.replace(self, **changes)

    def requiring(self, codes: Sequence[str]) -> Policy:
        """Return the policy with further required checks, as far as it selects them."""
        return dataclasses.replace(self, required=(*self.required, *codes))

    def settle(self, result: CheckResult) -> CheckResult:
        """Return the result with its severity set and its waived findings put aside.

        The rest of very many findings is counted, not kept: only here, since what was not looked at
        cannot be waived.
        """
        kept: list[Finding] = []
        waived: list[Waived] = list(result.waived)
        for finding in result.findings:
            waiver = next((item for item in self.waive if item.covers(result.code, finding)), None)
            if waiver is None:
                kept.append(finding)
            else:
                waived.append(Waived(finding, waiver.reason))
        verdict = result.verdict
        if verdict is CheckVerdict.FAIL and not kept:
            verdict = CheckVerdict.PASS
        measured = dict(result.measurements)
        for name, found in (("findings", kept), ("waived_findings", waived)):
            if len(found) > MOST_FINDINGS:
                measured[name] = len(found)
        return dataclasses.replace(
            result,
            severity=self.severity_of(result.code),
            findings=tuple(kept[:MOST_FINDINGS]),
            waived=tuple(waived[:MOST_FINDINGS]),
            verdict=verdict,
            measurements=measured,
        )

    def idle_waivers(self, results: Sequence[CheckResult]) -> tuple[Waiver, ...]:
        """Return the waivers that matched nothing although their check was made; results before `settle`."""
        made = [result for result in results if result.verdict in (CheckVerdict.PASS, CheckVerdict.FAIL)]
        codes = {result.code for result in made}
        return tuple(
            waiver
            for waiver in self.waive
            if waiver.code in codes
            and not any(waiver.covers(result.code, finding) for result in made for finding in result.findings)
        )

    def judge(self, results: Sequence[CheckResult], upstream: Sequence[Upstream] = ()) -> Verdict:
        """Return the verdict over settled results; an upstream that is not blessed blocks."""
        failed = any(result.verdict is CheckVerdict.FAIL and result.severity is Severity.ERROR for result in results)
        if failed or any(not item.blessed for item in upstream):
            return Verdict.NOT_BLESSED
        if any(self.leaves_open(result) for result in results):
            return Verdict.UNDECIDED
        if not any(result.verdict is CheckVerdict.PASS for result in results):
            return Verdict.NOTHING_CHECKED
        return Verdict.BLESSED

    def leaves_open(self, result: CheckResult) -> bool:
        """Tell whether this result says nothing where something had to be said."""
        if result.verdict is CheckVerdict.SKIP:
            return result.blocked or self.requires(result.code)
        return result.verdict is CheckVerdict.ERROR


def _matches(code: str, prefixes: Sequence[str]) -> bool:
    return any(code.startswith(prefix) for prefix in prefixes)


def _plain(value: Any) -> Any:
    """Return a place's value as JSON has it, so that a tuple equals the list of a policy file."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _severity(code: str, value: Any) -> Severity:
    try:
        return Severity(value)
    except ValueError:
        raise PolicyError(
            "no such severity",
            where=f"severity.{code}",
            found=repr(value),
            wanted=" or ".join(item.value for item in Severity),
        ) from None
