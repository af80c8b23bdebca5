"""Trigger conditions: the part of CEL that TFX writes, and what else is as plain as that."""

from __future__ import annotations

import dataclasses
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from tfx_savedmodel.errors import UsageError

_Value = Callable[[Mapping[str, Any]], Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<string>'[^'\\]*'|"[^"\\]*")
    |(?P<name>[A-Za-z_]\w*)|(?P<sign>==|!=|<=|>=|&&|\|\||[<>!+\-().\[\]]))""",
    re.VERBOSE,
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
#: The fields of ExecutorInput that a condition may name, and what its JSON form calls them.
_FIELDS = {"artifacts": "artifacts", "parameter_values": "parameterValues", "uri": "uri", "metadata": "metadata"}
_LITERALS = {"true": True, "false": False}


@dataclasses.dataclass(frozen=True)
class Condition:
    """A condition over a task's ExecutorInput."""

    text: str
    _value: _Value = dataclasses.field(repr=False, compare=False)

    def holds(self, executor_input: Mapping[str, Any]) -> bool:
        """Return whether the task is to run.

        Raises:
          UsageError: it names what is not there, or compares what cannot be compared.
        """
        try:
            found = self._value({"inputs": executor_input["inputs"]})
        except (KeyError, IndexError, TypeError) as error:
            raise UsageError(
                "a trigger condition cannot be evaluated",
                where=self.text,
                found=f"{type(error).__name__}: {error}",
                next_step="look at the metadata of the artifact that it names",
            ) from error
        if not isinstance(found, bool):
            raise UsageError("a trigger condition is neither true nor false", where=self.text, found=repr(found))
        return found


def parse_condition(text: str, where: str) -> Condition:
    """Return the condition.

    Raises:
      UsageError: it has something that is not understood.
    """
    return Condition(text, _Parser(text, where).whole())


class _Parser:
    """Makes a function of each part, from the loosest operator to the tightest."""

    def __init__(self, text: str, where: str) -> None:
        self._text, self._where = text, where
        self._tokens = list(self._split())
        self._place = 0

    def whole(self) -> _Value:
        value = self._either()
        if self._place < len(self._tokens):
            raise self._refused(self._tokens[self._place][1])
        return value

    def _split(self) -> list[tuple[str, str]]:
        tokens, place = [], 0
        while place < len(self._text.rstrip()):
            match = _TOKEN.match(self._text, place)
            if match is None:
                raise self._refused(self._text[place:])
            kind = match.lastgroup or ""
            tokens.append((kind, match[kind]))
            place = match.end()
        return tokens

    def _refused(self, found: str) -> UsageError:
        return UsageError(
            "a trigger condition is not understood",
            where=f"{self._where}: {self._text}",
            found=found,
            wanted="comparisons of numbers, strings, and properties of artifacts, joined by &&, || and !",
        )

    def _next_is(self, *signs: str) -> bool:
        return self._place < len(self._tokens) and self._tokens[self._place] in [("sign", sign) for sign in signs]

    def _take(self, wanted: str | None = None) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise self._refused("its end")
        token = self._tokens[self._place]
        if wanted is not None and token != ("sign", wanted):
            raise self._refused(token[1])
        self._place += 1
        return token

    def _either(self) -> _Value:
        left = self._both()
        while self._next_is("||"):
            self._take()
            left = _or(left, self._both())
        return left

    def _both(self) -> _Value:
        left = self._relation()
        while self._next_is("&&"):
            self._take()
            left = _and(left, self._relation())
        return left

    def _relation(self) -> _Value:
        left = self._sum()
        if self._next_is(*_COMPARISONS):
            _, sign = self._take()
            left = _compare(sign, left, self._sum())
        return left

    def _sum(self) -> _Value:
        left = self._unary()
        while self._next_is("+"):
            self._take()
            left = _add(left, self._unary())
        return left

    def _unary(self) -> _Value:
        if self._next_is("!"):
            self._take()
            return _not(self._unary())
        if self._next_is("-"):
            self._take()
            return _minus(self._unary())
        return self._member()

    def _member(self) -> _Value:
        value = self._primary()
        while self._next_is(".", "["):
            if self._take()[1] == ".":
                kind, name = self._take()
                if kind != "name" or name not in _FIELDS:
                    raise self._refused(f".{name}")
                value = _item(value, _constant(_FIELDS[name]))
            else:
                value = _item(value, self._either())
                self._take("]")
        return value

    def _primary(self) -> _Value:
        kind, text = self._take()
        if kind == "number":
            return _constant(float(text))
        if kind == "string":
            return _constant(text[1:-1])
        if kind == "name" and text in _LITERALS:
            return _constant(_LITERALS[text])
        if kind == "name" and text == "inputs":
            return lambda scope: scope["inputs"]
        if (kind, text) == ("sign", "("):
            value = self._either()
            self._take(")")
            return value
        raise self._refused(text)


def _constant(value: Any) -> _Value:
    return lambda _: value


def _item(whole: _Value, key: _Value) -> _Value:
    def value(scope: Mapping[str, Any]) -> Any:
        container, index = whole(scope), key(scope)
        return container[int(index) if isinstance(container, list) else index]

    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _or(left: _Value, right: _Value) -> _Value:
    return lambda scope: _truth(left(scope)) or _truth(right(scope))


def _and(left: _Value, right: _Value) -> _Value:
    return lambda scope: _truth(left(scope)) and _truth(right(scope))


def _not(value: _Value) -> _Value:
    return lambda scope: not _truth(value(scope))


def _minus(value: _Value) -> _Value:
    return lambda scope: -value(scope)


def _add(left: _Value, right: _Value) -> _Value:
    return lambda scope: left(scope) + right(scope)


def _compare(sign: str, left: _Value, right: _Value) -> _Value:
    def value(scope: Mapping[str, Any]) -> bool:
        return _COMPARISONS[sign](left(scope), right(scope))

    return value
