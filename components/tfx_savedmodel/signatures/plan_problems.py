"""What pydantic finds wrong with the form of a plan, in the words of those who write one."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Sequence
from typing import Any

import pydantic

from tfx_savedmodel.errors import Problem

#: What a JSON value should have been, by the first word of pydantic's error type.
_WANTED = {
    "tuple": "a list",
    "list": "a list",
    "dict": "an object",
    "mapping": "an object",
    "model": "an object",
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}


def near(name: str, names: Iterable[str]) -> str:
    """Return "did you mean …?" with the name that is nearest, or nothing."""
    found = difflib.get_close_matches(name, list(names), 1, cutoff=0.7)
    return f"did you mean {found[0]!r}?" if found else ""


def problem_of_form(fault: Any, plan: type[pydantic.BaseModel]) -> Problem:
    """Return one of pydantic's errors as a mistake at a place of the plan."""
    place, kind, found = fault["loc"], fault["type"], fault.get("input")
    where = ".".join(str(part) for part in _in_document(place)) or "the plan"
    if kind == "union_tag_invalid":
        tags = fault["ctx"]["expected_tags"].replace("'", "")
        tag = str(fault["ctx"]["tag"])
        return Problem(where, "no such kind", found=tag, wanted=tags, next_step=near(tag, tags.split(", ")))
    if kind == "union_tag_not_found":
        return Problem(where, "no kind", found=_shown(found), wanted='"kind": "serve_examples", or another')
    if kind == "extra_forbidden":
        fields = _fields(plan, place[:-1])
        name = str(place[-1])
        next_step = near(name, fields) or "remove or correct it"
        return Problem(where, "no such field", name, ", ".join(fields), next_step)
    if kind == "missing":
        return Problem(where, "a field is missing", found="nothing", wanted=str(place[-1]), next_step="add it")
    if kind == "value_error":
        return Problem(where, str(fault["ctx"]["error"]), found=_shown(found))
    if kind == "usage":
        said = fault["ctx"]
        return Problem(where, said["message"], _shown(found), said["wanted"], said["next_step"])
    if kind == "literal_error":
        return Problem(where, "no such value", found=_shown(found), wanted=fault["ctx"]["expected"].replace("'", ""))
    wanted = _WANTED.get(kind.split("_")[0])
    if wanted is not None and kind.endswith(("_type", "_parsing", "_attributes_type")):
        return Problem(where, "a value of another type", found=_shown(found), wanted=wanted)
    return Problem(where, fault["msg"], found=_shown(found))


def _in_document(place: Sequence[Any]) -> list[Any]:
    """Leave out the kind of a signature and the form of its classes, which pydantic names as if they were places."""
    if place and place[0] == "signatures":
        return [part for index, part in enumerate(place) if index != 2 and part != "Classes"]
    return list(place)


def _fields(model: Any, place: Sequence[Any]) -> list[str]:
    """Return the fields that an object at this place has; none where that cannot be told."""
    for part in place:
        model = next((found for found in _models(model) if _is_meant(found, part)), None) or _child(model, part)
    models = _models(model)
    return [name for name in models[0].model_fields if name != "kind"] if len(models) == 1 else []


def _is_meant(model: type[pydantic.BaseModel], part: Any) -> bool:
    kind = model.model_fields.get("kind")
    return model.__name__ == part or (kind is not None and kind.default == part)


def _child(model: Any, part: Any) -> Any:
    """Return the annotation of a field, or of a dictionary's values."""
    if isinstance(model, type) and issubclass(model, pydantic.BaseModel):
        field = model.model_fields.get(str(part))
        return field.annotation if field is not None else None
    arguments = typing.get_args(model)
    if typing.get_origin(model) in (types.UnionType, typing.Union):
        children = [_child(item, part) for item in arguments if item is not type(None)]
        return next((child for child in children if child is not None), None)
    return arguments[-1] if typing.get_origin(model) is dict else None


def _models(annotation: Any) -> list[type[pydantic.BaseModel]]:
    """Return the classes of ours in an annotation: itself, those of a union, not those inside of a dictionary."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return [annotation]
    if typing.get_origin(annotation) is typing.Annotated:
        return _models(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return [model for item in typing.get_args(annotation) for model in _models(item)]
    return []


def _shown(value: Any) -> str:
    return (repr(value) if isinstance(value, str) else str(value))[:200]
