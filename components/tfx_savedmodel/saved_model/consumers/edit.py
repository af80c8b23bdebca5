"""Edits of graphs and functions that keep what they mean and leave nothing that a consumer does not know."""

from __future__ import annotations

import collections
from typing import Any

from tfx_savedmodel.saved_model.consumers.nodes import NodeJudge
from tfx_savedmodel.saved_model.consumers.replacements import Scope, replace
from tfx_savedmodel.saved_model.reachability import Place


class GraphEditor:
    """Edits nodes for a consumer, and counts it: `stripped` and `said` by "Op.attribute", `replaced` by op.

    `places` are the nodes that were replaced, each with the function that holds it.
    """

    def __init__(self, judge: NodeJudge) -> None:
        self._judge = judge
        self.stripped: collections.Counter[str] = collections.Counter()
        self.said: collections.Counter[str] = collections.Counter()
        self.replaced: collections.Counter[str] = collections.Counter()
        self.places: list[Place] = []

    def edit_graph(self, graph: Any) -> None:
        """Edit the nodes of a GraphDef and of its library."""
        scope = Scope({node.name: node for node in graph.node})
        self._edit(graph.node, scope)
        for function in graph.library.function:
            self._edit_function(function)

    def _edit_function(self, function: Any) -> None:
        arguments = {argument.name for argument in function.signature.input_arg}
        nodes = {node.name: node for node in function.node_def}
        scope = Scope(nodes, arguments, function.signature.name, tuple(function.ret.values()))
        self._edit(function.node_def, scope)
        if not scope.renamed:
            return
        for node in function.node_def:
            for place, value in enumerate(node.input):
                node.input[place] = _renamed(value, scope)
        for name, value in list(function.ret.items()):
            function.ret[name] = _renamed(value, scope)

    def _edit(self, nodes: Any, scope: Scope) -> None:
        for node in nodes:
            op = node.op
            if replace(node, scope, self._judge):
                self.replaced[op] += 1
                self.places.append((scope.function, node.name))
        nodes.extend(scope.made)
        for node in nodes:
            self._edit_attributes(node)

    def _edit_attributes(self, node: Any) -> None:
        for name in list(self._judge.unknown(node.op, node.attr)):
            self.stripped[f"{node.op}.{name}"] += 1
            del node.attr[name]
        for name, value in list(self._judge.unsaid(node.op, node.attr)):
            self.said[f"{node.op}.{name}"] += 1
            node.attr[name].ParseFromString(value)


def _renamed(value: str, scope: Scope) -> str:
    """Return "node:output:0" with the output's new name."""
    node, _, output = value.partition(":")
    old, _, index = output.partition(":")
    new = scope.renamed.get((node, old))
    return f"{node}:{new}:{index or 0}" if new is not None else value
