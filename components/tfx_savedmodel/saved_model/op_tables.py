"""TensorFlow's ops in each of its versions: which there are, how they are defined, which have a kernel for the CPU.

What a version registers decides whether it can load a graph. `make op-tables` reads it from the libraries of each minor
version's last patch release; here no TensorFlow is needed, and an op is decoded when it is asked for. Not in the tables
are the ops of libraries that are loaded besides (contrib, TensorFlow Text, a server's own). Up to 2.11 some are in them
that only TensorFlow's own tests use.
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UsageError

# One line of text for each op: its name, a mask of the versions that have it, [mask, definition] for each of its
# definitions, a mask of the versions that have a kernel, and [mask, kernels]. Bit n is the version n of the first line.
_FILE = Path(__file__).with_name("op_tables.txt.gz")


@dataclasses.dataclass(frozen=True)
class ArgumentDefinition:
    """An input or output: its DataType number, or the attributes that say its type, list of types and count."""

    name: str
    type: int | None = None
    type_attribute: str | None = None
    types_attribute: str | None = None
    number_attribute: str | None = None
    is_reference: bool = False


@dataclasses.dataclass(frozen=True)
class AttributeDefinition:
    """An attribute: its type as in OpDef ("type", "list(int)"), default, and what it may be.

    Attributes:
      default: a serialized AttrValue, or None where a node must have the attribute.
      allowed: DataType numbers or strings, or None for any.
      minimum: of an int, or of a list's length; None for any.
    """

    type: str
    default: bytes | None = None
    allowed: tuple[int | str, ...] | None = None
    minimum: int | None = None


@dataclasses.dataclass(frozen=True)
class OpDefinition:
    """An op as one version defines it.

    Attributes:
      deprecated_from: the GraphDef version from which a graph's producer must not use it, or None.
    """

    name: str
    inputs: tuple[ArgumentDefinition, ...]
    outputs: tuple[ArgumentDefinition, ...]
    attributes: Mapping[str, AttributeDefinition]
    is_stateful: bool = False
    deprecated_from: int | None = None


class OpTable:
    """The ops of one version of TensorFlow."""

    def __init__(self, version: str, release: str, bit: int, lines: Mapping[str, str]) -> None:
        self.version = version
        #: The patch release that was read: "2.7.4".
        self.release = release
        self._bit = bit
        self._lines = lines
        self._definitions: dict[str, OpDefinition] = {}

    def __contains__(self, name: str) -> bool:
        return bool(_mask(self._lines, name, _OP) & self._bit)

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the ops, sorted."""
        return (name for name in self._lines if name in self)

    def get(self, name: str) -> OpDefinition | None:
        """Return the op's definition, or None where this version does not know it."""
        if name not in self:
            return None
        if name not in self._definitions:
            self._definitions[name] = _definition(name, self._stored(name, _DEFINITIONS))
        return self._definitions[name]

    def has_kernel(self, name: str, attributes: Mapping[str, Sequence[int | str]] | None = None) -> bool:
        """Return whether an op has a kernel for the CPU, and one that takes these attributes.

        Ops whose kernels call Python (PyFunc) have none here. Some ops need none: they are lowered or
        rewritten before they run.

        Args:
          name: of the op.
          attributes: a node's attributes by name, each as its values: DataType numbers (a `type` has one,
            a `list(type)` several), a string. What is not named fits. Defaults are the caller's to fill in.
        """
        if not _mask(self._lines, name, _KERNEL) & self._bit:
            return False
        if not attributes:
            return True
        return any(
            all(set(attributes.get(attribute, ())) <= set(values) for attribute, values in kernel.items())
            for kernel in self._stored(name, _KERNELS)
        )

    def _stored(self, name: str, column: int) -> Any:
        masked = json.loads(self._lines[name].split("\t")[column])
        return next(stored for mask, stored in masked if mask & self._bit)


def versions() -> tuple[str, ...]:
    """Return the versions there are tables of, the oldest first: "1.15", "2.0", …"""
    return tuple(_read()[0])


@functools.cache
def op_table(version: str) -> OpTable:
    """Return the table of a version, "2.7" or "tf-2.7".

    Raises:
      UsageError: there is no table of it.
    """
    releases, lines = _read()
    minor = version.removeprefix("tf-")
    if minor not in releases:
        raise UsageError(
            "the ops of this version of TensorFlow are not known",
            found=repr(version),
            wanted=f"one of {', '.join(releases)}",
            next_step="name the consumer's version without its patch number, or the next older one that is listed",
        )
    return OpTable(minor, releases[minor], 1 << list(releases).index(minor), lines)


def versions_with(op: str) -> tuple[str, ...]:
    """Return the versions that know an op, the oldest first."""
    releases, lines = _read()
    mask = _mask(lines, op, _OP)
    return tuple(version for number, version in enumerate(releases) if mask >> number & 1)


def first_version_with(op: str) -> str | None:
    """Return the oldest version that knows an op, or None where none does."""
    return next(iter(versions_with(op)), None)


@functools.cache
def holds_functions(op: str) -> bool:
    """Return whether an op may hold functions in its attributes: an op that no version knows may."""
    known = versions_with(op)
    definition = op_table(known[-1]).get(op) if known else None
    return definition is None or any("func" in attribute.type for attribute in definition.attributes.values())


#: Columns of a line, after the op's name.
_OP, _DEFINITIONS, _KERNEL, _KERNELS = range(4)


@functools.cache
def _read() -> tuple[dict[str, str], dict[str, str]]:
    """Return the release of each version, and what is stored of each op."""
    first, *rest = gzip.decompress(_FILE.read_bytes()).decode().splitlines()
    releases = {release.rpartition(".")[0]: release for release in json.loads(first)}
    return releases, dict(line.split("\t", 1) for line in rest)


def _mask(lines: Mapping[str, str], name: str, column: int) -> int:
    line = lines.get(name)
    return int(line.split("\t")[column], 16) if line else 0


def _definition(name: str, stored: Any) -> OpDefinition:
    inputs, outputs, attributes, stateful, deprecated = stored
    return OpDefinition(
        name=name,
        inputs=tuple(map(_argument, inputs)),
        outputs=tuple(map(_argument, outputs)),
        attributes={key: _attribute(*attribute) for key, *attribute in attributes},
        is_stateful=bool(stateful),
        deprecated_from=deprecated or None,
    )


def _argument(text: str) -> ArgumentDefinition:
    """Decode "x:T", "x:1" (a fixed type), "x:N*T" (several), "x:[T]" (a list of types), "x:&T" (a reference)."""
    name, _, kind = text.partition(":")
    number, _, of = kind.removeprefix("&").rpartition("*")
    listed = of.startswith("[")
    return ArgumentDefinition(
        name=name,
        type=int(of) if of.isdigit() else None,
        type_attribute=None if of.isdigit() or listed else of,
        types_attribute=of[1:-1] if listed else None,
        number_attribute=number or None,
        is_reference=kind.startswith("&"),
    )


def _attribute(
    type_: str, default: str | None, allowed: list[int | str] | None, minimum: int | None
) -> AttributeDefinition:
    return AttributeDefinition(
        type=type_,
        default=None if default is None else bytes.fromhex(default),
        allowed=None if allowed is None else tuple(allowed),
        minimum=minimum,
    )
