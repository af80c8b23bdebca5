"""What a policy names that does not exist, and what it must not say.

A policy is looked at as the mapping that its JSON document is, so that also of a document with mistakes all that can
be looked at is, and each mistake has its place in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfx_savedmodel.errors import PolicyError, Problem
from tfx_savedmodel.validation.check import Check
from tfx_savedmodel.validation.near_codes import meant_codes
from tfx_savedmodel.validation.policy import needs_a_load
from tfx_savedmodel.validation.policy_parameters import parameter_problems
from tfx_savedmodel.validation.presets import PRESETS
from tfx_savedmodel.validation.registry import CHECKS
from tfx_savedmodel.validation.third_party import find_checks

#: Fields that are lists of the beginnings of codes.
_LISTS = ("select", "ignore", "required", "optional")

_NO_PREFIX = "no check's code begins so"
_NO_CODE = "no check has this code"


def find_problems(document: Mapping[str, Any]) -> tuple[tuple[type[Check], ...], list[Problem]]:
    """Return the checks that a policy can name, ours and its own, and every mistake that its types do not show.

    Args:
      document: a policy's fields as in JSON, by name; what has a wrong type is passed over.
    """
    paths = [path if isinstance(path, str) else "" for path in _list(document, "checks")]
    theirs, problems = find_checks(paths, CHECKS)
    checks = (*CHECKS, *theirs)
    # Where a check of theirs cannot be imported, nobody knows which codes it would have brought.
    problems += _codes(document, checks, all_known=len(theirs) == len(paths))
    problems += _values(document)
    given = _mapping(document, "parameters")
    for kind in checks:
        problems += parameter_problems(kind, given.get(kind.code, {}))
    return checks, problems


def mistakes(problems: Sequence[Problem], where: str) -> PolicyError:
    """Return the error that tells all mistakes of the policy at `where`: its file, or what it is called."""
    count = len(problems)
    return PolicyError(
        f"{count} mistake{'s' if count != 1 else ''} in the policy",
        where=where,
        next_step="`tfx-savedmodel checks` lists the codes, `tfx-savedmodel checks CODE` the parameters of one; "
        "with --policy FILE also those of checks that a policy brings",
        problems=problems,
    )


def _codes(document: Mapping[str, Any], checks: Sequence[type[Check]], *, all_known: bool) -> Iterator[Problem]:
    names = {check.code: check.name for check in checks}
    for where, found, whole in _named(document):
        there = found in names if whole else bool(found) and any(code.startswith(found) for code in names)
        if there or not (all_known or found.startswith("SM")):
            continue
        hint = meant_codes(found, names)
        yield Problem(
            where, _NO_CODE if whole else _NO_PREFIX, found, "" if hint else f"one of {', '.join(names)}", hint
        )


def _named(document: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield (place, code, whether it has to be a whole one) for each code that the document names."""
    for field in _LISTS:
        for number, prefix in enumerate(_list(document, field)):
            if isinstance(prefix, str):
                yield f"{field}[{number}]", prefix, False
    for prefix in _mapping(document, "severity"):
        yield f"severity.{prefix}", prefix, False
    for number, waiver in enumerate(_list(document, "waive")):
        if isinstance(waiver, Mapping) and isinstance(waiver.get("code"), str):
            yield f"waive[{number}].code", waiver["code"], True
    for code in _mapping(document, "parameters"):
        yield f"parameters.{code}", code, True


def _values(document: Mapping[str, Any]) -> Iterator[Problem]:
    for number, waiver in enumerate(_list(document, "waive")):
        reason = waiver.get("reason") if isinstance(waiver, Mapping) else None
        if isinstance(reason, str) and not reason.strip():
            wanted = "why somebody may live with it: the report shows it"
            yield Problem(f"waive[{number}].reason", "a waiver without a reason", repr(reason), wanted)
    for name, value in _mapping(document, "limits").items():
        if isinstance(value, (int, float)) and not value > 0:
            yield Problem(f"limits.{name}", "a limit that nothing can keep", str(value), "more than 0")
    yield from _loads(document)


def _loads(document: Mapping[str, Any]) -> Iterator[Problem]:
    """A policy that loads nothing must not ask for what only a load can answer: it would never be answered."""
    preset, said = document.get("preset"), document.get("loads")
    starts_so = isinstance(preset, str) and preset in PRESETS and not PRESETS[preset].loads
    if starts_so and said is True:
        wanted = "a policy that starts from a preset that loads models, such as default"
        yield Problem("loads", f"the preset {preset} loads nothing", "true", wanted)
    if not (starts_so or said is False):
        return
    next_step = "take another preset, such as default: what SM101, SM120 or SM121 finds fault with it does not load"
    for field in ("select", "required"):
        for number, prefix in enumerate(_list(document, field)):
            if isinstance(prefix, str) and needs_a_load(prefix):
                wanted = "codes of checks that only read the graph, such as SM1"
                yield Problem(f"{field}[{number}]", "this policy loads nothing", prefix, wanted, next_step)
    if document.get("trusted") is True:
        yield Problem("trusted", "this policy loads nothing, trusted or not", "true", "false, or nothing", next_step)


def _list(document: Mapping[str, Any], field: str) -> Sequence[Any]:
    value = document.get(field)
    return value if isinstance(value, (list, tuple)) else ()


def _mapping(document: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = document.get(field)
    return value if isinstance(value, Mapping) else {}
