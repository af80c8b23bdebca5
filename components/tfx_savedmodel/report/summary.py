"""The verdict in words: one headline, one sentence that says why, and the counts."""

from __future__ import annotations

import dataclasses

from tfx_savedmodel.report.values import format_seconds
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Report, Severity, Verdict

HEADLINES = {
    Verdict.BLESSED: "Blessed",
    Verdict.NOT_BLESSED: "Not blessed",
    Verdict.UNDECIDED: "Undecided",
    Verdict.NOTHING_CHECKED: "Nothing checked",
}

#: Outcomes in the order in which a reader wants them; the word that follows the count.
OUTCOMES = {
    "pass": "passed",
    "fail": "failed",
    "error": "could not be made",
    "warning": "warning",
    "info": "remark",
    "skip": "skipped",
}

_MAX_NAMES = 4

#: What the report's `model` says is the format of a file of Keras's.
_KERAS_FILE = "keras"


def outcome(check: CheckResult) -> str:
    """Return what a check's result means for the reader: a key of OUTCOMES.

    A failed check is "fail" only at severity error, else "warning" or "info".
    """
    if check.verdict is CheckVerdict.FAIL and check.severity is not Severity.ERROR:
        return "warning" if check.severity is Severity.WARNING else "info"
    return check.verdict.value.lower()


@dataclasses.dataclass(frozen=True)
class Count:
    """How many checks had one outcome, and the words for it ("2 warnings")."""

    outcome: str
    number: int

    @property
    def words(self) -> str:
        word = OUTCOMES[self.outcome]
        plural = "s" if self.outcome in ("warning", "info") and self.number != 1 else ""
        return f"{self.number} {word}{plural}"


def counts(report: Report) -> list[Count]:
    """Return the counts by outcome, those of nothing left out; "0 passed" always stands."""
    found = [outcome(check) for check in report.checks]
    return [Count(name, found.count(name)) for name in OUTCOMES if name in found or name == "pass"]


def summary_line(report: Report) -> str:
    """Return the counts as text: "12 passed, 1 failed, 2 skipped, 1 finding waived"."""
    waived = sum(map(waived_count, report.checks))
    return ", ".join([*(count.words for count in counts(report)), *([f"{_findings(waived)} waived"] if waived else [])])


def waived_count(check: CheckResult) -> int:
    """Return how many findings are waived: the report keeps the first of very many."""
    return int(check.measurements.get("waived_findings", len(check.waived)))


#: What `spent` of a report counts, in words.
_SPENT = {
    "libraries": "importing libraries",
    "inputs": "reading the model and what is given",
    "graph": "checks of the graph",
    "loads": "loading the model and running its signatures",
    "examples": "running examples",
}
#: Less is no news.
_LEAST_SECONDS = 0.05


def took_line(report: Report) -> str:
    """Return how long it took and on what: "12.3 s: 8.1 s importing libraries, …", or nothing if unknown."""
    if not report.seconds:
        return ""
    spent = [(seconds, words) for part, words in _SPENT.items() if (seconds := report.spent.get(part, 0.0)) > 0]
    parts = [f"{format_seconds(seconds)} {words}" for seconds, words in spent if seconds >= _LEAST_SECONDS]
    return f"{format_seconds(report.seconds)}{': ' if parts else ''}{', '.join(parts)}"


def because(report: Report) -> str:
    """Return what made the verdict, and what was waived, in a sentence or two."""
    return " ".join(text for text in (_verdict(report), _waivers(report)) if text)


def _verdict(report: Report) -> str:
    if report.verdict is Verdict.NOT_BLESSED:
        return _not_blessed(report)
    if report.verdict is Verdict.UNDECIDED:
        return _undecided(report)
    if report.verdict is Verdict.NOTHING_CHECKED:
        return "No check came to an answer, and nothing is blessed without evidence."
    warned = [check for check in report.checks if outcome(check) == "warning"]
    said = "Every check that ran passed."
    if warned:
        said = f"Nothing failed that blocks; {_names(warned)} deserve{'s' if len(warned) == 1 else ''} a look."
    return said if _was_loaded(report) else f"{said} The model was not loaded: whether it runs is not known."


def _was_loaded(report: Report) -> bool:
    """Tell whether a check that loads or runs the model came to an answer: codes say the cost in their first digit."""
    answered = [check for check in report.checks if check.verdict in (CheckVerdict.PASS, CheckVerdict.FAIL)]
    return any(check.code[-3:-2] in ("2", "3") for check in answered)


def _undecided(report: Report) -> str:
    open_ends = [check for check in report.checks if check.code in report.undecided_by]
    broken = [check for check in open_ends if outcome(check) == "error"]
    if broken:
        return f"{_names(broken)} could not be made, so nothing is known either way."
    if report.model.get("format") == _KERAS_FILE:
        return (
            f"It is a Keras file, which has no graph, so {_names(open_ends)} could not be answered: export it first "
            "(`tfx-savedmodel export MODEL DEST --signature serving_default=model`), or ask with `--policy untrusted` "
            "whether it can be loaded without harm."
        )
    return f"What had to be seen was skipped ({_names(open_ends)}), so nothing is known either way."


def _waivers(report: Report) -> str:
    waived = [check for check in report.checks if check.waived]
    if not waived:
        return ""
    count = sum(map(waived_count, waived))
    text = f"{_findings(count)} of {_names(waived)} {'is' if count == 1 else 'are'} waived"
    reasons = [check.reason or "" for check in report.checks if check.blocked]
    if any(check.code in reason for check in waived for reason in reasons):
        return f"{text}; a waiver lets nothing be loaded, a policy that says `trusted` does."
    return f"{text}."


def _findings(count: int) -> str:
    return f"{count} finding{'s' if count != 1 else ''}"


def _not_blessed(report: Report) -> str:
    failed = [check for check in report.checks if outcome(check) == "fail"]
    blocked = [upstream for upstream in report.upstream if not upstream.blessed]
    sentences = []
    if failed:
        sentences.append(f"{_names(failed)} failed.")
    if blocked:
        count = len(blocked)
        sentences.append(f"{count} upstream blessing{'s are' if count != 1 else ' is'} missing.")
    return " ".join(sentences)


def _names(checks: list[CheckResult]) -> str:
    names = [f"{check.code} {check.name}" for check in checks]
    if len(names) > _MAX_NAMES:
        names = [*names[: _MAX_NAMES - 1], f"{len(names) - _MAX_NAMES + 1} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
