"""Cutting MetaGraphDefs down: what is left of the graph, its library and its ops when nodes go."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

from tfx_savedmodel.saved_model.attributes import called_functions
from tfx_savedmodel.saved_model.reachability import ancestors

_COLOCATION = "_class"
_LOCATION = b"loc:@"


def prune_to(meta_graph: Any, nodes: Iterable[str]) -> None:
    """Leave in a MetaGraphDef what these nodes reach: nodes, functions, and the ops' definitions."""
    graph = meta_graph.graph_def
    keep_nodes(graph, ancestors({node.name: node for node in graph.node}, nodes))
    used = {node.op for node in graph.node}
    used |= {node.op for function in graph.library.function for node in function.node_def}
    ops = [op for op in meta_graph.meta_info_def.stripped_op_list.op if op.name in used]
    del meta_graph.meta_info_def.stripped_op_list.op[:]
    meta_graph.meta_info_def.stripped_op_list.op.extend(ops)


def keep_nodes(graph: Any, kept: Container[str]) -> None:
    """Leave in a GraphDef the nodes of `kept`, and the functions and gradients that they run."""
    made = type(graph)()
    made.versions.CopyFrom(graph.versions)
    made.node.extend(node for node in graph.node if node.name in kept)
    for node in made.node:
        forget_colocation(node, kept)
    run = functions_run(graph.library, made.node)
    made.library.function.extend(item for item in graph.library.function if item.signature.name in run)
    made.library.gradient.extend(item for item in graph.library.gradient if item.function_name in run)
    graph.CopyFrom(made)


def functions_run(library: Any, nodes: Iterable[Any]) -> set[str]:
    """Return the functions of a library that NodeDefs run, with those that these run, and their gradients."""
    bodies: Mapping[str, Any] = {item.signature.name: item for item in library.function}
    gradients = {item.function_name: item.gradient_func for item in library.gradient}
    pending = [name for node in nodes for name in (*called_functions(node), node.op)]
    found: set[str] = set()
    while pending:
        name = pending.pop()
        if name in found or name not in bodies:
            continue
        found.add(name)
        pending += [called for node in bodies[name].node_def for called in (*called_functions(node), node.op)]
        if name in gradients:
            pending.append(gradients[name])
    return found


def forget_colocation(node: Any, names: Container[str]) -> None:
    """Drop a graph node's wish to lie beside nodes that are not among `names`: an importer refuses it."""
    if _COLOCATION not in node.attr:
        return
    held = node.attr[_COLOCATION].list.s
    left = [
        item
        for item in held
        if not item.startswith(_LOCATION) or item[len(_LOCATION) :].decode("utf-8", "replace") in names
    ]
    if len(left) == len(held):
        return
    del held[:]
    held.extend(left)
    if not left:
        del node.attr[_COLOCATION]
