"""What a policy may set of a check: the check's fields, and the texts below them in its source."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from tfx_savedmodel.validation.check import Check


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What a policy may set of a check: `type` in words, `default` as it is (None where it must be given),
    `about` what it means, or empty."""

    name: str
    type: str
    default: Any
    about: str = ""


def parameters_of(check: type[Check]) -> tuple[Parameter, ...]:
    """Return the check's parameters in the order of its fields."""
    return tuple(_parameters(check))


def _parameters(check: type[Check]) -> Iterator[Parameter]:
    about: dict[str, str] | None = None
    for field in dataclasses.fields(check):
        about = _remarks(check) if about is None else about
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        else:
            default = None if field.default is dataclasses.MISSING else field.default
        yield Parameter(field.name, _in_words(str(field.type)), default, about.get(field.name, ""))


def _remarks(check: type[Check]) -> dict[str, str]:
    """Return the texts that stand below a check's fields in its source."""
    try:
        (source,) = ast.parse(textwrap.dedent(inspect.getsource(check))).body
    except (OSError, TypeError, ValueError):
        return {}  # a class without source has no remarks
    assert isinstance(source, ast.ClassDef)
    remarks = {}
    for field, after in zip(source.body, source.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            remarks[field.target.id] = " ".join(after.value.value.split())
    return remarks


_TYPES = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "None": "null"}


def _in_words(annotation: str) -> str:
    """Return a field's type as somebody who writes JSON reads it."""
    return " or ".join(_one_in_words(part.strip()) for part in annotation.split(" | "))


def _one_in_words(annotation: str) -> str:
    if annotation in _TYPES:
        return _TYPES[annotation]
    if annotation.startswith(("tuple[", "list[", "Sequence[")):
        item = annotation.partition("[")[2].rstrip("]").partition(",")[0]
        return f"list of {_TYPES.get(item, item)}s"
    return "object" if annotation.startswith(("Mapping", "dict")) else annotation
