"""Which checks a policy asks for, made with its parameters; every mistake in the policy is said at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_savedmodel.errors import PolicyError, Problem
from tfx_savedmodel.validation.check import Check, ExampleCheck, GraphCheck, ModelCheck
from tfx_savedmodel.validation.near import did_you_mean
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.policy_problems import code_problems
from tfx_savedmodel.validation.registry import CHECKS
from tfx_savedmodel.validation.runner import GATES
from tfx_savedmodel.validation.third_party import find_checks


@dataclasses.dataclass(frozen=True)
class Selection:
    """The checks by kind. `gates` are made in any case where something is to be loaded; `order` is the report's."""

    graph: tuple[GraphCheck, ...]
    model: tuple[ModelCheck, ...]
    examples: tuple[ExampleCheck, ...]
    gates: tuple[GraphCheck, ...]
    order: tuple[str, ...] = ()

    @property
    def codes(self) -> frozenset[str]:
        """The codes of the checks that are made and reported."""
        return frozenset(check.code for check in (*self.graph, *self.model, *self.examples))


def known_checks(policy: Policy) -> tuple[type[Check], ...]:
    """Return our checks and those that the policy brings, in the order of the report.

    Raises:
      PolicyError: a check of the policy that cannot be imported or breaks the protocol.
    """
    theirs, problems = find_checks(policy.checks, CHECKS)
    _refuse(policy, problems)
    return (*CHECKS, *theirs)


def select(policy: Policy, overrides: Mapping[str, Mapping[str, Any]]) -> Selection:
    """Return the checks that the policy selects; `overrides` are further parameters by code, our own.

    Raises:
      PolicyError: every code or parameter that no check has, every parameter of a wrong type, every check
        of the policy that cannot be used.
    """
    theirs, problems = find_checks(policy.checks, CHECKS)
    checks = (*CHECKS, *theirs)
    # Where a check of theirs cannot be imported, nobody knows which codes it would have brought.
    problems += code_problems(policy, checks, all_known=len(theirs) == len(policy.checks))
    made: list[Check] = []
    for kind in checks:
        given = policy.parameters.get(kind.code, {})
        faults = _parameter_problems(kind, given)
        problems += faults
        if not faults:
            made.append(dataclasses.replace(_make(kind, given), **overrides.get(kind.code, {})))
    _refuse(policy, problems)
    chosen = [check for check in made if policy.selects(check.code)]
    gates = [check for check in made if check.code in GATES and check not in chosen]
    return Selection(
        graph=tuple(check for check in chosen if isinstance(check, GraphCheck)),
        model=tuple(check for check in chosen if isinstance(check, ModelCheck)),
        examples=tuple(check for check in chosen if isinstance(check, ExampleCheck)),
        gates=tuple(check for check in gates if isinstance(check, GraphCheck)),
        order=tuple(check.code for check in checks),
    )


def _refuse(policy: Policy, problems: Sequence[Problem]) -> None:
    if problems:
        count = len(problems)
        raise PolicyError(
            f"{count} mistake{'s' if count != 1 else ''} in the policy",
            where=policy.name,
            next_step="`tfx-savedmodel checks` lists the codes, `tfx-savedmodel checks CODE` the parameters of one",
            problems=problems,
        )


def _make(kind: type[Check], parameters: Mapping[str, Any]) -> Check:
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    if all(_needs_no_proof(value, defaults.get(name)) for name, value in parameters.items()):
        return kind(**parameters)
    import pydantic  # only for who sets parameters: it takes longer to import than a graph check

    made: Check = pydantic.TypeAdapter(kind).validate_python(dict(parameters))
    return made


def _needs_no_proof(value: Any, default: Any) -> bool:
    """Tell whether a value is plainly of its default's type: what presets set is."""
    return type(value) is type(default) and (isinstance(value, bool) or value == ())


def _parameter_problems(kind: type[Check], parameters: Mapping[str, Any]) -> list[Problem]:
    place = f"parameters.{kind.code}"
    if not isinstance(parameters, Mapping):
        return [Problem(place, "no parameters by name", repr(parameters), "an object")]
    fields = {field.name: field for field in dataclasses.fields(kind)}
    names = ", ".join(fields) or "none: it has no parameters"
    problems = [
        Problem(f"{place}.{name}", "the check has no such parameter", name, names, did_you_mean(name, fields))
        for name in sorted(set(parameters) - set(fields))
    ]
    missing = [name for name, field in fields.items() if name not in parameters and not _has_default(field)]
    problems += [Problem(f"{place}.{name}", "the check needs this parameter", "nothing", "a value") for name in missing]
    return problems or _type_problems(kind, parameters, place)


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _type_problems(kind: type[Check], parameters: Mapping[str, Any], place: str) -> list[Problem]:
    try:
        _make(kind, parameters)
    except Exception as error:
        # pydantic's own errors say which parameter; a check may also refuse a value while it is made.
        found = getattr(error, "errors", None)
        if found is None:
            return [Problem(place, "the parameters cannot be used", f"{type(error).__name__}: {error}")]
        return [
            Problem(".".join([place, *map(str, item["loc"])]), item["msg"], repr(item.get("input"))[:100])
            for item in found()
        ]
    return []
