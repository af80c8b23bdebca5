"""Which nodes run when a model is initialised, called by a signature, saved or restored."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfx_savedmodel.saved_model.spreading import Masks, bits, spread
from tfx_savedmodel.saved_model.tensors import split_tensor
from tfx_savedmodel.saved_model.view import MetaGraphView, NodeView

INIT = "init"
SAVE = "save"
RESTORE = "restore"

_GRADIENT = "SymbolicGradient"

#: So many roots are named of what more run.
MOST_ROOTS = 50
#: Labels, in all sets together, that are kept by `_Roots`.
_MOST_TOLD = 1_000_000

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
    def roots(self) -> Mapping[Place, frozenset[str]]:
        """The roots by place; a place that no root reaches is absent."""
        return _Roots(self)

    def __contains__(self, place: Place) -> bool:
        """Tell whether a root runs a place."""
        return bool(self._mask(place))

    def some_roots(self, place: Place, most: int = MOST_ROOTS) -> list[str]:
        """Return the roots of a place in order, of more than `most` these and their number: "and 1,950 more"."""
        return self._some(self._mask(place), most)

    def some_roots_of_all(self, places: Iterable[Place], most: int = MOST_ROOTS) -> list[str]:
        """Return what `some_roots` does, for several places together."""
        mask = 0
        for place in places:
            mask |= self._mask(place)
        return self._some(mask, most)

    @functools.cached_property
    def callable_functions(self) -> frozenset[str]:
        """Return the functions that Python can run on the loaded object, and those that they run."""
        gradients = self.meta_graph.gradients.get("", ()) if self.alternatives else ()
        return frozenset(self._closure([*self.meta_graph.captured_assets, *gradients]))

    def by_signature(self, key: str) -> Iterator[tuple[str | None, NodeView]]:
        """Yield the nodes that a signature runs, each with its function."""
        for function, name in self.by_root(signature_label(key)):
            yield function, self.node((function, name))

    def by_root(self, label: str) -> Iterator[Place]:
        """Yield the places that a root runs."""
        if label in self.labels:
            bit = 1 << self.labels.index(label)
            of_nodes, of_functions = self._masks
            yield from ((None, name) for name, mask in of_nodes.items() if mask & bit)
            for function, mask in of_functions.items():
                if mask & bit:
                    yield from ((function, name) for name in self.meta_graph.functions[function].nodes)

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

    @functools.cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels of all roots."""
        return tuple(label for label, _ in self.starts())

    @functools.cached_property
    def _masks(self) -> tuple[Masks, Masks]:
        """The roots of the graph's nodes, and of the library functions: whoever calls a function runs all of it."""
        nodes = self.meta_graph.nodes
        seeds: Masks = defaultdict(int)
        for number, (_, starts) in enumerate(self.starts()):
            for name in starts:
                if name in nodes:
                    seeds[name] |= 1 << number
        of_nodes = spread(lambda name: [need for need in map(node_of, nodes[name].inputs) if need in nodes], seeds)
        called: Masks = defaultdict(int)
        for name, mask in of_nodes.items():
            for function in self._called(nodes[name]):
                called[function] |= mask
        return of_nodes, spread(self._calls, called)

    def _mask(self, place: Place) -> int:
        function, name = place
        of_nodes, of_functions = self._masks
        if function is None:
            return of_nodes.get(name, 0)
        mask = of_functions.get(function, 0)
        return mask if mask and name in self.meta_graph.functions[function].nodes else 0

    def _some(self, mask: int, most: int) -> list[str]:
        found = sorted(self.labels[number] for number in itertools.islice(bits(mask), most))
        more = mask.bit_count() - len(found)
        return [*found, f"and {more:,} more"] if more else found

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


class _Roots(Mapping[Place, frozenset[str]]):
    """The roots of each place, told when they are asked for: all of them may be more than fits into memory."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._told: dict[int, frozenset[str]] = {}
        self._kept = 0

    def __getitem__(self, place: Place) -> frozenset[str]:
        mask = self._reach._mask(place)
        if not mask:
            raise KeyError(place)
        if mask not in self._told:
            self._kept += mask.bit_count()
            if self._kept > _MOST_TOLD:
                self._told.clear()
                self._kept = mask.bit_count()
            labels = self._reach.labels
            self._told[mask] = frozenset(labels[number] for number in bits(mask))
        return self._told[mask]

    def __iter__(self) -> Iterator[Place]:
        of_nodes, of_functions = self._reach._masks
        yield from ((None, name) for name in of_nodes)
        for function in of_functions:
            yield from ((function, name) for name in self._reach.meta_graph.functions[function].nodes)

    def __len__(self) -> int:
        of_nodes, of_functions = self._reach._masks
        return len(of_nodes) + sum(len(self._reach.meta_graph.functions[name].nodes) for name in of_functions)


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
        names += [name for what in sorted(wanted) for name in _implementing(meta_graph).get(what, ())]
    return [name for name in dict.fromkeys(names) if name in meta_graph.functions]


def _implementing(meta_graph: MetaGraphView) -> Mapping[str, list[str]]:
    """Return the functions by what they implement."""
    if "implementing" not in meta_graph.memo:
        found: dict[str, list[str]] = defaultdict(list)
        for item in meta_graph.functions.values():
            found[item.implements].append(item.name)
        meta_graph.memo["implementing"] = found
    implementing: Mapping[str, list[str]] = meta_graph.memo["implementing"]
    return implementing


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
