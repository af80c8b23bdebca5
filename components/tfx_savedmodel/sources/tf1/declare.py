"""Variables of a bare graph declared as TF1's collections do, so that a Saver finds them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.sources.tf1.cut import VARIABLES

_INT32 = 3
_RESOURCE = "VarHandleOp"


def slices(
    meta_graph: Any, variables: Collection[str], known: Mapping[str, Any], held: Mapping[str, Shape]
) -> dict[str, Any]:
    """Return which part of which tensor of the checkpoint a variable is, by its node.

    A variable as a whole has None. Parts are named `<name>/part_<number>`; where no collection says what of the
    whole each is, their shapes do. A variable that the checkpoint does not hold is not among the result.

    Args:
      known: VariableDefs by node.
      held: shapes in the checkpoint by name.
    """
    found: dict[str, Any] = {}
    parts: dict[str, dict[int, str]] = {}
    for name in variables:
        known_slice = known[name].save_slice_info_def if name in known else None
        whole, _, number = name.rpartition("/part_")
        if known_slice is not None and known_slice.full_name:
            if known_slice.full_name in held:
                found[name] = known_slice
        elif name in held:
            found[name] = None
        elif whole in held and number.isdecimal():
            parts.setdefault(whole, {})[int(number)] = name
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    for whole, numbered in parts.items():
        names = [numbered[number] for number in sorted(numbered)]
        shapes = [[dim.size for dim in nodes[name].attr["shape"].shape.dim] for name in names]
        found.update(zip(names, _parts(whole, list(held[whole] or ()), shapes), strict=False))
    return found


def _parts(whole: str, full: list[int | None], shapes: list[list[int]]) -> list[Any]:
    """Return what each part is of the whole; nothing where the shapes do not add up."""
    axes = [
        axis for axis in range(len(full)) if any(shape[axis : axis + 1] != full[axis : axis + 1] for shape in shapes)
    ]
    axis = axes[0] if axes else 0
    if not full:
        return []
    fitting = [shape for shape in shapes if len(shape) == len(full)]
    if len(axes) > 1 or len(fitting) < len(shapes) or sum(shape[axis] for shape in fitting) != full[axis]:
        return []
    made, at = [], 0
    for shape in shapes:
        offset = [at if index == axis else 0 for index in range(len(full))]
        info = protos.variable_pb2().SaveSliceInfoDef(
            full_name=whole, full_shape=full, var_offset=offset, var_shape=shape
        )
        made.append(info)
        at += shape[axis]
    return made


def declare(meta_graph: Any, parts: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Put these variables, and no others that a checkpoint holds, into the collections of a MetaGraphDef.

    Each gets an initialiser of zeros: its own may read files, or need what is not there any more.

    Args:
      parts: which part of the checkpoint's tensor each is, None for a whole one.
      known: the VariableDefs that say which are trained; all others are said to be.
    """
    for key in VARIABLES:
        if key != "local_variables" and key in meta_graph.collection_def:
            del meta_graph.collection_def[key]
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    for name in sorted(parts):
        declared = _declare(meta_graph.graph_def, nodes, name)
        if parts[name] is not None:
            declared.save_slice_info_def.CopyFrom(parts[name])
        declared.trainable = name not in known or known[name].trainable
        for key in ("variables", "trainable_variables") if declared.trainable else ("variables",):
            meta_graph.collection_def[key].bytes_list.value.append(declared.SerializeToString())


def _declare(graph: Any, nodes: dict[str, Any], name: str) -> Any:
    node = nodes[name]
    is_resource = node.op == _RESOURCE
    dtype, shape = node.attr["dtype"].type, node.attr["shape"].shape
    sizes = [] if shape.unknown_rank else [max(dim.size, 0) for dim in shape.dim]

    def add(suffix: str, op: str, *inputs: str, **types: int) -> Any:
        taken = f"{name}/{suffix}"
        while taken in nodes:
            taken += "_"
        made = graph.node.add(name=taken, op=op, input=inputs)
        for key, value in types.items():
            made.attr[key].type = value
        nodes[taken] = made
        return made

    dims = add("zeros/dims", "Const", dtype=_INT32)
    dims.attr["value"].tensor.dtype = _INT32
    dims.attr["value"].tensor.tensor_shape.dim.add(size=len(sizes))
    dims.attr["value"].tensor.int_val.extend(sizes)
    zero = add("zeros/value", "Const", dtype=dtype)
    zero.attr["value"].tensor.dtype = dtype
    zero.attr["value"].tensor.tensor_shape.SetInParent()
    zeros = add("zeros", "Fill", dims.name, zero.name, T=dtype, index_type=_INT32)
    if is_resource:
        assign = add("zeros/assign", "AssignVariableOp", name, zeros.name, dtype=dtype)
        read = add("zeros/read", "ReadVariableOp", name, dtype=dtype)
    else:
        assign = add("zeros/assign", "Assign", name, zeros.name, T=dtype)
        assign.attr["validate_shape"].b = not shape.unknown_rank
        assign.attr["use_locking"].b = True
        read = add("zeros/read", "Identity", name, T=dtype)
    return protos.variable_pb2().VariableDef(
        variable_name=f"{name}:0",
        initial_value_name=f"{zeros.name}:0",
        initializer_name=assign.name,
        snapshot_name=f"{read.name}:0",
        is_resource=is_resource,
    )
