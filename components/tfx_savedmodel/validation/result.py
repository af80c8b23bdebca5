"""What validation says: findings, results per check, and the report that holds them all.

Plain data, importable by whoever writes a report; the JSON form is the published contract.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

SCHEMA_VERSION = 1


class CheckVerdict(str, enum.Enum):
    """What one check says of a model."""

    PASS = "PASS"
    FAIL = "FAIL"
    SKIP = "SKIP"
    ERROR = "ERROR"


class Severity(str, enum.Enum):
    """How much a failed check weighs; the policy decides."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Verdict(str, enum.Enum):
    """What all checks together say; only BLESSED blesses."""

    BLESSED = "BLESSED"
    NOT_BLESSED = "NOT_BLESSED"
    UNDECIDED = "UNDECIDED"
    NOTHING_CHECKED = "NOTHING_CHECKED"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One fault of a model.

    `where` names the place by kind (`signature`, `input`, `output`, `node`, `function`, `file`,
    `tags`, `example`, …) and is JSON-serialisable; `found` and `wanted` are short texts; `next`
    says what to do.
    """

    message: str
    where: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    found: str = ""
    wanted: str = ""
    next: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "where": dict(self.where),
            "found": self.found,
            "wanted": self.wanted,
            "message": self.message,
            "next": self.next,
        }


@dataclasses.dataclass(frozen=True)
class Waived:
    """A finding that the policy waives, with the author's reason."""

    finding: Finding
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {**self.finding.to_json(), "reason": self.reason}


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """One check's answer. `reason` explains SKIP and ERROR; `seconds` is wall time.

    `blocked` marks a SKIP that says nothing of the model, because it was not safe to look: it leaves
    the verdict open.
    """

    code: str
    name: str
    verdict: CheckVerdict
    severity: Severity = Severity.ERROR
    title: str = ""
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    waived: tuple[Waived, ...] = ()
    measurements: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    blocked: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "name": self.name,
            "title": self.title,
            "verdict": self.verdict.value,
            "severity": self.severity.value,
            "reason": self.reason,
            "findings": [finding.to_json() for finding in self.findings],
            "waived": [waived.to_json() for waived in self.waived],
            "measurements": dict(self.measurements),
            "seconds": round(self.seconds, 4),
        }


@dataclasses.dataclass(frozen=True)
class Upstream:
    """A blessing that another validator gave and that is ANDed into this one."""

    uri: str
    type_name: str
    blessed: bool

    def to_json(self) -> dict[str, Any]:
        return {"uri": self.uri, "type": self.type_name, "blessed": self.blessed}


@dataclasses.dataclass(frozen=True)
class Report:
    """The whole answer about one model.

    `model` is JSON-like: `uri`, `fingerprint`, `tensorflow_version`, `meta_graphs` (each with
    `tags` and `signatures`; a signature has `method_name`, `inputs` and `outputs`, each name with
    `dtype`, `shape`), `sizes` in bytes.
    """

    verdict: Verdict
    model: Mapping[str, Any]
    policy: str
    checks: tuple[CheckResult, ...]
    upstream: tuple[Upstream, ...] = ()
    seconds: float = 0.0
    created: str = ""
    tool_version: str = ""
    undecided_by: tuple[str, ...] = ()
    """Codes of the checks that leave the verdict open, whatever it is."""
    notes: tuple[str, ...] = ()
    """What was given in vain: a waiver that matched nothing, examples that no check looked at."""
    spent: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Of `seconds` those by what they were spent on: `libraries` for importing TensorFlow and Beam, `inputs`,
    `graph`, `loads`, `examples`, and `rest`."""

    def count(self, verdict: CheckVerdict) -> int:
        """Return how many checks ended with this verdict."""
        return sum(1 for check in self.checks if check.verdict is verdict)

    def to_json(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict.value,
            "model": dict(self.model),
            "policy": self.policy,
            "undecided_by": list(self.undecided_by),
            "notes": list(self.notes),
            "checks": [check.to_json() for check in self.checks],
            "upstream": [upstream.to_json() for upstream in self.upstream],
            "seconds": round(self.seconds, 3),
            "spent": {part: round(seconds, 3) for part, seconds in self.spent.items()},
            "created": self.created,
            "tool_version": self.tool_version,
        }
