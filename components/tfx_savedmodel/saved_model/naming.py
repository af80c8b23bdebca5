"""The names that the user gave, in the places of the temporary ones that stand for them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from tfx_savedmodel.errors import TfxSavedModelError

Value = TypeVar("Value")


def renamed(value: Value, names: Mapping[str, str]) -> Value:
    """Return text, or data that holds some, with each key of `names` replaced by its value; the last goes first."""
    return _renamed(value, names) if names else value


@contextlib.contextmanager
def naming(names: Mapping[str, str]) -> Iterator[None]:
    """Rename in the errors that the block raises."""
    try:
        yield
    except TfxSavedModelError as error:
        rename_error(error, names)
        raise


def rename_error(error: TfxSavedModelError, names: Mapping[str, str]) -> None:
    """Rename in the fields and the text of an error."""
    error.args = renamed(error.args, names)
    for field, value in list(vars(error).items()):
        setattr(error, field, renamed(value, names))


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if type(value) is str:  # an enum of texts stays what it is
        for local, uri in reversed(list(names.items())):  # a file's own name before its folder's
            value = value.replace(local, uri)
        return value
    if isinstance(value, Mapping):
        return {_renamed(key, names): _renamed(item, names) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_renamed(item, names) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {field.name: _renamed(getattr(value, field.name), names) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **changes)
    return value
