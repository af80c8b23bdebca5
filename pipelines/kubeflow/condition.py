"""Trigger conditions: the part of CEL that TFX writes, and what else is as plain as that."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from pipelines.kubeflow import cel
from pipelines.kubeflow.cel import CelError, Node, NotTaken
from tfx_savedmodel.errors import UsageError

_BLANKS = " \t\r\n\f"
_TOKEN = re.compile(
    rf"""[{_BLANKS}]*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<string>'[^'\\\r\n]*'|"[^"\\\r\n]*")
    |(?P<name>[A-Za-z_]\w*)|(?P<sign>==|!=|<=|>=|&&|\|\||[<>!+\-().\[\]]))""",
    re.VERBOSE | re.ASCII,
)
_LITERALS = {"true": True, "false": False}
#: What is no name, not even of a field.
_RESERVED = {*_LITERALS, "null", "in"}


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
        except (CelError, RecursionError) as error:
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
    except NotTaken as error:
        raise _not_understood(text, where, str(error)) from error
    except RecursionError as error:
        raise _not_understood(text, where, "operators and brackets nested too deeply") from error
    except CelError as error:
        raise UsageError(
            "a trigger condition is wrong by the rules of CEL",
            where=f"{where}: {text}",
            found=str(error),
            wanted="fields of ExecutorInput, and sides of one type: 1.0 beside a double, 1 beside an int",
        ) from error


def _not_understood(text: str, where: str, found: str) -> UsageError:
    return UsageError(
        "a trigger condition is not understood",
        where=f"{where}: {text}",
        found=found,
        wanted="comparisons and sums of numbers, strings, and properties of artifacts, joined by &&, || and !",
        next_step="write it without that; where it is CEL, Kubeflow takes it, and a run on this machine does not",
    )


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
        while place < len(self._text.rstrip(_BLANKS)):
            match = _TOKEN.match(self._text, place)
            if match is None:
                raise self._refused(self._text[place:])
            kind = match.lastgroup or ""
            tokens.append((kind, match[kind]))
            place = match.end()
        return tokens

    def _refused(self, found: str) -> UsageError:
        return _not_understood(self._text, self._where, found)

    def _next_is(self, *signs: str) -> bool:
        return self._place < len(self._tokens) and self._tokens[self._place] in [("sign", sign) for sign in signs]

    def _next_kind(self) -> str:
        return self._tokens[self._place][0] if self._place < len(self._tokens) else ""

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
        for sign, operator in (("!", cel.negate), ("-", cel.minus)):
            count = self._count(sign)
            if count == 1 and sign == "-" and self._next_kind() == "number":
                return self._member("-")  # the sign of the number
            if count:
                # An even row of them is nothing, whatever it stands before.
                return operator(self._member()) if count % 2 else self._member()
        return self._member()

    def _count(self, sign: str) -> int:
        start = self._place
        while self._next_is(sign):
            self._take()
        return self._place - start

    def _member(self, sign: str = "") -> Node:
        value = self._primary(sign)
        while self._next_is(".", "["):
            if self._take()[1] == ".":
                kind, name = self._take()
                if kind != "name" or name in _RESERVED or self._next_is("("):
                    raise self._refused(f".{name}")
                value = cel.field(value, name)
            else:
                value = cel.item(value, self._either())
                self._take("]")
        return value

    def _primary(self, sign: str = "") -> Node:
        kind, text = self._take()
        if kind == "number":
            return cel.number(sign + text)
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
