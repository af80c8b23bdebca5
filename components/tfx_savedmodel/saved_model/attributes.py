"""AttrValue protos as plain values."""

from __future__ import annotations

from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.view import Shape

#: A constant longer than this stays bytes on disk: the checks look at file names, not at weights.
_SMALL_TENSOR = 1 << 16


#: How the value begins that a function leaves to whoever calls it; its name follows.
PLACEHOLDER = "placeholder "


def shape_of(proto: Any) -> Shape:
    """Return a TensorShapeProto as a tuple with None for an open dimension, or None."""
    if proto.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in proto.dim)


def called_functions(node: Any) -> tuple[str, ...]:
    """Return the names of the library functions that a NodeDef holds in its attributes."""
    found: list[str] = []
    _add_functions(node.attr, found)
    return tuple(found)


def _add_functions(attributes: Any, found: list[str]) -> None:
    """A function attribute has attributes of its own, which its body may take functions from."""
    for name in attributes:
        value = attributes[name]
        kind = value.WhichOneof("value")
        if kind == "func":
            held = [value.func]
        elif kind == "list":
            held = value.list.func
        else:
            continue
        for function in held:
            found.append(function.name)
            _add_functions(function.attr, found)


def plain_value(value: Any) -> Any:
    """Return an AttrValue as str, int, float, bool, dtype name, shape, list, or for a small
    constant its list of strings or numbers; None for what has no such form. What a function leaves to its
    callers is `PLACEHOLDER` and a name: it is not absent.
    """
    kind = value.WhichOneof("value")
    if kind == "s":
        return value.s.decode("utf-8", "replace")
    if kind in ("i", "f", "b"):
        return getattr(value, kind)
    if kind == "type":
        return protos.dtype_name(value.type)
    if kind == "shape":
        return shape_of(value.shape)
    if kind == "func":
        return value.func.name
    if kind == "tensor":
        return _tensor(value.tensor)
    if kind == "placeholder":
        return f"{PLACEHOLDER}{value.placeholder}"
    return _list(value.list) if kind == "list" else None


def _list(proto: Any) -> list[Any]:
    if proto.s:
        return [item.decode("utf-8", "replace") for item in proto.s]
    if proto.type:
        return [protos.dtype_name(item) for item in proto.type]
    if proto.shape:
        return [shape_of(item) for item in proto.shape]
    if proto.func:
        return [item.name for item in proto.func]
    return list(proto.i) or list(proto.f) or list(proto.b)


def _tensor(proto: Any) -> Any:
    if proto.string_val:
        return [item.decode("utf-8", "replace") for item in proto.string_val]
    if proto.ByteSize() > _SMALL_TENSOR:
        return None
    for field in ("int_val", "int64_val", "float_val", "double_val", "bool_val"):
        values = getattr(proto, field)
        if values:
            return list(values)
    return None
