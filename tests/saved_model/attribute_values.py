"""AttrValue protos for nodes made by hand, and the attributes that ops must have."""

from __future__ import annotations

from typing import Any

from tfx_savedmodel.saved_model import protos

FLOAT, DOUBLE, INT32, STRING, INT64, BFLOAT16, RESOURCE, UINT32 = 1, 2, 3, 7, 9, 14, 20, 22


def value(**field: Any) -> Any:
    """Return an AttrValue: `i=3`, `b=True`, `s=b"x"`, `type=1`."""
    return protos.attr_value_pb2().AttrValue(**field)


def several(**field: Any) -> Any:
    """Return an AttrValue that holds a list: `type=[1, 7]`, `s=[b"x"]`; of nothing, an empty one."""
    made = value()
    made.list.SetInParent()
    for name, items in field.items():
        getattr(made.list, name).extend(items)
    return made


def shape(*sizes: int) -> Any:
    """Return an AttrValue of a shape."""
    made = value()
    made.shape.SetInParent()
    for size in sizes:
        made.shape.dim.add(size=size)
    return made


def strings(*texts: bytes) -> Any:
    """Return the value of a constant vector of strings."""
    made = value()
    made.tensor.dtype = STRING
    made.tensor.tensor_shape.dim.add(size=len(texts))
    made.tensor.string_val.extend(texts)
    return made


def number(of: int) -> Any:
    """Return the value of a constant int64."""
    made = value()
    made.tensor.dtype = INT64
    made.tensor.tensor_shape.SetInParent()
    made.tensor.int64_val.append(of)
    return made
