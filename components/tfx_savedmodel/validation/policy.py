"""The policy: which checks run, how much each weighs, which are required, what is waived.

Plain dataclasses, so that the default policy costs no import; a policy file is read through
pydantic, which also gives the JSON schema.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tfx_savedmodel.errors import PolicyError
from tfx_savedmodel.validation.result import (
    CheckResult,
    CheckVerdict,
    Finding,
    Severity,
    Upstream,
    Verdict,
    Waived,
)

_CODE_LENGTH = len("SM101")

#: What does not keep a model from being served weighs less than an error, unless a policy says otherwise.
_LESS_THAN_ERRORS = {"SM111": Severity.WARNING}


@dataclasses.dataclass(frozen=True)
class Waiver:
    """Findings of `code` whose `where` contains all of `where` are waived, for `reason`."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    code: str
    reason: str
    where: dict[str, Any] = dataclasses.field(default_factory=dict)

    def covers(self, code: str, finding: Finding) -> bool:
        return code == self.code and all(finding.where.get(key) == value for key, value in self.where.items())


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one loader's process may take: seconds for the load, for each run of a signature, and bytes of memory."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    seconds: float = 300.0
    memory_bytes: int = 8 << 30
    run_seconds: float = 60.0


@dataclasses.dataclass(frozen=True)
class Policy:
    """How results become a verdict.

    `select` and `ignore` are code prefixes; `required` are prefixes of checks whose SKIP means
    "could not tell". `severity` and `parameters` are keyed by code; `parameters` set a check's
    fields. `trusted` lets a model be loaded in spite of SM101, SM120 and SM121. `features` maps a
    signature's input name to the name of an example's feature, `outputs` an output name of the
    model to one of the reference.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str = "default"
    select: tuple[str, ...] = ("SM",)
    ignore: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    severity: dict[str, Severity] = dataclasses.field(default_factory=dict)
    parameters: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    waive: tuple[Waiver, ...] = ()
    trusted: bool = False
    features: dict[str, str] = dataclasses.field(default_factory=dict)
    outputs: dict[str, str] = dataclasses.field(default_factory=dict)
    limits: Limits = dataclasses.field(default_factory=Limits)

    def selects(self, code: str) -> bool:
        """Tell whether the check with this code runs."""
        return _matches(code, self.select) and not _matches(code, self.ignore)

    def requires(self, code: str) -> bool:
        """Tell whether a SKIP of the check with this code leaves the verdict open."""
        return _matches(code, self.required) and self.selects(code)

    def severity_of(self, code: str) -> Severity:
        return self.severity.get(code, _LESS_THAN_ERRORS.get(code, Severity.ERROR))

    def narrowed(self, select: Sequence[str], ignore: Sequence[str]) -> Policy:
        """Return the policy with the command line's choice; `select` replaces what is required.

        A check named by its whole code is required; of a family (`SM1`) those are made that can be,
        since most families have checks that need something given.
        """
        changes: dict[str, Any] = {}
        if select:
            changes.update(select=tuple(select), required=tuple(code for code in select if len(code) == _CODE_LENGTH))
        if ignore:
            changes["ignore"] = (*self.ignore, *ignore)
        return dataclasses.replace(self, **changes)

    def requiring(self, codes: Sequence[str]) -> Policy:
        """Return the policy with further required checks, as far as it selects them."""
        return dataclasses.replace(self, required=(*self.required, *codes))

    def settle(self, result: CheckResult) -> CheckResult:
        """Return the result with its severity set and its waived findings put aside."""
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
        return dataclasses.replace(
            result,
            severity=self.severity_of(result.code),
            findings=tuple(kept),
            waived=tuple(waived),
            verdict=verdict,
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


PRESETS: Mapping[str, Policy] = {
    "default": Policy(),
}


def read_policy(text: str, *, where: str = "the policy") -> Policy:
    """Return the policy of a JSON document, or the preset of that name.

    Raises:
      PolicyError: not a preset and not JSON, or a field that no policy has or of a wrong type.
    """
    if text in PRESETS:
        return PRESETS[text]
    if not text.lstrip().startswith("{"):
        raise PolicyError(
            "no such policy", where=where, found=text, wanted=f"a JSON object or one of {', '.join(sorted(PRESETS))}"
        )
    import pydantic

    try:
        return pydantic.TypeAdapter(Policy).validate_json(text)
    except pydantic.ValidationError as error:
        raise PolicyError(
            "the policy cannot be read", where=where, found=str(error), wanted="the fields of a policy"
        ) from error
