"""Nodes that lack what their ops must have: no version of TensorFlow takes a graph with one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from tfx_savedmodel.saved_model.facts import all_nodes
from tfx_savedmodel.saved_model.op_tables import op_table, versions_with
from tfx_savedmodel.saved_model.view import MetaGraphView, NodeView


@dataclasses.dataclass(frozen=True)
class Incomplete:
    """A node of `function` (None: of the graph itself), and the attributes that it lacks."""

    function: str | None
    node: NodeView
    missing: tuple[str, ...]


def incomplete_nodes(meta_graph: MetaGraphView) -> Iterator[Incomplete]:
    """Yield the nodes that lack attributes which their ops, as the newest version that has them defines them, demand.

    Of an op that no version knows nothing is said: its library defines it.
    """
    required: dict[str, tuple[str, ...]] = {}
    for function, node in all_nodes(meta_graph):
        if node.op not in required:
            required[node.op] = () if node.op in meta_graph.functions else _required(node.op)
        if required[node.op]:
            attributes = node.raw()
            missing = tuple(name for name in required[node.op] if name not in attributes)
            if missing:
                yield Incomplete(function, node, missing)


def _required(op: str) -> tuple[str, ...]:
    versions = versions_with(op)
    definition = op_table(versions[-1]).get(op) if versions else None
    attributes = definition.attributes if definition else {}
    return tuple(name for name, attribute in attributes.items() if attribute.default is None)
