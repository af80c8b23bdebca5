"""SM113 custom-ops."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from tfx_savedmodel.saved_model.facts import all_nodes
from tfx_savedmodel.saved_model.op_libraries import library_of
from tfx_savedmodel.saved_model.op_tables import versions_with
from tfx_savedmodel.saved_model.reachability import reach_of
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, NodeView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.result import Finding

_MOST_NODES = 5


@dataclasses.dataclass(frozen=True)
class CustomOps(GraphCheck):
    """Stock TensorFlow has every op of the model.

    Looks at the graph and every function, whether something reaches it or not: a loader imports them all. An op
    that no version of TensorFlow from 1.15 on registers comes from a library; which one is said where it is known
    (TensorFlow Text, Decision Forests, IO, Addons, Recommenders Addons, struct2tensor, TF-TRT, Horovod, contrib).
    TF-TRT's ops are such: builds for CUDA up to 2.17 know their names, and run them only on a GPU with TensorRT.
    `allow` names ops, or libraries as the finding names them, that the consumer has.

    Why: a server without the library refuses the model with "Op type not registered".
    Remedy: serve it with a binary that has the library linked in or loads it, or export the model without the op, for
    example with the preprocessing outside of it.
    """

    code: ClassVar[str] = "SM113"
    name: ClassVar[str] = "custom-ops"
    allow: tuple[str, ...] = ()
    """Ops, or libraries as the finding names them, that the consumer has."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        for meta_graph in graph.meta_graphs:
            yield from self._of(meta_graph)

    def _of(self, meta_graph: MetaGraphView) -> Iterator[Finding]:
        found: dict[str, list[tuple[str | None, NodeView]]] = {}
        stock: dict[str, bool] = {}
        for function, node in all_nodes(meta_graph):
            if node.op not in stock:
                stock[node.op] = node.op in meta_graph.functions or bool(versions_with(node.op))
            if not stock[node.op]:
                found.setdefault(node.op, []).append((function, node))
        reach = reach_of(meta_graph)
        for op, nodes in sorted(found.items()):
            library = library_of(op)
            if op in self.allow or (library is not None and library.name in self.allow):
                continue
            reached_by = reach.some_roots_of_all((function, node.name) for function, node in nodes)
            where: dict[str, Any] = {"op": op, "reached_by": reached_by}
            if len(nodes) == 1:  # of several its place names none: a waiver of it would cover the others
                function, node = nodes[0]
                where |= {key: name for key, name in (("node", node.name), ("function", function)) if name}
            yield Finding(
                f"the op {op} is not TensorFlow's" + (f" but {library.name}'s" if library else ""),
                where,
                found=_nodes(nodes),
                wanted="ops that TensorFlow itself registers",
                next=library.next_step if library else "give the consumer the library that registers the op",
            )


def _nodes(nodes: Sequence[tuple[str | None, NodeView]]) -> str:
    """Return how many nodes have the op, and the first of them."""
    names = ", ".join(repr(node.name) for _, node in nodes[:_MOST_NODES])
    more = ", …" if len(nodes) > _MOST_NODES else ""
    return f"{len(nodes):,} {'nodes' if len(nodes) > 1 else 'node'} with the op: {names}{more}"
