"""What one version of TensorFlow lacks of a node: judged by its op's definition, without TensorFlow.

TensorFlow's rule for new attributes is that the default means what was meant before. Yet up to 2.4 its C++ loader
refuses every attribute of a graph's node that it does not know (measured with 1.15.5 and 2.4.4); from 2.5 on it logs
and ignores them, so that one that says something changes what is meant, silently. Attributes that begin with "_"
are nobody's business.
Source: ValidateNodeDef, CheckOpDeprecation and the kernel look-up of TensorFlow (framework/node_def_util.cc,
op_def_util.cc, op_kernel.cc).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.attributes import plain_value
from tfx_savedmodel.saved_model.op_tables import AttributeDefinition, OpDefinition, op_table, versions
from tfx_savedmodel.saved_model.view import MetaGraphView, NodeView

#: Attributes that a consumer does without: names for people, and a check that its own op of old does not make.
MEANINGLESS = frozenset({("VarHandleOp", "debug_name"), ("AssignVariableOp", "validate_shape")})
#: What datasets tell the profiler.
_MEANINGLESS_OF_DATASETS = "metadata"

#: The first version that ignores attributes which it does not know.
_TOLERANT = "2.5"

#: The first version whose kernels for the CPU normalise batches of either format (tensorflow#32567); what they are
#: registered for does not say so. Measured with 1.15.5, 2.0.4, 2.1.4 and 2.2.3.
_NORMALISES_CHANNELS_FIRST = "2.1"
_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")

#: From here on a DataType is that of a reference.
_REFERENCE = 100


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that a version lacks of a node.

    `kind` is "op", "attribute" (not known, and refused or needed), "value" (not allowed), "missing" (an
    attribute that the version requires), "inputs" (another number of them), "deprecated" or "kernel".
    """

    kind: str
    text: str
    attribute: str = ""


class NodeJudge:
    """Judges nodes by the ops of one version, "tf-2.7" or "2.7".

    Args:
      meta_graph: what holds the nodes. Its library functions can stand for an op, its producer's version
        decides what is deprecated, and its own op definitions say defaults that no table knows.

    Raises:
      UsageError: there is no table of this version.
    """

    def __init__(self, version: str, meta_graph: MetaGraphView) -> None:
        self.table = op_table(version)
        self._is_tolerant = self._is_from(_TOLERANT)
        self._producer = meta_graph.producer
        self._functions = meta_graph.functions
        self._own = meta_graph.ops

    def faults(self, node: NodeView) -> list[Fault]:
        """Return what is lacking of a node: a kernel too, which only what runs needs."""
        op, attributes = node.op, node.raw()
        definition = self.table.get(op)
        if definition is None:
            return [] if op in self._functions else [Fault("op", f"there is no op {op}")]
        found = [
            *_deprecation(definition, self._producer),
            *self._attribute_faults(definition, attributes),
        ]
        found = found or list(_input_faults(definition, attributes, node.inputs))
        if not found and self.normalises_channels_first(op, attributes):
            found.append(Fault("kernel", f"{op} has no kernel for the CPU with data_format 'NCHW'", "data_format"))
        if not found and not self._has_kernel(definition, attributes):
            found.append(Fault("kernel", f"{op} has no kernel for the CPU with {_types(definition, attributes)}"))
        return found

    def normalises_channels_first(self, op: str, attributes: Mapping[str, Any]) -> bool:
        """Tell whether a node normalises batches in the format NCHW, which the version can on a GPU alone."""
        if op not in _NORMS or self._is_from(_NORMALISES_CHANNELS_FIRST):
            return False
        return "data_format" in attributes and attributes["data_format"].s == b"NCHW"

    def unknown(self, op: str, attributes: Mapping[str, Any]) -> Iterator[str]:
        """Yield the attributes that the version does not know and can do without."""
        definition = self.table.get(op)
        if definition is not None:
            for name, value in attributes.items():
                if _is_unknown(definition, name) and self._can_go(op, name, value):
                    yield name

    def unsaid(self, op: str, attributes: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
        """Yield what a node means without saying it and this version takes otherwise, as a serialized AttrValue.

        That is an attribute that had no default then, or another one.
        """
        for name, default in _other_defaults(self.table.version, op):
            if name not in attributes:
                yield name, default

    def _is_from(self, version: str) -> bool:
        return versions().index(self.table.version) >= versions().index(version)

    def _can_go(self, op: str, name: str, value: Any) -> bool:
        """Tell whether a node means the same without this attribute where its op does not know it."""
        if (op, name) in MEANINGLESS or (name == _MEANINGLESS_OF_DATASETS and value.WhichOneof("value") == "s"):
            return True
        default = _default(op, name)
        if default is None and op in self._own:
            default = self._own[op].defaults.get(name)
        return default is not None and default == value.SerializeToString(deterministic=True)

    def _attribute_faults(self, definition: OpDefinition, attributes: Mapping[str, Any]) -> Iterator[Fault]:
        op = definition.name
        for name, value in attributes.items():
            known = definition.attributes.get(name)
            if known is not None:
                if known.allowed is not None or known.minimum is not None:
                    yield from _value_faults(op, name, known, value)
            elif _is_unknown(definition, name) and not (self._is_tolerant and self._can_go(op, name, value)):
                yield Fault("attribute", f"{op} has no attribute {name}, which is {_shown(value)} here", name)
        for name, known in definition.attributes.items():
            if known.default is None and name not in attributes:
                yield Fault("missing", f"{op} must have the attribute {name}", name)

    def _has_kernel(self, definition: OpDefinition, attributes: Mapping[str, Any]) -> bool:
        """Tell whether there is one; an op that never had one is rewritten before it runs, or not for the CPU."""
        values = tuple((name, tuple(items)) for name, items in _kernel_values(definition, attributes).items())
        if _kernel(self.table.version, definition.name, values):
            return True
        return not any(_kernel(version, definition.name, values) for version in versions())


@functools.lru_cache(4096)
def _kernel(version: str, op: str, values: tuple[tuple[str, tuple[int | str, ...]], ...]) -> bool:
    return op_table(version).has_kernel(op, dict(values))


@functools.cache
def _default(op: str, name: str) -> bytes | None:
    """Return the default of the newest version that knows the attribute."""
    for version in reversed(versions()):
        definition = op_table(version).get(op)
        if definition is not None and name in definition.attributes:
            return definition.attributes[name].default
    return None


@functools.cache
def _other_defaults(version: str, op: str) -> tuple[tuple[str, bytes], ...]:
    """Return the attributes of a version's op whose default is another one today, with that one."""
    definition = op_table(version).get(op)
    defaults = {name: _default(op, name) for name in definition.attributes} if definition is not None else {}
    return tuple(
        (name, default)
        for name, default in defaults.items()
        if definition is not None and default is not None and default != definition.attributes[name].default
    )


def _is_unknown(definition: OpDefinition, name: str) -> bool:
    return name not in definition.attributes and not name.startswith("_")


def _deprecation(definition: OpDefinition, producer: int) -> Iterator[Fault]:
    since = definition.deprecated_from
    if since is not None and producer >= since:
        yield Fault("deprecated", f"{definition.name} is not for graphs of version {since} on; this is of {producer}")


def _input_faults(definition: OpDefinition, attributes: Mapping[str, Any], inputs: Sequence[str]) -> Iterator[Fault]:
    """A few ops were defined anew under their old names, with other inputs."""
    wanted = 0
    for argument in definition.inputs:
        if argument.types_attribute is not None:
            wanted += len(_said(definition, attributes, argument.types_attribute).list.type)
        elif argument.number_attribute is not None:
            wanted += _said(definition, attributes, argument.number_attribute).i
        else:
            wanted += 1
    found = sum(not value.startswith("^") for value in inputs)
    if found != wanted:
        yield Fault("inputs", f"{definition.name} takes {wanted} inputs, and has {found} here")


def _said(definition: OpDefinition, attributes: Mapping[str, Any], name: str) -> Any:
    """Return an attribute of a node, or its default."""
    return attributes[name] if name in attributes else _parsed(definition.attributes[name].default)


def _value_faults(op: str, name: str, known: AttributeDefinition, value: Any) -> Iterator[Fault]:
    if known.allowed is not None:
        refused = [item for item in _values(value) if item not in known.allowed]
        if refused:
            yield Fault("value", f"{op} takes no {name} {', '.join(map(_named, refused))}", name)
    if known.minimum is not None:
        amount = value.i if known.type == "int" else _length(value)
        if amount < known.minimum:
            yield Fault("value", f"{op} takes no {name} of less than {known.minimum}, which is {amount} here", name)


def _values(value: Any) -> list[int | str]:
    """Return types (those of references as what they refer to) and strings."""
    kind = value.WhichOneof("value")
    if kind == "type":
        return [value.type % _REFERENCE]
    if kind == "s":
        return [value.s.decode("utf-8", "replace")]
    if kind == "list":
        return [*(item % _REFERENCE for item in value.list.type), *(_decoded(item) for item in value.list.s)]
    return []


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _length(value: Any) -> int:
    return sum(len(field) for _, field in value.list.ListFields())


def _kernel_values(definition: OpDefinition, attributes: Mapping[str, Any]) -> dict[str, Sequence[int | str]]:
    """Return what a kernel is looked up by, with the version's defaults."""
    found: dict[str, Sequence[int | str]] = {}
    for name, known in definition.attributes.items():
        if known.type not in ("type", "list(type)", "string"):
            continue
        if name in attributes or known.default is not None:
            found[name] = _values(_said(definition, attributes, name))
    return found


def _parsed(default: bytes | None) -> Any:
    return protos.attr_value_pb2().AttrValue.FromString(default or b"")


def _types(definition: OpDefinition, attributes: Mapping[str, Any]) -> str:
    values = _kernel_values(definition, attributes)
    said = [f"{name} {', '.join(map(_named, items))}" for name, items in sorted(values.items()) if items]
    return "; ".join(said) or "any types"


def _named(value: int | str) -> str:
    return repr(value) if isinstance(value, str) else protos.dtype_name(value)


def _shown(value: Any) -> str:
    return repr(plain_value(value))[:80]
