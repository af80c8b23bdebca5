"""Which tensors of its checkpoint a graph restores, as its restore op names them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from tfx_savedmodel.saved_model.reachability import RESTORE, node_of, reach_of
from tfx_savedmodel.saved_model.view import MetaGraphView, NodeView, Shape

_ASSIGNING = frozenset({"AssignVariableOp", "Assign"})


@dataclasses.dataclass(frozen=True)
class Restored:
    """A tensor that is read from the checkpoint: its key, dtype, and the shape of the variable that takes it.

    `shape` is None where the graph does not show it, or only a part of the tensor is read.
    """

    key: str
    dtype: str
    shape: Shape
    node: str


def restored_tensors(meta_graph: MetaGraphView) -> Iterator[Restored]:
    """Yield what RestoreV2 ops that the restore op reaches read; one whose names are no constants is left out."""
    reach = reach_of(meta_graph)
    for function, name in reach.by_root(RESTORE):
        node = reach.node((function, name))
        if node.op == "RestoreV2":
            yield from _of_node(meta_graph, function, node)


def _of_node(meta_graph: MetaGraphView, function: str | None, node: NodeView) -> Iterator[Restored]:
    nodes = meta_graph.nodes if function is None else meta_graph.functions[function].nodes
    inputs = [nodes.get(node_of(value)) for value in node.inputs if not value.startswith("^")]
    if len(inputs) != 3:
        return
    names, slices = (item.attr("value") if item is not None and item.op == "Const" else None for item in inputs[1:])
    dtypes = node.attr("dtypes")
    if not isinstance(names, list) or not isinstance(dtypes, list) or len(names) != len(dtypes):
        return
    slices = slices if isinstance(slices, list) else []
    shapes = _taken_by(meta_graph, function, node)
    for index, (key, dtype) in enumerate(zip(names, dtypes, strict=True)):
        whole = not (slices[index] if index < len(slices) else slices[-1] if slices else "")
        yield Restored(str(key), str(dtype), shapes.get(index) if whole else None, node.name)


def _taken_by(meta_graph: MetaGraphView, function: str | None, node: NodeView) -> dict[int, Shape]:
    """Return for each of a restore's results the shape of the variable that it is assigned to."""
    nodes = meta_graph.nodes if function is None else meta_graph.functions[function].nodes
    results = dict(_passed_on(nodes.values(), node))
    shapes: dict[int, Shape] = {}
    for taker in nodes.values():
        if taker.op not in _ASSIGNING or len(taker.inputs) < 2:
            continue
        index = results.get(_plain(taker.inputs[1]))
        variable = _variable(meta_graph, function, node_of(taker.inputs[0]))
        if index is not None and variable is not None:
            shape = variable.attr("shape")
            shapes[index] = shape if isinstance(shape, tuple) else None
    return shapes


def _passed_on(nodes: Iterable[NodeView], node: NodeView) -> Iterator[tuple[str, int]]:
    """Yield the tensors that are a result of the node, or an Identity of one, with its number."""
    count = len(node.attr("dtypes") or ())
    own = {_plain(f"{node.name}:{index}"): index for index in range(count)}
    own.update({_plain(f"{node.name}:tensors:{index}"): index for index in range(count)})
    yield from own.items()
    for other in nodes:
        if other.op == "Identity" and other.inputs and _plain(other.inputs[0]) in own:
            index = own[_plain(other.inputs[0])]
            yield other.name, index
            yield f"{other.name}:output", index


def _plain(value: str) -> str:
    """Return a tensor's name without the ":0" that may be left out."""
    return value.removesuffix(":0")


def _variable(meta_graph: MetaGraphView, function: str | None, name: str) -> NodeView | None:
    """Return the node that holds a variable; in a function, where its only caller passes it."""
    if function is None:
        return meta_graph.nodes.get(name)
    arguments = meta_graph.functions[function].arguments
    callers = [node for node in meta_graph.nodes.values() if function in node.functions]
    if name not in arguments or len(callers) != 1:
        return None
    inputs = [value for value in callers[0].inputs if not value.startswith("^")]
    index = arguments.index(name)
    return meta_graph.nodes.get(node_of(inputs[index])) if index < len(inputs) else None
