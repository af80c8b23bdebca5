"""The values and operators of trigger conditions, by the rules of CEL, in which Kubeflow's driver reads them.

An operator is checked twice, as there: by what is known of its sides when the condition is read, and by the values when
it is evaluated. What metadata and parameters hold is known only then.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

Scope = Mapping[str, Any]


class CelError(Exception):
    """An operator, field or index that the values have not."""


class NotTaken(CelError):
    """Something that CEL has, and that is not evaluated here."""


@dataclasses.dataclass(frozen=True, eq=False)
class Kind:
    """What is known of a value before it is evaluated.

    Attributes:
      name: as CEL calls it.
      empty: what it is where the JSON of a message leaves it out.
      fields: of a message, for each field its JSON name and its kind.
      index: of a map or list, the kind of its index.
      items: of a map or list, the kind of what it holds.
      untaken: of a message, the fields that it has and that are not read here.
      is_known: whether it is known of a value what it is; else only its evaluation says what it has.
    """

    name: str
    empty: Any = None
    fields: Mapping[str, tuple[str, Kind]] = dataclasses.field(default_factory=dict)
    index: Kind | None = None
    items: Kind | None = None
    untaken: frozenset[str] = frozenset()
    is_known: bool = True

    @property
    def has_messages(self) -> bool:
        """Whether its values are messages, or hold them."""
        return bool(self.fields) or (self.items is not None and self.items.has_messages)


BOOL, INT, DOUBLE, STRING = Kind("bool", False), Kind("int", 0), Kind("double", 0.0), Kind("string", "")
#: A value of metadata or of a parameter: anything that JSON can say.
DYN = Kind("dyn", is_known=False)
#: What such a value has under a key: cel-go takes it for the first kind that an operator has, in a sum for bytes.
_OPEN = Kind("dyn", is_known=False)
_BYTES = Kind("bytes")
_STRUCT = Kind("map(string, dyn)", {}, index=STRING, items=DYN)
_TYPE = Kind(
    "ArtifactTypeSchema",
    {},
    {
        "schema_title": ("schemaTitle", STRING),
        "schema_uri": ("schemaUri", STRING),
        "schema_version": ("schemaVersion", STRING),
        "instance_schema": ("instanceSchema", STRING),
    },
)
_ARTIFACT = Kind(
    "RuntimeArtifact",
    {},
    {"name": ("name", STRING), "type": ("type", _TYPE), "uri": ("uri", STRING), "metadata": ("metadata", _STRUCT)},
    untaken=frozenset({"properties", "custom_properties"}),
)
_LISTED = Kind("list(RuntimeArtifact)", [], index=INT, items=_ARTIFACT)
_ARTIFACT_LIST = Kind("ArtifactList", {}, {"artifacts": ("artifacts", _LISTED)})
_ARTIFACTS = Kind("map(string, ArtifactList)", {}, index=STRING, items=_ARTIFACT_LIST)
_INPUTS = Kind(
    "Inputs",
    {},
    {"artifacts": ("artifacts", _ARTIFACTS), "parameter_values": ("parameterValues", _STRUCT)},
    untaken=frozenset({"parameters"}),
)

#: An integer has 64 bits; what does not fit is an error and never becomes a double.
_INTEGERS = range(-(2**63), 2**63)

#: bool is a number in Python and none in CEL, so these are compared as they are, without subclasses.
_ORDERED = ({int, float}, {str}, {bool})
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
COMPARISONS = ("==", "!=", *_ORDERS)


@dataclasses.dataclass(frozen=True)
class Node:
    """A part of a condition: its kind, and how its value is found in an ExecutorInput."""

    kind: Kind
    value: Callable[[Scope], Any]


INPUTS = Node(_INPUTS, lambda scope: scope["inputs"])


def constant(kind: Kind, value: Any) -> Node:
    return Node(kind, lambda _: value)


def number(text: str) -> Node:
    """Return a literal, with its sign: the least integer is one, and without its sign it would not fit."""
    try:
        whole = int(text)
    except ValueError:
        if math.isinf(float(text)):
            raise CelError(f"{text} is no double") from None
        return constant(DOUBLE, float(text))
    if whole not in _INTEGERS:
        raise CelError(f"{text} is no int of 64 bits")
    return constant(INT, whole)


def field(whole: Node, name: str) -> Node:
    """Return a message's field, or what a map has under this name."""
    if not whole.kind.is_known or whole.kind.index is STRING:
        return dataclasses.replace(item(whole, constant(STRING, name)), kind=whole.kind.items or DYN)
    if name in whole.kind.untaken:
        raise NotTaken(f"the field {name!r} of {whole.kind.name}")
    if name not in whole.kind.fields:
        raise CelError(f"{whole.kind.name} has no field {name!r}")
    key, kind = whole.kind.fields[name]
    return Node(kind, lambda scope: whole.value(scope).get(key, kind.empty))


def item(whole: Node, key: Node) -> Node:
    """Return what a map or list has at a place."""
    if whole.kind.is_known and (whole.kind.index is None or (key.kind.is_known and key.kind is not whole.kind.index)):
        raise CelError(f"{whole.kind.name}[{key.kind.name}]")
    # Only a value of which nothing is known may be a list as well as a map.
    may_be_list = whole.kind is DYN and (key.kind is INT or not key.kind.is_known)
    unknown = DYN if may_be_list else _OPEN
    return Node(whole.kind.items or unknown, lambda scope: _at(whole.value(scope), key.value(scope)))


def compare(sign: str, left: Node, right: Node) -> Node:
    """Return a comparison; of two kinds that are known and not the same there is none, not even of int and double."""
    if left.kind.is_known and right.kind.is_known and left.kind is not right.kind:
        raise CelError(f"{left.kind.name} {sign} {right.kind.name}")
    if sign in _ORDERS:
        _refuse_others(left, sign, (BOOL, INT, DOUBLE, STRING, _BYTES))
        _refuse_others(right, sign, (BOOL, INT, DOUBLE, STRING, _BYTES))
        return Node(BOOL, lambda scope: _in_order(sign, left.value(scope), right.value(scope)))
    _refuse_messages(left, sign, right)
    return Node(BOOL, lambda scope: _is_equal(left.value(scope), right.value(scope)) == (sign == "=="))


def add(left: Node, right: Node) -> Node:
    known = [node.kind for node in (left, right) if node.kind.is_known]
    if not known and _OPEN in (left.kind, right.kind):
        known = [_BYTES]
    if any(kind not in (INT, DOUBLE, STRING, _BYTES, _LISTED) or kind is not known[0] for kind in known):
        raise CelError(f"{left.kind.name} + {right.kind.name}")
    _refuse_messages(left, "+", right)
    return Node(known[0] if known else DYN, lambda scope: _sum(left.value(scope), right.value(scope)))


def minus(node: Node) -> Node:
    _refuse_others(node, "-", (INT, DOUBLE))
    kind = DOUBLE if node.kind is _OPEN else node.kind
    return Node(kind, lambda scope: _fitting(-_number(node.value(scope))))


def negate(node: Node) -> Node:
    _refuse_others(node, "!", (BOOL,))
    return Node(BOOL, lambda scope: not _truth(node.value(scope)))


def join(sign: str, left: Node, right: Node) -> Node:
    """Return `left && right` or `left || right`: one side may fail where the other decides, whichever it is."""
    _refuse_others(left, sign, (BOOL,))
    _refuse_others(right, sign, (BOOL,))
    deciding = sign == "||"

    def value(scope: Scope) -> bool:
        try:
            first = _truth(left.value(scope))
        except CelError:
            if _truth(right.value(scope)) is deciding:
                return deciding
            raise
        return first if first is deciding else _truth(right.value(scope))

    return Node(BOOL, value)


def _refuse_others(node: Node, sign: str, kinds: tuple[Kind, ...]) -> None:
    if node.kind.is_known and node.kind not in kinds:
        raise CelError(f"{sign} of {node.kind.name}")


def _refuse_messages(left: Node, sign: str, right: Node) -> None:
    """Refuse what CEL makes of whole messages: what is unset in one is not always what is empty in the other."""
    if left.kind.has_messages or right.kind.has_messages:
        raise NotTaken(f"{left.kind.name} {sign} {right.kind.name}")


def _at(whole: Any, key: Any) -> Any:
    if isinstance(whole, Mapping):
        if isinstance(key, str) and key in whole:
            return whole[key]
        raise CelError(f"no such key: {key}")
    if not isinstance(whole, list):
        raise CelError(f"{_named(whole)} has nothing under {key!r}")
    if type(key) not in (int, float) or not 0 <= key < len(whole) or key != int(key):
        raise CelError(f"index out of bounds: {key}")
    return whole[int(key)]


def _is_equal(left: Any, right: Any) -> bool:
    """Return whether two values are the same; of two types they are not, and a number is never true or false."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_is_equal, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_is_equal(value, right[key]) for key, value in left.items())
    left, right = _comparable(left, right)
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _in_order(sign: str, left: Any, right: Any) -> bool:
    if not any({type(left), type(right)} <= types for types in _ORDERED):
        raise CelError(f"{_named(left)} {sign} {_named(right)}")
    return _ORDERS[sign](*_comparable(left, right))


def _comparable(left: Any, right: Any) -> tuple[Any, Any]:
    """Return an integer beside a double as the double next to it: beyond 2^53 CEL takes neighbours for the same."""
    if {type(left), type(right)} == {int, float}:
        return float(left), float(right)
    return left, right


def _sum(left: Any, right: Any) -> Any:
    if type(left) is not type(right) or isinstance(left, (bool, Mapping, type(None))):
        raise CelError(f"{_named(left)} + {_named(right)}")
    return _fitting(left + right)


def _number(value: Any) -> Any:
    if type(value) not in (int, float):
        raise CelError(f"- of {_named(value)}")
    return value


def _fitting(value: Any) -> Any:
    if isinstance(value, int) and value not in _INTEGERS:
        raise CelError(f"integer overflow: {value}")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise CelError(f"{_named(value)} is neither true nor false")
    return value


def _named(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"
