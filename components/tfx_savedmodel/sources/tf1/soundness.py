"""Whether a TF1 graph is one, and whether its saver is: what is written of them must load."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model.attributes import plain_value
from tfx_savedmodel.saved_model.op_tables import op_table, versions
from tfx_savedmodel.saved_model.reachability import ancestors, node_of
from tfx_savedmodel.saved_model.view import VARIABLE_OPS
from tfx_savedmodel.sources.tf1.checkpoint_files import CheckpointFiles, refuse_other_dtypes

_RESTORES = "RestoreV2"
_SETS = ("Assign", "AssignVariableOp")
#: A loop's next turn: the only edges that may lead back.
_BACK = ("NextIteration", "RefNextIteration")
_SHOWN = 8


def refuse_broken_graph(meta_graph: Any, where: str) -> None:
    """Let a graph pass whose nodes have names of their own, what their ops ask for, and inputs that come before them.

    Raises:
      UnreadableModelError: it is none; TensorFlow would not import it.
    """
    graph = meta_graph.graph_def.node
    counts = collections.Counter(node.name for node in graph)
    faults = [f"{count} nodes of the name {name!r}" for name, count in counts.items() if count > 1]
    faults += [
        f"node {node.name!r} takes {value!r}, which is not there"
        for node in graph
        for value in node.input
        if node_of(value) not in counts
    ]
    faults += [
        f"node {node.name!r} has no {name}, which {node.op} must have" for node in graph for name in _lacking(node)
    ]
    if not faults:
        circular = _circular({node.name: node for node in graph})
        faults = [f"nodes that wait for each other: {', '.join(circular[:_SHOWN])}"] if circular else []
    if faults:
        raise UnreadableModelError(
            "the graph is broken",
            where=where,
            found="; ".join(faults[:_SHOWN]),
            wanted="nodes with names and attributes of their own, whose inputs are there and do not lead back",
            next_step="write it again with tf.compat.v1.train.export_meta_graph",
        )


def _lacking(node: Any) -> Iterator[str]:
    """Yield the attributes that an op of TensorFlow's has no default for and the node does not say."""
    definition = op_table(versions()[-1]).get(node.op)
    for name, known in definition.attributes.items() if definition is not None else ():
        if known.default is None and name not in node.attr:
            yield name


def _circular(nodes: Mapping[str, Any]) -> list[str]:
    """Return the nodes of circles, and those behind them."""
    before = {
        name: {source for value in node.input if nodes[source := node_of(value)].op not in _BACK}
        for name, node in nodes.items()
    }
    behind: dict[str, list[str]] = {}
    for name, sources in before.items():
        for source in sources:
            behind.setdefault(source, []).append(name)
    waiting = {name: len(sources) for name, sources in before.items()}
    ready = [name for name, count in waiting.items() if not count]
    while ready:
        name = ready.pop()
        del waiting[name]
        for follower in behind.get(name, ()):
            waiting[follower] -= 1
            if not waiting[follower]:
                ready.append(follower)
    return sorted(waiting)


def saver_fits(meta_graph: Any, nodes: Mapping[str, Any], checkpoint: CheckpointFiles) -> bool:
    """Tell whether the graph's own saver is one, and restores from this checkpoint as it is.

    Raises:
      UnsupportedModelError: the checkpoint has other dtypes than the saver restores.
    """
    saver = meta_graph.saver_def
    names = (saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name)
    if checkpoint.shapes is None or not all(node_of(name) in nodes for name in names):
        return False
    restoring, saving = ancestors(nodes, names[2:]), ancestors(nodes, names[1:2])
    if node_of(names[0]) not in restoring & saving or not any(nodes[name].op.startswith("Save") for name in saving):
        return False
    set_there = {node_of(nodes[name].input[0]) for name in restoring if nodes[name].op in _SETS and nodes[name].input}
    if {name for name in restoring if nodes[name].op in VARIABLE_OPS} - set_there:
        return False
    restored = list(_restored(nodes, restoring))
    dtypes = {key: dtype for found in restored if found is not None for key, dtype in found.items()}
    if not restored or None in restored or not dtypes.keys() <= checkpoint.shapes.keys():
        return False
    refuse_other_dtypes(dtypes, checkpoint.dtypes, str(checkpoint.prefix))
    return True


def _restored(nodes: Mapping[str, Any], restoring: set[str]) -> Iterator[dict[str, str] | None]:
    """Yield what each restoring op reads, by its name in the checkpoint with its dtype; None where that is not told."""
    for name in restoring:
        node = nodes[name]
        if node.op != _RESTORES:
            continue
        names_from = nodes.get(node_of(node.input[1])) if len(node.input) > 1 else None
        keys = plain_value(names_from.attr["value"]) if names_from is not None else None
        dtypes = plain_value(node.attr["dtypes"])
        if isinstance(keys, list) and isinstance(dtypes, list) and len(keys) == len(dtypes):
            yield dict(zip(keys, dtypes, strict=True))
        else:
            yield None
