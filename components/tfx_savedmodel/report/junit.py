"""The report as JUnit XML, which CI servers show check by check.

A check is a test case: FAIL at severity error is a failure, ERROR an error, SKIP skipped; what only
deserves a look, and what is waived, is its output. What leaves the verdict open, an upstream that is
not blessed and a run that checked nothing are red too, so that a server never shows green where
nothing was blessed.
"""

from __future__ import annotations

import datetime
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable

from tfx_savedmodel.report import summary
from tfx_savedmodel.report.values import clip, format_place, one_line, visible
from tfx_savedmodel.validation.result import CheckResult, Finding, Report, Upstream, Verdict

#: Findings written of one check, and characters of a message: servers hold all of it in memory.
MAX_FINDINGS = 100
_LONGEST = 400

_SUITE = "tfx-savedmodel"
#: Not in XML 1.0, and not among what `visible` writes out.
_NO_XML = re.compile("[\ufffe\uffff]")


def render_junit(report: Report) -> str:
    """Return the report as a JUnit XML document."""
    suite = ET.Element("testsuite", {"name": _text(f"validation of {report.model.get('uri') or 'a model'}")})
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(report):
        ET.SubElement(properties, "property", {"name": name, "value": _text(value)})
    for check in report.checks:
        _check(suite, check, leaves_open=report.verdict is Verdict.UNDECIDED and check.code in report.undecided_by)
    for upstream in report.upstream:
        _upstream(suite, upstream)
    if report.verdict is Verdict.NOTHING_CHECKED:
        case = _case(suite, "verdict", "verdict", 0.0)
        ET.SubElement(case, "error", {"message": _text(summary.because(report)), "type": report.verdict.value})
    if report.notes:
        notes = [f"given in vain: {_text(one_line(note))}" for note in report.notes[:MAX_FINDINGS]]
        ET.SubElement(suite, "system-out").text = "\n".join(notes)
    totals = _totals(suite, report.seconds)
    suite.attrib.update(totals)
    moment = _moment(report.created)
    if moment:
        suite.set("timestamp", moment)
    root = ET.Element("testsuites", {"name": _SUITE, **totals})
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _properties(report: Report) -> Iterable[tuple[str, str]]:
    yield "verdict", report.verdict.value
    yield "policy", report.policy
    yield "model", str(report.model.get("uri") or "")
    yield "fingerprint", str(report.model.get("fingerprint") or "")
    yield "tool_version", report.tool_version


def _check(suite: ET.Element, check: CheckResult, *, leaves_open: bool) -> None:
    case = _case(suite, check.code[:3], f"{check.code} {check.name}", check.seconds)
    outcome = summary.outcome(check)
    reason = check.reason or "no reason was given"
    if outcome == "fail":
        failure = ET.SubElement(case, "failure", {"message": _message(check), "type": _text(check.code)})
        failure.text = _findings(check.findings)
    elif outcome == "error":
        error = ET.SubElement(case, "error", {"message": _text(one_line(reason)), "type": _text(check.code)})
        error.text = _text(reason)
    elif outcome == "skip" and leaves_open:
        message = _text(f"it had to be made and was not: {one_line(reason)}")
        ET.SubElement(case, "error", {"message": message, "type": _text(check.code)})
    elif outcome == "skip":
        ET.SubElement(case, "skipped", {"message": _text(one_line(reason))})
    output = []
    if outcome in ("warning", "info"):
        output.append(f"{check.severity.value}: {_findings(check.findings)}")
    for item in check.waived[:MAX_FINDINGS]:
        output.append(f"waived ({_text(one_line(item.reason))}): {_findings([item.finding])}")
    if output:
        ET.SubElement(case, "system-out").text = "\n".join(output)


def _upstream(suite: ET.Element, upstream: Upstream) -> None:
    case = _case(suite, "upstream", f"{upstream.type_name} {upstream.uri}", 0.0)
    if not upstream.blessed:
        message = "the upstream blessing is missing: look at the report of whoever gives it"
        ET.SubElement(case, "failure", {"message": message, "type": "upstream"})


def _case(suite: ET.Element, family: str, name: str, seconds: float) -> ET.Element:
    attributes = {"classname": _text(f"{_SUITE}.{family}"), "name": _text(one_line(name)), "time": f"{seconds:.3f}"}
    return ET.SubElement(suite, "testcase", attributes)


def _totals(suite: ET.Element, seconds: float) -> dict[str, str]:
    cases = suite.findall("testcase")

    def count(tag: str) -> str:
        return str(sum(1 for case in cases if case.find(tag) is not None))

    return {
        "tests": str(len(cases)),
        "failures": count("failure"),
        "errors": count("error"),
        "skipped": count("skipped"),
        "time": f"{seconds:.3f}",
    }


def _message(check: CheckResult) -> str:
    first = one_line(check.findings[0].message) if check.findings else check.name
    more = len(check.findings) - 1
    return _text(f"{clip(first)} (and {more} more)" if more > 0 else clip(first))


def _findings(findings: Iterable[Finding]) -> str:
    found = list(findings)
    texts = [_finding(finding) for finding in found[:MAX_FINDINGS]]
    left_out = len(found) - len(texts)
    return "\n\n".join([*texts, *([f"and {left_out} more: report.json has them"] if left_out else [])])


def _finding(finding: Finding) -> str:
    place = ", ".join(f"{kind} {text}" for kind, text in format_place(finding.where))
    pairs = (("where", place), ("found", finding.found), ("wanted", finding.wanted), ("next", finding.next))
    lines = [finding.message, *(f"  {name}: {text}" for name, text in pairs if text)]
    return _text("\n".join(lines), longest=10 * _LONGEST)


def _text(text: str, longest: int = _LONGEST) -> str:
    """Return a text that XML can hold and that reorders nothing around it."""
    return _NO_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(clip(text, longest)))


def _moment(created: str) -> str:
    """Return an ISO 8601 time in UTC without its zone, as JUnit's schema wants it; nothing where it is none."""
    try:
        moment = datetime.datetime.fromisoformat(created.replace("Z", "+00:00"))
    except ValueError:
        return ""
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.timezone.utc)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")
