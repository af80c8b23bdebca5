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
        of_functions: dict[str, set[str]] = {}
        for label, starts in self.starts():
            names, functions = self._walk(starts)
            for name in names:
                found.setdefault((None, name), set()).add(label)
            for function in functions:
                of_functions.setdefault(function, set()).add(label)
        roots = {place: frozenset(labels) for place, labels in found.items()}
        for function, labels in of_functions.items():  # whoever calls a function runs all of it
            same = frozenset(labels)
            roots.update(((function, name), same) for name in self.meta_graph.functions[function].nodes)
        return roots

    @functools.cached_property
    def callable_functions(self) -> frozenset[str]:
        """Return the functions that Python can run on the loaded object, and those that they run."""
        gradients = self.meta_graph.gradients.get("", ()) if self.alternatives else ()
        return frozenset(self._closure([*self.meta_graph.captured_assets, *gradients]))

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

    def _walk(self, starts: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return the graph's nodes that some of them need, themselves included, and the functions that these run."""
        nodes = self.meta_graph.nodes
        pending = [name for name in starts if name in nodes]
        seen = set(pending)
        called: set[str] = set()
        while pending:
            node = nodes[pending.pop()]
            called.update(self._called(node))
            for name in map(node_of, node.inputs):
                if name not in seen and name in nodes:
                    seen.add(name)
                    pending.append(name)
        return seen, self._closure(called)

    def _closure(self, names: Iterable[str]) -> set[str]:
        """Return functions of the library and all that they run."""
        pending = [name for name in names if name in self.meta_graph.functions]
        seen = set(pending)
        while pending:
            fresh = self._calls(pending.pop()) - seen
            seen |= fresh
            pending.extend(fresh)
        return seen

    def _calls(self, function: str) -> frozenset[str]:
        if function not in self._calls_of:
            nodes = self.meta_graph.functions[function].nodes.values()
            self._calls_of[function] = frozenset(name for node in nodes for name in self._called(node))
        return self._calls_of[function]

    @functools.cached_property
    def _calls_of(self) -> dict[str, frozenset[str]]:
        return {}

    def _called(self, node: NodeView) -> list[str]:
        return (may_run if self.alternatives else functions_of)(self.meta_graph, node)


def reach_of(meta_graph: MetaGraphView, *, alternatives: bool = False) -> Reach:
    """Return the Reach of a MetaGraph: the same one each time, so that what it worked out serves everybody."""
    others = alternatives and (
        any(meta_graph.gradients.values()) or any(item.implements for item in meta_graph.functions.values())
    )
    key = "reach with alternatives" if others else "reach"
    if key not in meta_graph.memo:
        meta_graph.memo[key] = Reach(meta_graph, alternatives=others)
    reach: Reach = meta_graph.memo[key]
    return reach


def functions_of(meta_graph: MetaGraphView, node: NodeView) -> list[str]:
    """Return the library functions that a node runs: from its attributes, or by its op's name."""
    functions = meta_graph.functions
    if not node.functions:
        return [node.op] if node.op in functions else []
    return [name for name in (*node.functions, node.op) if name in functions]


def may_run(meta_graph: MetaGraphView, node: NodeView) -> list[str]:
    """Return what `functions_of` does, and what may run in the place of one of these.

    That is another implementation, which Grappler takes where it suits the device better, and the gradient of a
    function that is differentiated.
    """
    names = functions_of(meta_graph, node)
    if not names:
        return names
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
