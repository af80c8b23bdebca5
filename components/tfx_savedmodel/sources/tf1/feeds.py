"""Placeholders in the place of what a signature feeds: of a training pipeline nothing need come along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.reachability import node_of

#: Placeholders that must be fed.
BARE_PLACEHOLDERS = ("Placeholder", "PlaceholderV2")
_PLACEHOLDERS = (*BARE_PLACEHOLDERS, "PlaceholderWithDefault")

#: From here on dtypes are references.
_REFERENCE = 100

#: A signature: the tensors that are fed, and those that are fetched.
Signature = tuple[Sequence[str], Sequence[str]]


def place_feeds(meta_graph: Any, signatures: Sequence[Signature]) -> list[str]:
    """Replace nodes that are fed and that no signature runs, such as an iterator's, by placeholders; name them.

    A node keeps its name and its outputs. One whose outputs' dtypes the MetaGraph does not say stays as it is.
    """
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    run = {name for fed, fetched in signatures for name in nodes_run(nodes, fed, fetched)}
    replaced = []
    for name in sorted({node_of(tensor) for fed, _ in signatures for tensor in fed} - run):
        if name not in nodes or nodes[name].op in _PLACEHOLDERS:
            continue
        dtypes = _dtypes(meta_graph, nodes[name])
        if dtypes:
            _replace(meta_graph.graph_def, nodes, name, dtypes)
            replaced.append(name)
    return replaced


def nodes_run(nodes: Mapping[str, Any], fed: Sequence[str], fetched: Sequence[str]) -> set[str]:
    """Return the nodes that a session runs for these tensors where others are fed."""
    given = {_full(tensor) for tensor in fed}
    pending = [tensor for tensor in fetched if _full(tensor) not in given]
    # A control input on a node that is fed is met by the feed.
    fed_nodes = {node_of(tensor) for tensor in given}
    seen: set[str] = set()
    while pending:
        name = node_of(pending.pop())
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        for value in nodes[name].input:
            if node_of(value) not in fed_nodes if value.startswith("^") else _full(value) not in given:
                pending.append(value)
    return seen


def _full(tensor: str) -> str:
    return tensor if ":" in tensor else f"{tensor}:0"


def _dtypes(meta_graph: Any, node: Any) -> list[int]:
    """Return the dtype of each output, none where one is not known."""
    if "output_types" in node.attr:  # of an iterator
        return list(node.attr["output_types"].list.type)
    definition = next((op for op in meta_graph.meta_info_def.stripped_op_list.op if op.name == node.op), None)
    found: list[int] = []
    for argument in definition.output_arg if definition is not None else ():
        if argument.type_list_attr:
            found += node.attr[argument.type_list_attr].list.type
            continue
        dtype = argument.type or node.attr[argument.type_attr].type
        count = node.attr[argument.number_attr].i if argument.number_attr else 1
        found += [dtype] * count
    return found if all(0 < dtype < _REFERENCE for dtype in found) else []


def _replace(graph: Any, nodes: dict[str, Any], name: str, dtypes: Sequence[int]) -> None:
    """Make a node a placeholder, or where it has several outputs an IdentityN of one for each."""
    node = nodes[name]
    shapes = [node.attr[key].list.shape for key in ("output_shapes", "_output_shapes") if key in node.attr]
    known = list(next((found for found in shapes if len(found) == len(dtypes)), ()))
    kept = [protos.meta_graph_pb2().TensorInfo(tensor_shape=shape).tensor_shape for shape in known]
    node.ClearField("input")
    node.ClearField("attr")
    if len(dtypes) == 1:
        _placeholder(node, dtypes[0], kept[0] if kept else None)
        return
    node.op = "IdentityN"
    node.attr["T"].list.type.extend(dtypes)
    for index, dtype in enumerate(dtypes):
        fed = f"{name}/{index}"
        while fed in nodes:
            fed += "_"
        nodes[fed] = graph.node.add(name=fed)
        _placeholder(nodes[fed], dtype, kept[index] if kept else None)
        node.input.append(fed)


def _placeholder(node: Any, dtype: int, shape: Any | None) -> None:
    node.op = "Placeholder"
    node.attr["dtype"].type = dtype
    if shape is None:
        node.attr["shape"].shape.unknown_rank = True
    else:
        node.attr["shape"].shape.CopyFrom(shape)
