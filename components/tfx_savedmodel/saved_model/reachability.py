"""Which nodes run when a model is initialised, called by a signature, saved or restored."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfx_savedmodel.saved_model.tensors import split_tensor
from tfx_savedmodel.saved_model.view import MetaGraphView, NodeView

INIT = "init"
SAVE = "save"
RESTORE = "restore"

_GRADIENT = "SymbolicGradient"

#: A node's place: the function that holds it (None is the graph itself) and its name.
Place = tuple[str | None, str]


@dataclasses.dataclass(frozen=True)
class Reach:
    """For each place the roots that run it: "init", "save", "restore" or a signature as "signature 'key'".

    With `alternatives` what may run in the place of a function counts too: see `may_run`.
    """

    meta_graph: MetaGraphView
    alternatives: bool = False

    @functools.cached_property
    def roots(self) -> dict[Place, frozenset[str]]:
        """Return the roots by place; a place that no root reaches is absent."""
        found: dict[Place, set[str]] = {}
        for label, nodes in self.starts():
            for place in self._walk(nodes):
                found.setdefault(place, set()).add(label)
        return {place: frozenset(labels) for place, labels in found.items()}

    @functools.cached_property
    def callable_functions(self) -> frozenset[str]:
        """Return the functions that Python can run on the loaded object, and those that they run."""
        gradients = self.meta_graph.gradients.get("", ()) if self.alternatives else ()
        named = (*self.meta_graph.captured_assets, *gradients)
        pending = [name for name in named if name in self.meta_graph.functions]
        seen = set(pending)
        while pending:
            for node in self.meta_graph.functions[pending.pop()].nodes.values():
                fresh = set(self._called(node)) - seen
                seen |= fresh
                pending.extend(fresh)
        return frozenset(seen)

    def by_signature(self, key: str) -> Iterator[tuple[str | None, NodeView]]:
        """Yield the nodes that a signature runs, each with its function."""
        label = signature_label(key)
        for (function, name), labels in self.roots.items():
            if label in labels:
                yield function, self.node((function, name))

    def node(self, place: Place) -> NodeView:
        """Return the node at a place."""
        function, name = place
        nodes = self.meta_graph.nodes if function is None else self.meta_graph.functions[function].nodes
        return nodes[name]

    def starts(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the label of each root and the names of the graph's nodes that it asks for."""
        yield INIT, [*self.meta_graph.init_ops, *self.meta_graph.default_init_ops]
        for key, signature in self.meta_graph.signatures.items():
            tensors = [name for spec in signature.outputs.values() for name in (spec.tensor, *spec.parts) if name]
            yield signature_label(key), [split_tensor(tensor)[0] for tensor in tensors]
        saver = self.meta_graph.saver
        if saver is not None:
            yield SAVE, [split_tensor(saver.save_tensor)[0]]
            yield RESTORE, [split_tensor(saver.restore_op)[0]]

    def _walk(self, starts: Iterable[str]) -> set[Place]:
        pending: list[Place] = [(None, name) for name in starts if name in self.meta_graph.nodes]
        seen: set[Place] = set(pending)
        while pending:
            for place in self._next(pending.pop()):
                if place not in seen:
                    seen.add(place)
                    pending.append(place)
        return seen

    def _next(self, place: Place) -> Iterator[Place]:
        function, _ = place
        nodes = self.meta_graph.nodes if function is None else self.meta_graph.functions[function].nodes
        node = self.node(place)
        for value in node.inputs:
            name = node_of(value)
            if name in nodes:
                yield function, name
        for called in self._called(node):
            for name in self.meta_graph.functions[called].nodes:
                yield called, name

    def _called(self, node: NodeView) -> list[str]:
        return (may_run if self.alternatives else functions_of)(self.meta_graph, node)


def functions_of(meta_graph: MetaGraphView, node: NodeView) -> list[str]:
    """Return the library functions that a node runs: from its attributes, or by its op's name."""
    names = [*node.functions, node.op]
    return [name for name in names if name in meta_graph.functions]


def may_run(meta_graph: MetaGraphView, node: NodeView) -> list[str]:
    """Return what `functions_of` does, and what may run in the place of one of these.

    That is another implementation, which Grappler takes where it suits the device better, and the gradient of a
    function that is differentiated.
    """
    names = functions_of(meta_graph, node)
    if node.op == _GRADIENT:
        names += [gradient for name in names for gradient in meta_graph.gradients.get(name, ())]
    wanted = {meta_graph.functions[name].implements for name in names if name in meta_graph.functions} - {""}
    if wanted:
        names += [item.name for item in meta_graph.functions.values() if item.implements in wanted]
    return [name for name in dict.fromkeys(names) if name in meta_graph.functions]


def node_of(value: str) -> str:
    """Return the node name of an input as a NodeDef writes it: "^a", "a", "a:1", "a:out:0"."""
    return value.lstrip("^").partition(":")[0]


def ancestors(nodes: Mapping[str, Any], starts: Iterable[str]) -> set[str]:
    """Return the nodes that some nodes or tensors need, themselves included; `nodes` are NodeDefs by name."""
    pending = [name for name in map(node_of, starts) if name in nodes]
    seen = set(pending)
    while pending:
        for name in map(node_of, nodes[pending.pop()].input):
            if name in nodes and name not in seen:
                seen.add(name)
                pending.append(name)
    return seen


def signature_label(key: str) -> str:
    """Return the root label of a signature."""
    return f"signature {key!r}"
