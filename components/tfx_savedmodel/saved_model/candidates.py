"""Tensors of a TF1 graph that a signature is likely to be about."""

from __future__ import annotations

import dataclasses

from tfx_savedmodel.saved_model.reachability import node_of
from tfx_savedmodel.saved_model.view import VARIABLE_OPS, GraphView

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
#: Ops of training, saving and looking on, whose results no client asks for.
_NO_RESULT = (
    *("Assign", "Apply", "ResourceApply", "SparseApply", "ScatterUpdate", "Save", "Restore", "MergeV2", "Sharded"),
    *("NoOp", "Const", "Assert", "Initialize", "LookupTable", "ResourceScatter", "BroadcastGradient", "VarIsInit"),
    *("IsVariableInit", "Queue", "Iterator", "MakeIterator", "PlaceholderWithDefault"),
)
_SUMMARY = "Summary"


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Placeholders, and results that nothing in the graph takes, as tensor names."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def candidates(view: GraphView) -> Candidates:
    """Return which tensors may be inputs and outputs of a signature, in the graph's order.

    An output needs a placeholder, is taken by no other node but a summary, and is no op of training or saving.
    """
    meta_graph = view.meta_graph()
    if meta_graph is None:
        return Candidates((), ())
    nodes = meta_graph.nodes
    consumed, fed = set[str](), set[str]()
    for node in nodes.values():
        if node.op in VARIABLE_OPS or _SUMMARY in node.op or node.op.startswith("Save"):
            continue
        consumed |= {node_of(value) for value in node.inputs if not value.startswith("^")}
    takers: dict[str, list[str]] = {}
    for node in nodes.values():
        for value in node.inputs:
            takers.setdefault(node_of(value), []).append(node.name)
    pending = [node.name for node in nodes.values() if node.op in _PLACEHOLDERS[:2]]
    while pending:
        name = pending.pop()
        if name not in fed:
            fed.add(name)
            pending += takers.get(name, ())
    inputs = tuple(f"{node.name}:0" for node in nodes.values() if node.op in _PLACEHOLDERS)
    outputs = tuple(
        f"{node.name}:0"
        for node in nodes.values()
        if node.name in fed
        and node.name not in consumed
        and node.op not in _PLACEHOLDERS
        and _SUMMARY not in node.op
        and not node.op.startswith(_NO_RESULT)
    )
    return Candidates(inputs, outputs)
