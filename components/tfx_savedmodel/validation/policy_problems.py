"""What a policy names that does not exist, and what it must not say."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence

from tfx_savedmodel.errors import Problem
from tfx_savedmodel.validation.check import Check
from tfx_savedmodel.validation.near import near
from tfx_savedmodel.validation.policy import Policy


def code_problems(policy: Policy, checks: Sequence[type[Check]], *, all_known: bool = True) -> list[Problem]:
    """Return every mistake in a policy that its types do not show.

    Args:
      checks: those there are.
      all_known: whether `checks` are all that the policy can name; else only our own codes are judged.
    """
    codes = {check.code for check in checks}
    return [
        problem
        for problem in (*_prefixes(policy, codes, checks), *_whole_codes(policy, codes, checks))
        if all_known or problem.found.startswith("SM") or problem.message not in (_NO_CODE, _NO_PREFIX)
    ] + list(_values(policy))


_NO_PREFIX = "no check's code begins so"
_NO_CODE = "no check has this code"


def _prefixes(policy: Policy, codes: Collection[str], checks: Sequence[type[Check]]) -> Iterator[Problem]:
    named = {
        "select": policy.select,
        "ignore": policy.ignore,
        "required": policy.required,
        "optional": policy.optional,
        "severity": tuple(policy.severity),
    }
    for field, prefixes in named.items():
        for prefix in prefixes:
            if not prefix or not any(code.startswith(prefix) for code in codes):
                yield _no_code(f"{field}", _NO_PREFIX, prefix, checks)


def _whole_codes(policy: Policy, codes: Collection[str], checks: Sequence[type[Check]]) -> Iterator[Problem]:
    for number, waiver in enumerate(policy.waive):
        if waiver.code not in codes:
            yield _no_code(f"waive[{number}].code", _NO_CODE, waiver.code, checks)
    for code in policy.parameters:
        if code not in codes:
            yield _no_code("parameters", _NO_CODE, code, checks)


def _values(policy: Policy) -> Iterator[Problem]:
    for number, waiver in enumerate(policy.waive):
        if not waiver.reason.strip():
            wanted = "why somebody may live with it: the report shows it"
            yield Problem(f"waive[{number}].reason", "a waiver without a reason", repr(waiver.reason), wanted)
    for name, value in dataclasses.asdict(policy.limits).items():
        if not value > 0:
            yield Problem(f"limits.{name}", "a limit that nothing can keep", str(value), "more than 0")


def _no_code(where: str, message: str, found: str, checks: Sequence[type[Check]]) -> Problem:
    close = near_checks(found, checks)
    next_step = f"did you mean {' or '.join(f'{check.code} {check.name}' for check in close)}?" if close else ""
    wanted = "" if close else "one of " + ", ".join(check.code for check in checks)
    return Problem(where, message, found, wanted, next_step)


def near_checks(found: str, checks: Sequence[type[Check]]) -> list[type[Check]]:
    """Return the checks that somebody may have meant, by code or name, the best first."""
    by_word = {word: check for check in checks for word in (check.code, check.name)}
    return list(dict.fromkeys(by_word[word] for word in near(found, by_word)))
