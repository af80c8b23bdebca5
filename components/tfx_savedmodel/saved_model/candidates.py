"""Tensors of a TF1 graph that a signature is likely to be about."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from tfx_savedmodel.saved_model.reachability import node_of
from tfx_savedmodel.saved_model.view import GraphView, NodeView

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2")
#: Ops of training, saving and looking on: nobody asks for their results, and they take everybody's.
_BESIDE = (
    *("Assign", "Apply", "ResourceApply", "SparseApply", "Scatter", "ResourceScatter", "Save", "Restore", "Shape"),
    *("NoOp", "Assert", "Print", "MergeV2", "Sharded", "BroadcastGradient"),
)
_SUMMARY = "Summary"
_GRADIENTS = "gradients"


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Placeholders, and results that a signature may give, as tensor names."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def candidates(view: GraphView) -> Candidates:
    """Return which tensors may be inputs and outputs of a signature.

    An output needs a placeholder, and whatever else takes it needs more of them, as a loss needs labels;
    those that need the fewest come first. Placeholders of a saver, which name its file, are left out.
    """
    meta_graph = view.meta_graph()
    nodes = {} if meta_graph is None else {name: node for name, node in meta_graph.nodes.items() if not _beside(node)}
    needs = _needs(nodes)
    takers: dict[str, set[str]] = {}
    for node in nodes.values():
        for value in _data(node):
            takers.setdefault(value, set()).add(node.name)
    outputs = [
        name
        for name, needed in needs.items()
        if needed
        and nodes[name].op not in _PLACEHOLDERS
        and all(needs[taker] > needed for taker in takers.get(name, ()))
    ]
    taken = {name for name, node in nodes.items() if node.op in _PLACEHOLDERS and name in takers}
    return Candidates(
        tuple(f"{name}:0" for name in nodes if name in taken),
        tuple(f"{name}:0" for name in sorted(outputs, key=lambda name: len(needs[name]))),
    )


def _beside(node: NodeView) -> bool:
    return node.op.startswith(_BESIDE) or _SUMMARY in node.op or _GRADIENTS in node.name.split("/")


def _data(node: NodeView) -> list[str]:
    return [node_of(value) for value in node.inputs if not value.startswith("^")]


def _needs(nodes: Mapping[str, NodeView]) -> dict[str, frozenset[str]]:
    """Return the placeholders that each node needs; beside others scalars only steer: a rate, a phase."""
    takers: dict[str, list[str]] = {}
    for node in nodes.values():
        for value in _data(node):
            takers.setdefault(value, []).append(node.name)
    found = {name: set[str]() for name in nodes}
    placeholders = [name for name, node in nodes.items() if node.op in _PLACEHOLDERS]
    for name in [name for name in placeholders if nodes[name].attr("shape") != ()] or placeholders:
        pending = [name]
        while pending:
            reached = pending.pop()
            if name not in found[reached]:
                found[reached].add(name)
                pending += takers.get(reached, ())
    return {name: frozenset(needed) for name, needed in found.items()}
