"""The report as Markdown for a pull request: GitHub's flavour, short, with everything of the model inert.

What a model's author could have written stands in code spans, where GitHub looks for nothing; texts
of ours that may quote it are escaped, and what GitHub would make a mention, a reference or a link
is broken by an empty comment, which it drops only after looking.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from tfx_savedmodel.report import summary
from tfx_savedmodel.report.values import clip, format_place, format_seconds, one_line
from tfx_savedmodel.validation.result import CheckResult, Finding, Report, Verdict

#: GitHub refuses a comment of more characters than 65,536.
MAX_CHARACTERS = 60_000

#: Findings shown of one check, and characters of one text.
MAX_FINDINGS = 10
_LONGEST = 300
_LONGEST_REASON = 1000

#: In the order in which a reader wants the outcomes.
_SIGNS = {
    "fail": "❌",
    "error": "❔",
    "skip": "➖",
    "warning": "⚠️",
    "info": "ℹ️",
    "pass": "✅",
}
_VERDICT_SIGNS = {
    Verdict.BLESSED: "✅",
    Verdict.NOT_BLESSED: "❌",
    Verdict.UNDECIDED: "❔",
    Verdict.NOTHING_CHECKED: "➖",
}
_MARKUP = re.compile(r"([\\`*_\[\]#~$])")
_LINE_START = re.compile(r"^(\d{1,9}(?=[.)])|(?=[-+=]))")
_BEFORE_PIPE = re.compile(r"(\\*)\|")
_REFERENCES = re.compile(r"(@|#|www(?=\.)|\bGH(?=-)|:(?=//|\w+:))", re.IGNORECASE)
_PAIRED_BACKTICKS = re.compile(r"`([^`]+)`")


def render_markdown(report: Report) -> str:
    """Return the report as Markdown, at most `MAX_CHARACTERS` of it.

    The verdict and its reason come first, then a table of the checks that are not simply fine, then
    the findings of each, folded.
    """
    matters = sorted((check for check in report.checks if _matters(report, check)), key=_weight)
    parts = [_head(report), *([_table(matters)] if matters else [])]
    parts += [_upstream(report)] if report.upstream else []
    parts += [_notes(report)] if report.notes else []
    rest = [check for check in report.checks if check not in matters]
    tail = [_rest(rest)] if rest else []
    room = MAX_CHARACTERS - sum(map(len, (*parts, *tail))) - 200
    folded = [text for check in matters if (text := _folded(check))]
    for number, text in enumerate(folded):
        room -= len(text)
        if room < 0:
            parts.append(f"…and the findings of {len(folded) - number} more checks: report.json has them.")
            break
        parts.append(text)
    return "\n\n".join([*parts, *tail]) + "\n"


def _matters(report: Report, check: CheckResult) -> bool:
    if summary.outcome(check) == "skip":
        return report.verdict is Verdict.UNDECIDED and check.code in report.undecided_by
    return summary.outcome(check) != "pass" or bool(check.waived)


def _weight(check: CheckResult) -> int:
    return list(_SIGNS).index(summary.outcome(check))


def _head(report: Report) -> str:
    model = report.model
    facts = [f"model {code(str(model.get('uri') or 'unknown'))}"]
    facts += [f"fingerprint {code(str(model['fingerprint']))}"] if model.get("fingerprint") else []
    facts += [f"policy {code(report.policy)}"] if report.policy else []
    facts += [format_seconds(report.seconds)] if report.seconds else []
    facts += [f"tfx-savedmodel {code(report.tool_version)}"] if report.tool_version else []
    lines = (
        f"### {_VERDICT_SIGNS[report.verdict]} {summary.HEADLINES[report.verdict]}: SavedModel validation",
        f"{prose(summary.because(report), _LONGEST_REASON)} **{prose(summary.summary_line(report))}.**",
        "<sub>" + " · ".join(facts) + "</sub>",
    )
    return "\n\n".join(lines)


def _table(checks: Sequence[CheckResult]) -> str:
    lines = ["| | check | what must hold | |", "|---|---|---|---|"]
    for check in checks:
        cells = (_SIGNS[summary.outcome(check)], _name(check), prose(check.title), _remark(check))
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Return Markdown that stays in its cell: a pipe ends it unless an odd number of backslashes stands before."""
    return _BEFORE_PIPE.sub(lambda found: found[1] + ("\\\\|" if len(found[1]) % 2 else "\\|"), text)


def _name(check: CheckResult) -> str:
    return f"{code(check.code)} {prose(check.name)}"


def _remark(check: CheckResult) -> str:
    return _counted(check) or prose(check.reason or "")


def _counted(check: CheckResult) -> str:
    parts = [_count(len(check.findings), "finding")] if check.findings else []
    parts += [f"{summary.waived_count(check)} waived"] if check.waived else []
    return ", ".join(parts)


def _upstream(report: Report) -> str:
    lines = [
        f"- {_SIGNS['pass' if item.blessed else 'fail']} upstream {code(item.type_name)} {code(item.uri)}: "
        f"{'blessed' if item.blessed else 'not blessed'}"
        for item in report.upstream[:MAX_FINDINGS]
    ]
    return "\n".join([*lines, *_more(len(report.upstream))])


def _notes(report: Report) -> str:
    lines = [f"- given in vain: {prose(note)}" for note in report.notes[:MAX_FINDINGS]]
    return "\n".join([*lines, *_more(len(report.notes))])


def _folded(check: CheckResult) -> str:
    """Return a check's findings behind a line that opens them, or nothing where there are none."""
    lines = [line for finding in check.findings[:MAX_FINDINGS] for line in _finding(finding)]
    lines += _more(len(check.findings))
    for item in check.waived[:MAX_FINDINGS]:
        lines += [*_finding(item.finding), f"  - waived: {prose(item.reason)}"]
    lines += _more(summary.waived_count(check))
    if not lines and check.reason and "\n" in check.reason:
        lines = [prose(check.reason)]
    if not lines:
        return ""
    # In a line of HTML nothing is read as Markdown, so HTML's own escapes are the ones that count.
    name = html.escape(clip(one_line(f"{check.code} {check.name}"), _LONGEST))
    head = f"<code>{name}</code> {_counted(check)}".rstrip()
    return _fold(head, lines)


def _fold(head: str, lines: Sequence[str]) -> str:
    """Return lines of Markdown behind a line of HTML that opens them."""
    return "\n".join([f"<details><summary>{head}</summary>", "", *lines, "", "</details>"])


def _finding(finding: Finding) -> Iterator[str]:
    yield f"- {prose(finding.message)}"
    place = [f"{prose(kind)} {code(text)}" for kind, text in format_place(finding.where)]
    if place:
        yield f"  - where: {', '.join(place)}"
    if finding.found:
        yield f"  - found: {code(finding.found)}"
    if finding.wanted:
        yield f"  - wanted: {code(finding.wanted)}"
    if finding.next:
        yield f"  - next: {prose(finding.next)}"


def _more(count: int) -> list[str]:
    left_out = count - MAX_FINDINGS
    return [f"- and {left_out} more: report.json has them"] if left_out > 0 else []


def _rest(checks: Sequence[CheckResult]) -> str:
    lines = [f"- {_SIGNS[summary.outcome(check)]} {_name(check)}{_why_skipped(check)}" for check in checks]
    return "\n".join(
        [f"<details><summary>{_count(len(checks), 'other check')}</summary>", "", *lines, "", "</details>"]
    )


def _why_skipped(check: CheckResult) -> str:
    return f": {prose(check.reason)}" if summary.outcome(check) == "skip" and check.reason else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def code(text: str) -> str:
    """Return a text as a code span on one line, whatever backticks it has."""
    shown = clip(one_line(text), _LONGEST)
    if not shown:
        return "` `"
    fence = "`" * (max(map(len, re.findall(r"`+", shown)), default=0) + 1)
    pad = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def prose(text: str, longest: int = _LONGEST) -> str:
    """Return a text of ours, on one line, with nothing in it that Markdown or GitHub would act on.

    What stands between backticks becomes a code span.
    """
    shown = clip(one_line(text), longest)
    pieces = _PAIRED_BACKTICKS.split(shown)
    return "".join(code(piece) if at % 2 else _inert(piece) for at, piece in enumerate(pieces))


def _inert(text: str) -> str:
    pieces = _REFERENCES.split(text)
    escaped = (_MARKUP.sub(r"\\\1", html.escape(piece, quote=False)) for piece in pieces)
    joined = "".join(f"{piece}<!-- -->" if at % 2 else piece for at, piece in enumerate(escaped))
    return _LINE_START.sub(r"\1\\", joined)
