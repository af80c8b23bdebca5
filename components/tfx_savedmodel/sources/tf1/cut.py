"""Cutting a TF1 graph to the nodes that are needed; what is left still imports."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.pruning import keep_nodes
from tfx_savedmodel.saved_model.reachability import ancestors, node_of

_CONTEXTS = {"while_context": "WhileContextDef", "cond_context": "CondContextDef"}

#: Collections of VariableDefs.
VARIABLES = ("variables", "trainable_variables", "model_variables", "local_variables")
#: Collections of the names of nodes and tensors.
NAMES = ("table_initializer", "asset_filepaths", "saved_model_main_op", "legacy_init_op")


def whole_loops(meta_graph: Any, nodes: Mapping[str, Any], starts: Iterable[str]) -> set[str]:
    """Return the nodes needed, with the whole of each loop and branch of TF1's that some of them are in.

    TensorFlow imports what a collection says of a loop only where each node that it names is there.
    """
    needed = ancestors(nodes, starts)
    contexts = [names & nodes.keys() for names in _contexts(meta_graph)]
    while True:
        more = {name for names in contexts if names & needed for name in names} - needed
        if not more:
            return needed
        needed |= ancestors(nodes, more)


def _contexts(meta_graph: Any) -> Iterator[set[str]]:
    for key, kind in _CONTEXTS.items():
        for data in meta_graph.collection_def[key].bytes_list.value if key in meta_graph.collection_def else ():
            yield _names_in(getattr(protos.control_flow_pb2(), kind).FromString(data))


def _names_in(message: Any) -> set[str]:
    """Return each text of a message, and of the messages in it, as the node that it may name."""
    found: set[str] = set()
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            items: list[Any] = [*value.keys(), *value.values()]
        else:
            items = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
        for item in items:
            if isinstance(item, str):
                found.add(node_of(item))
            elif hasattr(item, "ListFields"):
                found |= _names_in(item)
    return found


def cut(meta_graph: Any, kept: Collection[str]) -> None:
    """Leave in a MetaGraphDef the nodes of `kept`, the functions that they run, and what collections say of them.

    Of the collections those of variables, tables, assets and loops stay; what training added goes.
    """
    keep_nodes(meta_graph.graph_def, kept)
    for key in list(meta_graph.collection_def):
        _cut_collection(meta_graph, key, kept)


def _cut_collection(meta_graph: Any, key: str, kept: Collection[str]) -> None:
    collection = meta_graph.collection_def[key]
    if key in NAMES:
        there = [value for value in collection.node_list.value if node_of(value) in kept]
        del collection.node_list.value[:]
        collection.node_list.value.extend(there)
    elif key in VARIABLES:
        left = [data for data in collection.bytes_list.value if _nodes_of(data) <= set(kept)]
        del collection.bytes_list.value[:]
        collection.bytes_list.value.extend(left)
    elif key in _CONTEXTS:
        kind = getattr(protos.control_flow_pb2(), _CONTEXTS[key])
        left = [data for data in collection.bytes_list.value if _names_in(kind.FromString(data)) & set(kept)]
        del collection.bytes_list.value[:]
        collection.bytes_list.value.extend(left)
    if not (collection.node_list.value or collection.bytes_list.value) or key not in (*NAMES, *VARIABLES, *_CONTEXTS):
        del meta_graph.collection_def[key]


def variable_defs(meta_graph: Any, *keys: str) -> dict[str, Any]:
    """Return the VariableDefs of these collections, all by default, by the node that holds the variable."""
    found: dict[str, Any] = {}
    for key in keys or VARIABLES:
        for data in meta_graph.collection_def[key].bytes_list.value if key in meta_graph.collection_def else ():
            variable = protos.variable_pb2().VariableDef.FromString(data)
            found.setdefault(node_of(variable.variable_name), variable)
    return found


def nodes_of(variable: Any) -> set[str]:
    """Return the nodes that a VariableDef names."""
    names = (variable.variable_name, variable.initializer_name, variable.snapshot_name, variable.initial_value_name)
    return {node_of(name) for name in names if name}


def _nodes_of(data: bytes) -> set[str]:
    return nodes_of(protos.variable_pb2().VariableDef.FromString(data))
