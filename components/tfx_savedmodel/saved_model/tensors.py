"""What a graph says of one of its tensors: whether it is there, its dtype and its shape."""

from __future__ import annotations

import dataclasses

from tfx_savedmodel.saved_model.op_tables import op_table, versions_with
from tfx_savedmodel.saved_model.protos import dtype_name
from tfx_savedmodel.saved_model.view import MetaGraphView, NodeView, Shape


@dataclasses.dataclass(frozen=True)
class GraphTensor:
    """A tensor as its node defines it; `dtype` None and `shape` None mean "not said"."""

    node: NodeView
    dtype: str | None
    shape: Shape


def split_tensor(name: str) -> tuple[str, int]:
    """Return node name and output index of a tensor name: "a:1" gives ("a", 1), "a" ("a", 0)."""
    node, _, index = name.partition(":")
    return node, int(index) if index.isdecimal() else 0


def find_tensor(meta_graph: MetaGraphView, name: str) -> GraphTensor | None:
    """Return the tensor that a signature names, or None where the graph has none of that name."""
    node_name, index = split_tensor(name)
    node = meta_graph.nodes.get(node_name)
    if node is None:
        return None
    dtypes = output_dtypes(meta_graph, node)
    if dtypes is not None and index >= len(dtypes):
        return None
    return GraphTensor(node, dtypes[index] if dtypes else None, _shape(node, index))


def output_dtypes(meta_graph: MetaGraphView, node: NodeView) -> list[str | None] | None:
    """Return the dtype of each output of a node, or None where nothing defines its op.

    The definitions are the model's own (`stripped_op_list`), else those of the newest version of TensorFlow that has
    the op: no TensorFlow is asked.
    """
    op = meta_graph.ops.get(node.op)
    outputs = op.outputs if op is not None else _outputs_by_tables(node.op)
    if outputs is None:
        return None
    dtypes: list[str | None] = []
    for _, fixed, type_attr, number_attr, list_attr in outputs:
        if list_attr:
            listed = node.attr(list_attr)
            if not isinstance(listed, list):
                return None
            dtypes.extend(listed)
            continue
        count = node.attr(number_attr) if number_attr else 1
        if not isinstance(count, int):
            return None
        dtype = fixed or node.attr(type_attr)
        dtypes.extend([dtype if isinstance(dtype, str) else None] * count)
    return dtypes


def _outputs_by_tables(op: str) -> tuple[tuple[str, str, str, str, str], ...] | None:
    versions = versions_with(op)
    definition = op_table(versions[-1]).get(op) if versions else None
    if definition is None:
        return None
    return tuple(
        (
            argument.name,
            dtype_name(argument.type) if argument.type is not None else "",
            argument.type_attribute or "",
            argument.number_attribute or "",
            argument.types_attribute or "",
        )
        for argument in definition.outputs
    )


def _shape(node: NodeView, index: int) -> Shape:
    shapes = node.attr("_output_shapes")
    if isinstance(shapes, list) and index < len(shapes):
        shape = shapes[index]
    elif node.op in ("Placeholder", "PlaceholderV2"):
        shape = node.attr("shape")
    else:
        return None
    return shape if isinstance(shape, tuple) else None


def compatible(a: Shape, b: Shape) -> bool:
    """Tell whether two shapes can be of one tensor; an open dimension or rank fits all."""
    if a is None or b is None:
        return True
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))
