"""What each root of a MetaGraph reaches, in numbers and names: for a report, so it must be cheap.

One pass over the graph and one over the function library serve all roots: each node carries a bit
for every root that runs it. A function that is run counts with all its nodes, as in `Reach`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tfx_savedmodel.saved_model.reachability import Reach, functions_of, node_of, signature_label
from tfx_savedmodel.saved_model.spreading import Masks, bits, spread
from tfx_savedmodel.saved_model.tensors import split_tensor
from tfx_savedmodel.saved_model.view import VARIABLE_OPS, FunctionView, MetaGraphView, NodeView

#: Roots of the graph, and callable functions, that are looked at; their number is in a hostile author's hands,
#: and the work grows with it.
MAX_ROOTS = 1000


def reaches(meta_graph: MetaGraphView) -> list[dict[str, Any]]:
    """Return for each root that runs anything what it runs, as JSON.

    A root is "init", "signature KEY", "save", "restore", or "function NAME" for a function that
    Python can call on the loaded object. Each has `nodes` (of the graph and of the functions it
    runs), `functions` (how many), and the names of `variables` and files of `assets`, sorted. Of
    thousands of roots the first `MAX_ROOTS` of the graph are told, and as many functions.
    """
    plain = {signature_label(key): f"signature {key}" for key in meta_graph.signatures}
    graph_roots = [(plain.get(label, label), starts) for label, starts in Reach(meta_graph).starts()][:MAX_ROOTS]
    callables = sorted(name for name in meta_graph.captured_assets if name in meta_graph.functions)[:MAX_ROOTS]
    labels = [*(label for label, _ in graph_roots), *(f"function {name}" for name in callables)]
    nodes, functions = meta_graph.nodes, meta_graph.functions
    called = {name: _called(meta_graph, function) for name, function in functions.items()}

    of_nodes = spread(
        lambda name: [need for need in map(node_of, nodes[name].inputs) if need in nodes], _starting(graph_roots, nodes)
    )
    seeds: Masks = defaultdict(int)
    for name, mask in of_nodes.items():
        for function in functions_of(meta_graph, nodes[name]):
            seeds[function] |= mask
    for number, name in enumerate(callables, start=len(graph_roots)):
        seeds[name] |= 1 << number
    of_functions = spread(called.__getitem__, seeds)

    node_counts, function_counts = Counter[int](), Counter[int]()
    for mask, count in Counter(of_nodes.values()).items():
        _add(node_counts, mask, count)
    for name, mask in of_functions.items():
        _add(node_counts, mask, len(functions[name].nodes))
        _add(function_counts, mask, 1)
    variables = _names(_variables(meta_graph, of_nodes, of_functions))
    assets = _names(_assets(meta_graph, of_nodes))
    for number, name in enumerate(callables, start=len(graph_roots)):
        variables[number].update(meta_graph.captured_variables.get(name, ()))
        assets[number].update(meta_graph.captured_assets[name].values())
    return [
        {
            "root": label,
            "nodes": node_counts[number],
            "functions": function_counts[number],
            "variables": sorted(variables[number]),
            "assets": sorted(assets[number]),
        }
        for number, label in enumerate(labels)
        if node_counts[number]
    ]


def _called(meta_graph: MetaGraphView, function: FunctionView) -> list[str]:
    names = (name for node in function.nodes.values() for name in functions_of(meta_graph, node))
    return list(dict.fromkeys(names))


def _starting(roots: Sequence[tuple[str, Sequence[str]]], nodes: Mapping[str, NodeView]) -> Masks:
    masks: Masks = defaultdict(int)
    for number, (_, starts) in enumerate(roots):
        for name in starts:
            if name in nodes:
                masks[name] |= 1 << number
    return masks


def _variables(meta_graph: MetaGraphView, of_nodes: Masks, of_functions: Masks) -> Iterator[tuple[int, str]]:
    for name, mask in of_nodes.items():
        if meta_graph.nodes[name].op in VARIABLE_OPS:
            yield mask, _variable_name(meta_graph.nodes[name])
    for function, mask in of_functions.items():
        for node in meta_graph.functions[function].nodes.values():
            if node.op in VARIABLE_OPS:
                yield mask, _variable_name(node)


def _variable_name(node: NodeView) -> str:
    return str(node.attr("shared_name") or node.name)


def _assets(meta_graph: MetaGraphView, of_nodes: Masks) -> Iterator[tuple[int, str]]:
    for tensor, file in meta_graph.assets.items():
        yield of_nodes.get(split_tensor(tensor)[0], 0), file


def _names(found: Iterable[tuple[int, str]]) -> dict[int, set[str]]:
    names: dict[int, set[str]] = defaultdict(set)
    for mask, name in found:
        for number in bits(mask):
            names[number].add(name)
    return names


def _add(counts: Counter[int], mask: int, count: int) -> None:
    for number in bits(mask):
        counts[number] += count
