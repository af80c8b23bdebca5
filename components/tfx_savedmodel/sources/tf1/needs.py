"""What the tensors of a signature need of a TF1 graph: nodes, variables, tables with their initialisers."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.meta_graph import tensor_names
from tfx_savedmodel.saved_model.reachability import ancestors, node_of
from tfx_savedmodel.saved_model.view import VARIABLE_OPS
from tfx_savedmodel.sources.tf1.cut import nodes_of, variable_defs, whole_loops

_SHOWN = 8
_TABLES = ("HashTable", "HashTableV2")
_SETS = ("Assign", "AssignVariableOp")
_FILLS = "InitializeTable"


@dataclasses.dataclass(frozen=True)
class Needs:
    """The nodes that signatures run, and `initialisers`: the ops that must run first for tables among them."""

    nodes: frozenset[str]
    initialisers: tuple[str, ...]

    def variables(self, nodes: Mapping[str, Any]) -> set[str]:
        return {name for name in self.nodes if nodes[name].op in VARIABLE_OPS}


def nodes_by_name(meta_graph: Any) -> dict[str, Any]:
    return {node.name: node for node in meta_graph.graph_def.node}


def find_needs(meta_graph: Any, tensors: Iterable[str], init_op: str | None = None) -> Needs:
    """Return what some tensors, a MetaGraph's own signatures and an init op need.

    A table's initialiser is among the initialisers where its table is needed: those of a training
    pipeline stay behind.
    """
    nodes = nodes_by_name(meta_graph)
    starts = [*tensors, *signature_tensors(meta_graph), *([init_op] if init_op else [])]
    waiting = [node_of(name) for name in _names(meta_graph, "table_initializer") if node_of(name) in nodes]
    waiting += [name for name, node in nodes.items() if node.op.startswith(_FILLS)]  # a GraphDef has no collections
    own = [name for key in ("saved_model_main_op", "legacy_init_op") for name in _names(meta_graph, key)]
    found = list(dict.fromkeys(node_of(name) for name in own if node_of(name) in nodes))
    while True:
        needed = whole_loops(meta_graph, nodes, [*starts, *found])
        more = [name for name in waiting if name not in found and _of_needed(nodes, name, needed)]
        if not more:
            _refuse_empty(nodes, needed, ancestors(nodes, [*found, *([init_op] if init_op else [])]))
            return Needs(frozenset(needed), tuple(found))
        found += dict.fromkeys(more)


def _refuse_empty(nodes: Mapping[str, Any], needed: Collection[str], at_start: Collection[str]) -> None:
    empty = sorted(name for name in needed if nodes[name].op in _TABLES and name not in at_start)
    if empty:
        raise UnsupportedModelError(
            "no op of the graph fills a table that a signature needs",
            where=", ".join(empty[:_SHOWN]),
            wanted="the table's initialiser in the graph",
            next_step="write the graph with its initialisers, as tf.compat.v1.train.export_meta_graph does",
        )


def _of_needed(nodes: Mapping[str, Any], initialiser: str, needed: Collection[str]) -> bool:
    inputs = [node_of(value) for value in nodes[initialiser].input]
    return any(name in needed and nodes[name].op != "Const" for name in inputs if name in nodes)


def _names(meta_graph: Any, key: str) -> Iterable[str]:
    return meta_graph.collection_def[key].node_list.value if key in meta_graph.collection_def else ()


def signature_tensors(meta_graph: Any) -> Iterator[str]:
    """Yield the tensors that a MetaGraph's own signatures name."""
    for signature in meta_graph.signature_def.values():
        for info in (*signature.inputs.values(), *signature.outputs.values()):
            yield from tensor_names(info)


def with_local_variables(
    meta_graph: Any, needs: Needs, restored: Collection[str], where: str, init_op: str | None
) -> Needs:
    """Return the needs with the initialisers of local variables, which no checkpoint holds.

    Args:
      restored: the variables that the checkpoint gives their values.
      where: the checkpoint, for errors.
      init_op: the plan's own op that initialises; what it sets needs nothing else.

    Raises:
      UnsupportedModelError: a variable is needed that is neither restored nor local, nor set by what
        initialises the rest.
    """
    nodes = nodes_by_name(meta_graph)
    at_start = ancestors(nodes, [*needs.initialisers, *([init_op] if init_op else [])])
    left = needs.variables(nodes) - set(restored)
    left -= {node_of(nodes[name].input[0]) for name in at_start if nodes[name].op in _SETS and nodes[name].input}
    local = variable_defs(meta_graph, "local_variables")
    lacking = sorted(left - local.keys())
    if lacking:
        raise UnsupportedModelError(
            "the checkpoint does not hold variables that a signature needs",
            where=where,
            found=", ".join(lacking[:_SHOWN]) + (f" and {len(lacking) - _SHOWN} more" if lacking[_SHOWN:] else ""),
            wanted="each variable in the checkpoint, or a local variable, which is initialised anew",
            next_step="save them with the rest, or name an op that sets them as the plan's init_op",
        )
    if not left:
        return needs
    initialisers = [node_of(local[name].initializer_name) for name in sorted(left)]
    more = whole_loops(meta_graph, nodes, [*initialisers, *(part for name in left for part in nodes_of(local[name]))])
    return Needs(needs.nodes | more, (*initialisers, *needs.initialisers))
