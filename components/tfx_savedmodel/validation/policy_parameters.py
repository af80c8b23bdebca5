"""Parameters that a policy sets of a check: whether they fit, and the check made with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.errors import Problem
from tfx_savedmodel.validation.check import Check
from tfx_savedmodel.validation.near import did_you_mean


def make_check(kind: type[Check], parameters: Mapping[str, Any]) -> Check:
    """Return the check with parameters as a JSON file has them; `parameter_problems` says whether they fit."""
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    if all(_needs_no_proof(value, defaults.get(name)) for name, value in parameters.items()):
        return kind(**parameters)
    import pydantic  # only for who sets parameters: it takes longer to import than a graph check

    made: Check = pydantic.TypeAdapter(kind).validate_python(dict(parameters))
    return made


def parameter_problems(kind: type[Check], parameters: Any) -> list[Problem]:
    """Return what is wrong with a check's parameters: those it does not have, those it lacks, wrong types."""
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
    if missing:
        return problems
    # A wrong type is told beside an unknown name, so that whoever mends one does not meet the other after it.
    return problems + _type_problems(kind, {name: parameters[name] for name in parameters if name in fields}, place)


def _needs_no_proof(value: Any, default: Any) -> bool:
    """Tell whether a value is plainly of its default's type: what presets set is."""
    return type(value) is type(default) and (isinstance(value, bool) or value == ())


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _type_problems(kind: type[Check], parameters: Mapping[str, Any], place: str) -> list[Problem]:
    try:
        make_check(kind, parameters)
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
