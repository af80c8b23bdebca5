"""What a page shows of the checks: findings, reasons, waivers, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.report import summary, values
from tfx_savedmodel.report.histograms import without_histograms
from tfx_savedmodel.report.model_parts import cut
from tfx_savedmodel.report.tables import measurement_tables
from tfx_savedmodel.validation.result import CheckResult, Finding, Report, Verdict

#: Findings shown for one check; a broken model can have thousands, and report.json has them all.
MAX_FINDINGS = 25

#: Characters shown of one text of a finding.
_LONGEST_TEXT = 2000

#: Of a place with more parts than these (an example's inputs), each part has a line of its own.
_PARTS_ON_A_LINE = 3

_GROUPS = {
    "SM1": ("The graph", "read as data, without loading the model"),
    "SM2": ("Loading", "loaded and run on made-up inputs, in a process of its own"),
    "SM3": ("Examples", "run on real examples"),
}

WORDS = {
    "pass": "passed",
    "fail": "failed",
    "error": "not made",
    "warning": "warning",
    "info": "remark",
    "skip": "skipped",
}


def shown_check(check: CheckResult, page: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows of a check; `page` has its `title`, `what`, `why` and `remedy`."""
    findings, findings_left = cut(check.findings, MAX_FINDINGS)
    waived, waived_left = cut(check.waived, MAX_FINDINGS)
    outcome = summary.outcome(check)
    return {
        "code": check.code,
        "name": values.clip(check.name),
        "title": check.title or page.get("title", ""),
        "what": page.get("what", ""),
        "why": page.get("why", ""),
        "remedy": page.get("remedy", ""),
        "outcome": outcome,
        "word": WORDS[outcome],
        "reason": values.clip(check.reason or "", _LONGEST_TEXT),
        "findings": [_finding(finding) for finding in findings],
        "findings_left": findings_left,
        "findings_count": len(check.findings),
        "waived": [{**_finding(item.finding), "reason": values.clip(item.reason, _LONGEST_TEXT)} for item in waived],
        "waived_left": waived_left,
        "waived_count": summary.waived_count(check),
        "tables": measurement_tables(without_histograms(check.measurements)),
        "seconds": check.seconds,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    place, lists = [], []
    for kind, value in finding.where.items():
        if isinstance(value, Mapping) and len(value) > _PARTS_ON_A_LINE:
            lists.append((_kind(str(kind)), _clipped(values.format_place(value))))
        elif value is not None:
            place += _clipped(values.format_place({_kind(str(kind)): value}))
    return {
        "message": values.clip(finding.message, _LONGEST_TEXT),
        "place": place,
        "lists": lists,
        "found": values.clip(finding.found, _LONGEST_TEXT),
        "wanted": values.clip(finding.wanted, _LONGEST_TEXT),
        "next": values.clip(finding.next, _LONGEST_TEXT),
    }


def _clipped(place: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(values.clip(kind), values.clip(text)) for kind, text in place]


def _kind(kind: str) -> str:
    """Return a place's kind as words: it is ours ("reached_by"), where names inside of places are the model's."""
    return values.one_line(kind).replace("_", " ")


def left_open(report: Report) -> list[dict[str, Any]]:
    """Return the skipped checks that leave the verdict open, gathered by their reason.

    Where nothing was checked those are all that were skipped.
    """
    nothing = report.verdict is Verdict.NOTHING_CHECKED
    found: dict[str, list[CheckResult]] = {}
    for check in report.checks:
        if summary.outcome(check) == "skip" and (nothing or check.code in report.undecided_by):
            found.setdefault(check.reason or "no reason was given", []).append(check)
    return [{"reason": values.clip(reason, _LONGEST_TEXT), "checks": checks} for reason, checks in found.items()]


def groups(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the checks by what they need: the graph, a load, examples, or a policy that brings them."""
    found: dict[str, dict[str, Any]] = {}
    for check in checks:
        title, note = _GROUPS.get(check["code"][:3], ("Other checks", "brought by the policy"))
        group = found.setdefault(title, {"title": title, "note": note, "checks": []})
        group["checks"].append(check)
    return list(found.values())
