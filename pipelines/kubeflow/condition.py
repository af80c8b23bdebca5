"""Trigger conditions: the part of CEL that TFX writes, and what else is as plain as that."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from pipelines.kubeflow import cel
from pipelines.kubeflow.cel import CelError, Node
from tfx_savedmodel.errors import UsageError

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<string>'[^'\\]*'|"[^"\\]*")
    |(?P<name>[A-Za-z_]\w*)|(?P<sign>==|!=|<=|>=|&&|\|\||[<>!+\-().\[\]]))""",
    re.VERBOSE,
)
_LITERALS = {"true": True, "false": False}


@dataclasses.dataclass(frozen=True)
class Condition:
    """A condition over a task's ExecutorInput."""

    text: str
    _node: Node = dataclasses.field(repr=False, compare=False)

    def holds(self, executor_input: Mapping[str, Any]) -> bool:
        """Return whether the task is to run.

        Raises:
          UsageError: it names what is not there, or compares what cannot be compared.
        """
        try:
            found = self._node.value({"inputs": executor_input["inputs"]})
        except CelError as error:
            raise UsageError(
                "a trigger condition cannot be evaluated",
                where=self.text,
                found=str(error),
                next_step="look at the metadata of the artifact that it names",
            ) from error
        if not isinstance(found, bool):
            raise UsageError("a trigger condition is neither true nor false", where=self.text, found=repr(found))
        return found


def parse_condition(text: str, where: str) -> Condition:
    """Return the condition.

    Raises:
      UsageError: it has something that is not understood, or an operator that its sides do not have.
    """
    try:
        return Condition(text, _Parser(text, where).whole())
    except CelError as error:
        raise UsageError(
            "a trigger condition is wrong by the rules of CEL",
            where=f"{where}: {text}",
            found=str(error),
            wanted="fields of ExecutorInput, and sides of one type: 1.0 beside a double, 1 beside an int",
        ) from error


class _Parser:
    """Makes a function of each part, from the loosest operator to the tightest."""

    def __init__(self, text: str, where: str) -> None:
        self._text, self._where = text, where
        self._tokens = list(self._split())
        self._place = 0

    def whole(self) -> Node:
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

    def _either(self) -> Node:
        left = self._both()
        while self._next_is("||"):
            self._take()
            left = cel.join("||", left, self._both())
        return left

    def _both(self) -> Node:
        left = self._relation()
        while self._next_is("&&"):
            self._take()
            left = cel.join("&&", left, self._relation())
        return left

    def _relation(self) -> Node:
        left = self._sum()
        while self._next_is(*cel.COMPARISONS):
            _, sign = self._take()
            left = cel.compare(sign, left, self._sum())
        return left

    def _sum(self) -> Node:
        left = self._unary()
        while self._next_is("+"):
            self._take()
            left = cel.add(left, self._unary())
        return left

    def _unary(self) -> Node:
        if self._next_is("!"):
            self._take()
            return cel.negate(self._unary())
        if self._next_is("-"):
            self._take()
            return cel.minus(self._unary())
        return self._member()

    def _member(self) -> Node:
        value = self._primary()
        while self._next_is(".", "["):
            if self._take()[1] == ".":
                kind, name = self._take()
                if kind != "name":
                    raise self._refused(f".{name}")
                value = cel.field(value, name)
            else:
                value = cel.item(value, self._either())
                self._take("]")
        return value

    def _primary(self) -> Node:
        kind, text = self._take()
        if kind == "number":
            return cel.constant(cel.INT, int(text)) if text.isdigit() else cel.constant(cel.DOUBLE, float(text))
        if kind == "string":
            return cel.constant(cel.STRING, text[1:-1])
        if kind == "name" and text in _LITERALS:
            return cel.constant(cel.BOOL, _LITERALS[text])
        if kind == "name" and text == "inputs":
            return cel.INPUTS
        if (kind, text) == ("sign", "("):
            value = self._either()
            self._take(")")
            return value
        raise self._refused(text)
