"""What of a model its signatures, its initialiser, its saver and its loaders use, as nodes and library functions.

TF2's loader in Python reads every function of the library, and calls those of tables and saveable objects; the
other functions of its objects are for whoever calls them. Sources: saved_model/load.py, load_v1_in_v2.py and
function_deserialization.py of TensorFlow 2.15.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tfx_savedmodel.saved_model.consumers.specs import unreadable
from tfx_savedmodel.saved_model.reachability import functions_of, node_of
from tfx_savedmodel.saved_model.structures import CAPTURED
from tfx_savedmodel.saved_model.tensors import split_tensor
from tfx_savedmodel.saved_model.view import MetaGraphView

#: Functions of a restored resource, which TF2's loader calls.
_RESOURCE_FUNCTIONS = ("_create_resource", "_initialize", "_destroy_resource")
#: Names one interface for several functions; a graph optimiser puts one in another's place.
_INTERFACE = "api_implements"
_GRADIENT = "_gradient_op_type"


@dataclasses.dataclass
class Uses:
    """Names of graph nodes and of library functions."""

    nodes: set[str]
    functions: set[str]

    def add(self, other: Uses) -> None:
        self.nodes |= other.nodes
        self.functions |= other.functions


class Keeper:
    """Collects what is kept of a MetaGraph.

    Args:
      meta_graph: the proto.
      view: the same as plain data.
    """

    def __init__(self, meta_graph: Any, view: MetaGraphView) -> None:
        self.meta_graph, self.view = meta_graph, view
        self._calls: dict[str, frozenset[str]] = {}

    def uses(self, nodes: Iterable[str] = (), functions: Iterable[str] = ()) -> Uses:
        """Return the nodes and functions, those that are there, and all that they use."""
        found = Uses(set(), set())
        pending = [name for name in nodes if name in self.view.nodes]
        calls = {name for name in functions if name in self.view.functions}
        found.nodes.update(pending)
        while pending:
            node = self.view.nodes[pending.pop()]
            calls.update(functions_of(self.view, node))
            fresh = {node_of(value) for value in node.inputs} - found.nodes
            fresh = {name for name in fresh if name in self.view.nodes}
            found.nodes |= fresh
            pending.extend(fresh)
        waiting = list(calls)
        found.functions |= calls
        while waiting:
            more = self._called(waiting.pop()) - found.functions
            found.functions |= more
            waiting.extend(more)
        return found

    def required(self, version: str) -> Uses:
        """Return what no loader of a version and no signature can do without."""
        return self.uses(_root_nodes(self.meta_graph, self.view), self.called_by_loaders(version))

    def called_by_loaders(self, version: str) -> set[str]:
        """Return the concrete functions that a version's TF2 loader calls, those of signatures among them."""
        return set(_required_functions(self.meta_graph, version))

    def add_what_fits(self, kept: Uses, also: Iterable[str], fits: Callable[[Uses], bool]) -> None:
        """Add what may be used and can be: nodes, other functions of objects, other implementations, gradients."""
        for name in also:
            found = self.uses([name])
            if fits(found):
                kept.add(found)
        for name in sorted(self.meta_graph.object_graph_def.concrete_functions):
            self._add(kept, [name], fits)
        size = -1
        while size != len(kept.functions):
            size = len(kept.functions)
            for group in self._companions(kept):
                self._add(kept, group, fits)

    def _add(self, kept: Uses, functions: Iterable[str], fits: Callable[[Uses], bool]) -> None:
        found = self.uses(functions=functions)
        if not found.functions <= kept.functions and fits(found):
            kept.add(found)

    def _companions(self, kept: Uses) -> Iterator[Iterable[str]]:
        library = self.meta_graph.graph_def.library
        interfaces: dict[bytes, set[str]] = {}
        for function in library.function:
            if _INTERFACE in function.attr:
                interfaces.setdefault(function.attr[_INTERFACE].s, set()).add(function.signature.name)
        yield from (group for group in interfaces.values() if group & kept.functions)
        yield from ([item.gradient_func] for item in library.gradient if item.function_name in kept.functions)
        registered = registered_gradients(library)
        if registered:
            used = self._gradients_of(kept)
            yield from ([item.gradient_func] for item in registered if item.registered_op_type in used)

    def _gradients_of(self, kept: Uses) -> set[str]:
        holders: list[Mapping[str, Any]] = [self.view.functions[name].nodes for name in sorted(kept.functions)]
        nodes = [node for held in holders for node in held.values()]
        nodes += [self.view.nodes[name] for name in sorted(kept.nodes)]
        return {str(node.attr(_GRADIENT)) for node in nodes if _GRADIENT in node.raw()}

    def _called(self, function: str) -> frozenset[str]:
        if function not in self._calls:
            nodes = self.view.functions[function].nodes.values()
            self._calls[function] = frozenset(name for node in nodes for name in functions_of(self.view, node))
        return self._calls[function]


def registered_gradients(library: Any) -> list[Any]:
    """Return the gradients that functions bring along, which not every TensorFlow's proto knows."""
    return list(getattr(library, "registered_gradients", ()))


def _root_nodes(meta_graph: Any, view: MetaGraphView) -> Iterator[str]:
    yield from view.init_ops
    for key in view.signatures:
        signature = view.signatures[key]
        for side in (signature.inputs, signature.outputs):
            for spec in side.values():
                yield from (split_tensor(name)[0] for name in (spec.tensor, *spec.parts))
    saver = view.saver
    if saver is not None:
        yield from (split_tensor(name)[0] for name in (saver.filename_tensor, saver.save_tensor, saver.restore_op))
    yield from (split_tensor(name)[0] for name in view.assets)
    # TF2's loader takes constants of objects from the graph.
    for item in meta_graph.object_graph_def.nodes:
        if item.WhichOneof("kind") == "constant":
            yield item.constant.operation


def _required_functions(meta_graph: Any, version: str) -> Iterator[str]:
    """Yield the concrete functions that a version's TF2 loader calls, or cannot load a model without."""
    objects = dict(enumerate(meta_graph.object_graph_def.nodes))
    for number, item in objects.items():
        if item.WhichOneof("kind") == CAPTURED and not unreadable([CAPTURED], version):
            yield item.captured_tensor.concrete_function
        called = [child.node_id for child in item.children if child.local_name in _RESOURCE_FUNCTIONS]
        for saveable in item.saveable_objects.values():
            called += [saveable.save_function, saveable.restore_function]
        if number == 0:
            maps = [objects.get(child.node_id) for child in item.children if child.local_name == "signatures"]
            called += [child.node_id for found in maps if found is not None for child in found.children]
        for each in called:
            if each in objects:
                yield from concrete_functions(objects[each])


def concrete_functions(item: Any) -> list[str]:
    """Return the concrete functions of an object of the object graph."""
    kind = item.WhichOneof("kind")
    if kind == "function":
        return list(item.function.concrete_functions)
    return [item.bare_concrete_function.concrete_function_name] if kind == "bare_concrete_function" else []
