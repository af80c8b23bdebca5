"""The op of a TF1 MetaGraph that loaders run at initialisation.

A signature of the loaders' own names it, else the collection of Builder's `main_op`, else that of
`legacy_init_op`; the first of them that is there counts. Source: tensorflow/python/saved_model/loader_impl.py,
tensorflow/cc/saved_model/loader_util.cc.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.meta_graph import INIT_SIGNATURE
from tfx_savedmodel.saved_model.reachability import ancestors

_MAIN, _LEGACY = "saved_model_main_op", "legacy_init_op"
_TABLES, _LOCALS = "table_initializer", "local_variables"


def initialisers(meta_graph: Any) -> Iterator[str]:
    """Yield the op that loaders run; a malformed MetaGraph names several."""
    if INIT_SIGNATURE in meta_graph.signature_def:
        yield from (info.name for info in meta_graph.signature_def[INIT_SIGNATURE].outputs.values())
        return
    for place in (_MAIN, _LEGACY):
        if place in meta_graph.collection_def:
            yield from meta_graph.collection_def[place].node_list.value
            return


def set_init_op(meta_graph: Any, op: str) -> None:
    """Make loaders run this op, after what they ran before: it waits for that, or tables would stay empty.

    Written as TF1's Builder writes its `main_op`. What the old initialiser itself runs needs not wait for it: then
    the new op takes its place alone.
    """
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    old = [node for node in _run_by_loaders(meta_graph) if node in nodes]
    if INIT_SIGNATURE in meta_graph.signature_def:
        del meta_graph.signature_def[INIT_SIGNATURE]
    for name in (_MAIN, _LEGACY):
        if name in meta_graph.collection_def:
            del meta_graph.collection_def[name]
    meta_graph.collection_def[_MAIN].node_list.value.append(op)
    before = ancestors(nodes, [op])
    waits = [name for name in old if name not in before and op not in ancestors(nodes, [name])]
    nodes[op].input.extend(f"^{name}" for name in dict.fromkeys(waits))


def _run_by_loaders(meta_graph: Any) -> list[str]:
    """Return what loaders run of a MetaGraph, as node names."""
    named = [name.partition(":")[0] for name in initialisers(meta_graph)]
    return named or [*_by_default(meta_graph)]


def add_initialisers(meta_graph: Any, nodes: Collection[str], name: str) -> None:
    """Make loaders run these nodes too, through a new op of this name that stands where the old one was named.

    Where the source has none, TF2's loader runs the initialisers of tables and local variables that its
    collections name: the new op runs them as well.
    """
    if not nodes:
        return
    there = {node.name for node in meta_graph.graph_def.node}
    before = [node for node in _run_by_loaders(meta_graph) if node in there]
    waits = dict.fromkeys(f"^{node}" for node in (*before, *nodes))
    meta_graph.graph_def.node.add(name=name, op="NoOp", input=list(waits))
    tables = meta_graph.collection_def[_TABLES]
    if tables.WhichOneof("kind") in (None, "node_list"):
        tables.node_list.value.extend(nodes)
    if INIT_SIGNATURE in meta_graph.signature_def:
        info = meta_graph.signature_def[INIT_SIGNATURE].outputs[INIT_SIGNATURE]
        info.Clear()
        info.name, info.tensor_shape.unknown_rank = name, True
        return
    place = _LEGACY if _MAIN not in meta_graph.collection_def and _LEGACY in meta_graph.collection_def else _MAIN
    named = meta_graph.collection_def[place].node_list.value
    del named[:]
    named.append(name)


def _by_default(meta_graph: Any) -> Iterator[str]:
    if _TABLES in meta_graph.collection_def:
        yield from (value.partition(":")[0] for value in meta_graph.collection_def[_TABLES].node_list.value)
    if _LOCALS in meta_graph.collection_def:
        for packed in meta_graph.collection_def[_LOCALS].bytes_list.value:
            yield protos.variable_pb2().VariableDef.FromString(packed).initializer_name.partition(":")[0]
