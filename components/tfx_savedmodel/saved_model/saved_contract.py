"""A contract saved as JSON, which is what `tfx-savedmodel inspect --format json` prints, read strictly.

Anybody may have edited the file: whatever in it is not of that form is refused with its place, as half a
contract would let a breaking change pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model.facts import SCHEMA_VERSION
from tfx_savedmodel.saved_model.view import KINDS

_WRITE_AGAIN = "write it again: tfx-savedmodel inspect MODEL --format json > contract.json"
_ABSENT: Any = object()
_NAMES = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", int: "a number", float: "a number"}


def read_contract(path: Path, name: str) -> dict[str, Any]:
    """Return a saved contract, whose `meta_graphs` have tags and signatures as `inspect` writes them.

    Args:
      path: where it lies.
      name: what the caller calls it, for errors.

    Raises:
      UnreadableModelError: no JSON, no contract, one of another version, or a malformed one, with the place.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableModelError(
            "this file is no contract",
            where=name,
            found=f"no readable JSON: {error}",
            wanted="the JSON that `tfx-savedmodel inspect --format json` prints",
            next_step=f"name the directory of a model, or {_WRITE_AGAIN}",
        ) from error
    return check_contract(value, name)


def check_contract(value: Any, name: str) -> dict[str, Any]:
    """Return a contract that is already in memory, such as what `inspect` returns.

    Raises:
      UnreadableModelError: as `read_contract`.
    """
    _Reader(name).contract(value)
    contract: dict[str, Any] = value
    return contract


class _Reader:
    """Goes through a contract and refuses the first thing that is not of its form."""

    def __init__(self, name: str) -> None:
        self._name = name

    def contract(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise UnreadableModelError(
                "this file is no contract",
                where=self._name,
                found=f"a JSON document that is {_described(value)}",
                wanted="an object with schema_version and meta_graphs",
                next_step=_WRITE_AGAIN,
            )
        version = value.get("schema_version", _ABSENT)
        if isinstance(version, bool) or version != SCHEMA_VERSION:
            self._refuse(
                "schema_version",
                version,
                str(SCHEMA_VERSION),
                message="this is no contract of a version that can be read here",
            )
        if value.get("fault"):
            return  # The model could not be read when this was written: the caller says so.
        meta_graphs = self._of(list, value, "meta_graphs", "")
        if not meta_graphs:
            self._refuse("meta_graphs", meta_graphs, "at least one MetaGraph")
        for number, item in enumerate(meta_graphs):
            self._meta_graph(item, f"meta_graphs[{number}]")
            if any(set(other["tags"]) == set(item["tags"]) for other in meta_graphs[:number]):
                self._refuse(f"meta_graphs[{number}].tags", item["tags"], "tags that no other MetaGraph has")

    def _meta_graph(self, value: Any, place: str) -> None:
        self._is(dict, value, place)
        for number, tag in enumerate(self._of(list, value, "tags", place)):
            self._is(str, tag, f"{place}.tags[{number}]")
        for key, signature in self._of(dict, value, "signatures", place).items():
            self._signature(signature, f"{place}.signatures[{key!r}]")

    def _signature(self, value: Any, place: str) -> None:
        self._is(dict, value, place)
        self._of(str, value, "method_name", place)
        for side in ("inputs", "outputs"):
            for name, spec in self._of(dict, value, side, place).items():
                self._spec(spec, f"{place}.{side}[{name!r}]")

    def _spec(self, value: Any, place: str) -> None:
        self._is(dict, value, place)
        self._of(str, value, "dtype", place)
        shape = value.get("shape", _ABSENT)
        if shape is not None and not isinstance(shape, list):
            self._refuse(f"{place}.shape", shape, "a list, or null where the rank is unknown")
        for number, size in enumerate(shape or ()):
            if size is not None and (type(size) is not int or size < 0):
                wanted = "a number of at least 0, or null for an open dimension"
                self._refuse(f"{place}.shape[{number}]", size, wanted)
        if value.get("kind", KINDS[0]) not in KINDS:
            self._refuse(f"{place}.kind", value["kind"], f"one of {', '.join(KINDS)}; absent means {KINDS[0]}")

    def _of(self, kind: type, value: Mapping[str, Any], key: str, place: str) -> Any:
        """Return what `value` has under `key`, which has to be a `kind`."""
        return self._is(kind, value.get(key, _ABSENT), f"{place}.{key}".lstrip("."))

    def _is(self, kind: type, value: Any, place: str) -> Any:
        if not isinstance(value, kind):
            self._refuse(place, value, _NAMES[kind])
        return value

    def _refuse(self, place: str, found: Any, wanted: str, *, message: str = "this contract is malformed") -> NoReturn:
        raise UnreadableModelError(
            message,
            where=f"{self._name}: {place}",
            found=_described(found),
            wanted=wanted,
            next_step=_WRITE_AGAIN,
        )


def _described(value: Any) -> str:
    """Return what a JSON value is, in a few words."""
    if value is _ABSENT:
        return "nothing: it is missing"
    if value is None:
        return "null"
    if isinstance(value, (dict, list)):
        return _NAMES[type(value)] if value else f"an empty {_NAMES[type(value)].split()[-1]}"
    text = json.dumps(value, ensure_ascii=False)
    return f"{_NAMES[type(value)]}, {text if len(text) <= 60 else f'{text[:60]}…'}"
