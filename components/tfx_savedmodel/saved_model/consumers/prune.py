"""Takes out of a MetaGraph the nodes and functions that are not kept, and whatever names them."""

from __future__ import annotations

import collections
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from typing import Any

from tfx_savedmodel.saved_model.consumers.keep import Uses, registered_gradients
from tfx_savedmodel.saved_model.consumers.specs import unreadable
from tfx_savedmodel.saved_model.meta_graph import RESERVED_SIGNATURES, tensor_names
from tfx_savedmodel.saved_model.pruning import forget_colocation
from tfx_savedmodel.saved_model.structures import CAPTURED, spec_kinds, value_kinds
from tfx_savedmodel.saved_model.tensors import split_tensor


def prune(meta_graph: Any, kept: Uses, version: str, uncallable: Collection[str] = ()) -> collections.Counter[str]:
    """Remove what is not kept, and what a version's TF2 loader cannot read of objects; return the nodes by op.

    Args:
      uncallable: functions that stay, for others that call them, and are none of the objects' any more.
    """
    graph, library = meta_graph.graph_def, meta_graph.graph_def.library
    ops = collections.Counter(node.op for node in graph.node if node.name not in kept.nodes)
    _keep_only(graph.node, lambda node: node.name in kept.nodes)
    _keep_only(library.function, lambda function: function.signature.name in kept.functions)
    _keep_only(library.gradient, lambda item: {item.function_name, item.gradient_func} <= kept.functions)
    if registered_gradients(library):
        _keep_only(library.registered_gradients, lambda item: item.gradient_func in kept.functions)
    for node in _all_nodes(graph):
        forget_colocation(node, kept.nodes)
    _prune_signatures(meta_graph, kept.nodes)
    aliases = meta_graph.meta_info_def.function_aliases
    for name in [name for name in aliases if name not in kept.functions]:
        del aliases[name]
    _prune_objects(meta_graph.object_graph_def, kept.functions - set(uncallable), version)
    return ops


def _all_nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _keep_only(items: Any, wanted: Callable[[Any], bool]) -> None:
    """Delete the others of a repeated field, run by run: their positions shift with each deletion."""
    end = None
    for place in range(len(items) - 1, -1, -1):
        if wanted(items[place]):
            if end is not None:
                del items[place + 1 : end]
                end = None
        elif end is None:
            end = place + 1
    if end is not None:
        del items[:end]


def _prune_signatures(meta_graph: Any, nodes: Container[str]) -> None:
    """A client's signatures are kept whole; what a trainer's needs may be gone."""
    for key in [key for key in meta_graph.signature_def if key in RESERVED_SIGNATURES]:
        names = [name for info in meta_graph.signature_def[key].outputs.values() for name in tensor_names(info)]
        if any(split_tensor(name)[0] not in nodes for name in names):
            del meta_graph.signature_def[key]


def _prune_objects(objects: Any, functions: Container[str], version: str) -> None:
    """Take functions out of the object graph, where no object changes its number.

    A function of Python without a trace says so when it is called; a concrete function becomes an empty object, and
    so does one whose declaration cannot be read, and a captured tensor of a kind that is not known.
    """
    for name in [name for name in objects.concrete_functions if name not in functions]:
        del objects.concrete_functions[name]
    for item in objects.nodes:
        kind = item.WhichOneof("kind")
        if kind == "function":
            left = [name for name in item.function.concrete_functions if name in functions]
            del item.function.concrete_functions[:]
            item.function.concrete_functions.extend(left)
            if not left and unreadable(spec_kinds(item), version):
                _empty(item, kind)
        elif kind == "bare_concrete_function":
            function = item.bare_concrete_function
            if function.concrete_function_name not in functions:
                _empty(item, kind)
            elif unreadable(value_kinds(function.function_spec.fullargspec), version):
                # Without one the loader goes by the structured inputs.
                function.ClearField("function_spec")
        elif kind == CAPTURED and unreadable([kind], version):
            _empty(item, kind)


def _empty(item: Any, kind: str) -> None:
    item.ClearField(kind)
    item.user_object.identifier = "_generic_user_object"
    item.user_object.version.producer = item.user_object.version.min_consumer = 1


def count_notes(counts: Mapping[str, int]) -> str:
    """Return counts as words, the largest first."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
