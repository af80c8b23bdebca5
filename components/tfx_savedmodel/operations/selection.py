"""Which checks a policy asks for, made with its parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.errors import PolicyError
from tfx_savedmodel.validation.check import Check, ExampleCheck, GraphCheck, ModelCheck
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.registry import CHECKS
from tfx_savedmodel.validation.runner import GATES


@dataclasses.dataclass(frozen=True)
class Selection:
    """The checks by kind. `gates` are made in any case where something is to be loaded."""

    graph: tuple[GraphCheck, ...]
    model: tuple[ModelCheck, ...]
    examples: tuple[ExampleCheck, ...]
    gates: tuple[GraphCheck, ...]


def select(policy: Policy, overrides: Mapping[str, Mapping[str, Any]]) -> Selection:
    """Return the checks that the policy selects; `overrides` are further parameters by code, our own.

    Raises:
      PolicyError: a code or a parameter that no check has, or one of a wrong type.
    """
    _check_codes(policy)
    made = [
        dataclasses.replace(_make(check, policy.parameters.get(check.code, {})), **overrides.get(check.code, {}))
        for check in CHECKS
    ]
    chosen = [check for check in made if policy.selects(check.code)]
    gates = [check for check in made if check.code in GATES and check not in chosen]
    return Selection(
        graph=tuple(check for check in chosen if isinstance(check, GraphCheck)),
        model=tuple(check for check in chosen if isinstance(check, ModelCheck)),
        examples=tuple(check for check in chosen if isinstance(check, ExampleCheck)),
        gates=tuple(check for check in gates if isinstance(check, GraphCheck)),
    )


def _check_codes(policy: Policy) -> None:
    codes = [check.code for check in CHECKS]
    named = {
        "select": policy.select,
        "ignore": policy.ignore,
        "required": policy.required,
        "severity": policy.severity,
        "waive": [waiver.code for waiver in policy.waive],
    }
    for field, prefixes in named.items():
        for prefix in prefixes:
            if not any(code.startswith(prefix) for code in codes):
                raise PolicyError("no check has this code", where=field, found=prefix, wanted=", ".join(codes))
    for code in policy.parameters:
        if code not in codes:
            raise PolicyError("no check has this code", where="parameters", found=code, wanted=", ".join(codes))


def _make(check: type[Check], parameters: Mapping[str, Any]) -> Check:
    fields = {field.name: field for field in dataclasses.fields(check)}
    unknown = sorted(set(parameters) - set(fields))
    if unknown:
        raise PolicyError(
            "the check has no such parameter",
            where=f"parameters.{check.code}",
            found=", ".join(unknown),
            wanted=", ".join(fields) or "none: it has no parameters",
        )
    if not parameters:
        return check()
    import pydantic

    try:
        return pydantic.TypeAdapter(check).validate_python(dict(parameters))
    except pydantic.ValidationError as error:
        raise PolicyError(
            "a parameter cannot be used", where=f"parameters.{check.code}", found=str(error), wanted=str(fields)
        ) from error
