"""Which checks a policy asks for, made with its parameters; every mistake in the policy is said at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.validation.check import Check, ExampleCheck, GraphCheck, ModelCheck
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.policy_parameters import make_check
from tfx_savedmodel.validation.policy_problems import find_problems, mistakes
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
    if problems:
        raise mistakes(problems, policy.name)
    return (*CHECKS, *theirs)


def select(policy: Policy, overrides: Mapping[str, Mapping[str, Any]]) -> Selection:
    """Return the checks that the policy selects; `overrides` are further parameters by code, our own.

    Raises:
      PolicyError: every code or parameter that no check has, every parameter of a wrong type, every check
        of the policy that cannot be used.
    """
    checks, problems = find_problems(dataclasses.asdict(policy))
    if problems:
        raise mistakes(problems, policy.name)
    made: list[Check] = []
    for kind in checks:
        check = make_check(kind, policy.parameters.get(kind.code, {}))
        made.append(dataclasses.replace(check, **overrides.get(kind.code, {})))
    chosen = [check for check in made if policy.selects(check.code)]
    gates = [check for check in made if check.code in GATES and check not in chosen]
    return Selection(
        graph=tuple(check for check in chosen if isinstance(check, GraphCheck)),
        model=tuple(check for check in chosen if isinstance(check, ModelCheck)),
        examples=tuple(check for check in chosen if isinstance(check, ExampleCheck)),
        gates=tuple(check for check in gates if isinstance(check, GraphCheck)),
        order=tuple(check.code for check in checks),
    )
