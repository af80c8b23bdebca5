"""SM120 unsafe-ops."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from tfx_savedmodel.saved_model.facts import all_nodes
from tfx_savedmodel.saved_model.origins import Origin, Origins
from tfx_savedmodel.saved_model.reachability import INIT, RESTORE, SAVE, Reach, reach_of
from tfx_savedmodel.saved_model.unsafe_ops import (
    FILE_ATTRIBUTES,
    MEMORY_IF_EMPTY,
    PRINT_STREAMS,
    SAVER_OPS,
    UnsafeOp,
    unsafe_op,
)
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, NodeView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.result import Finding

_DOES = {
    "read": "reads a file",
    "list": "lists files",
    "write": "writes a file",
    "network": "opens a connection",
    "code": "runs code outside of the graph",
}


@dataclasses.dataclass(frozen=True)
class UnsafeOps(GraphCheck):
    """No op touches files, the network or Python beyond what a model needs.

    Follows every function of the library, through loops, branches and dataset functions. Reading
    one of the model's own assets is what a vocabulary does, and a saver's saving and restoring is
    in every model: neither is a finding.

    Why: a SavedModel is a program; whoever loads it or calls it runs these ops with the server's
    rights, and no loader warns.
    Remedy: do not load the model before its author has explained the op; export without it.
    """

    code: ClassVar[str] = "SM120"
    name: ClassVar[str] = "unsafe-ops"
    unsigned: ClassVar[str] = "a session that is told to run it: the graph has no signatures"
    allow: tuple[str, ...] = ()
    """Ops that the model may have, such as ReadFile: whoever allows one has read what it does."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        for meta_graph in graph.meta_graphs:
            suspects = [
                (function, node)
                for function, node in all_nodes(meta_graph)
                if unsafe_op(node.op) is not None and node.op not in self.allow
            ]
            if suspects:
                yield from _judge(meta_graph, suspects, self.unsigned)


def _judge(meta_graph: MetaGraphView, suspects: list[tuple[str | None, NodeView]], unsigned: str) -> Iterator[Finding]:
    reach = reach_of(meta_graph, alternatives=True)
    at_init, later = Origins(meta_graph, at_init=True), Origins(meta_graph, at_init=False)
    for function, node in suspects:
        op = unsafe_op(node.op) or UnsafeOp("code")
        labels = reach.some_roots((function, node.name))
        reached = labels or _otherwise(meta_graph, reach, function, node, unsigned)
        sources = _sources(at_init if labels == [INIT] else later, function, node, op)
        if not reached or _harmless(node, op, sources, labels):
            continue
        where = {"op": node.op, "node": node.name, "reached_by": reached}
        if function is not None:
            where["function"] = function
        yield Finding(
            f"{node.op} {_DOES[op.kind]}, reached by {', '.join(reached)}",
            where,
            found=", ".join(sorted(str(source) for source in sources)) or node.op,
            wanted="no such op" + (", or one of the model's own assets" if op.files else ""),
            next="do not load this model unless its author explains the op; export without it",
        )


def _otherwise(
    meta_graph: MetaGraphView, reach: Reach, function: str | None, node: NodeView, unsigned: str
) -> list[str]:
    """Say how a node that no signature, initialiser or saver runs can be run all the same, if it can.

    Python calls the functions of a loaded TF2 object; a graph without signatures is for whoever
    opens it. What is left is dead: a training pipeline's remains in a TF1 serving graph.
    """
    if function is not None and function in reach.callable_functions:
        return [f"function {function!r}, which no signature reaches"]
    if not meta_graph.signatures:
        return [unsigned]
    return []


def _sources(origins: Origins, function: str | None, node: NodeView, op: UnsafeOp) -> set[Origin]:
    inputs = [value for value in node.inputs if not value.startswith("^")]
    found: set[Origin] = set()
    for index in op.files:
        if index < len(inputs):
            found |= origins.of(function, inputs[index])
    return found


def _harmless(node: NodeView, op: UnsafeOp, sources: set[Origin], labels: list[str]) -> bool:
    kinds = {source.kind for source in sources}
    if node.op == "PrintV2":
        return str(node.attr("output_stream", "")) in PRINT_STREAMS
    if node.op in FILE_ATTRIBUTES:
        return not node.attr(FILE_ATTRIBUTES[node.op], "")
    if node.op in MEMORY_IF_EMPTY:
        return kinds == {"constant"} and all(not source.detail for source in sources)
    if node.op in SAVER_OPS:
        # Whoever saves or restores names the file; and restoring, which every loader does, writes nothing.
        return kinds == {"saver"} and labels == [RESTORE if op.kind == "read" else SAVE]
    return op.kind == "read" and kinds == {"asset"}
