"""What a SavedModel is, as JSON: `inspect`'s document and the model part of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tfx_savedmodel.saved_model.reaches import reaches
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, NodeView

SCHEMA_VERSION = 1

#: Entries of the variables index that are no variable: the saved object graph itself.
_OBJECT_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"


def model_facts(view: GraphView) -> dict[str, Any]:
    """Return the facts of a model: its identity, MetaGraphs, variables and sizes (in bytes)."""
    meta_graph = view.meta_graph()
    return {
        "schema_version": SCHEMA_VERSION,
        "uri": str(view.path),
        "format": view.format,
        "fault": view.fault,
        "fingerprint": view.fingerprint,
        "tensorflow_version": meta_graph.tensorflow_version if meta_graph else None,
        "meta_graphs": [_meta_graph(item) for item in view.meta_graphs],
        "variables": _variables(view),
        "sizes": _sizes(view),
        "keras_metadata": view.has_keras_metadata,
        "explanation": view.explanation,
    }


def all_nodes(meta_graph: MetaGraphView) -> Iterator[tuple[str | None, NodeView]]:
    """Yield every node of the graph (function name None) and of the function library."""
    for node in meta_graph.nodes.values():
        yield None, node
    for function in meta_graph.functions.values():
        for node in function.nodes.values():
            yield function.name, node


def _meta_graph(meta_graph: MetaGraphView) -> dict[str, Any]:
    ops = Counter(node.op for _, node in all_nodes(meta_graph))
    return {
        "tags": list(meta_graph.tags),
        "tensorflow_version": meta_graph.tensorflow_version,
        "is_tf2": meta_graph.is_tf2,
        "signatures": {key: signature.to_json() for key, signature in meta_graph.signatures.items()},
        "nodes": sum(ops.values()),
        "functions": len(meta_graph.functions),
        "ops": dict(sorted(ops.items())),
        "init_ops": list(meta_graph.init_ops),
        "assets": {name: meta_graph.assets[name] for name in sorted(meta_graph.assets)},
        "reaches": reaches(meta_graph),
    }


def _variables(view: GraphView) -> dict[str, int]:
    count = parameters = size = 0
    for entry in view.variables.entries:
        if entry.key == _OBJECT_GRAPH_KEY or entry.shape is None:
            continue
        elements = 1
        for dimension in entry.shape:
            elements *= dimension or 0
        count, parameters, size = count + 1, parameters + elements, size + entry.size
    return {"count": count, "parameters": parameters, "bytes": size}


def _sizes(view: GraphView) -> dict[str, int]:
    def below(folder: str) -> int:
        return sum(size for name, size in view.files.items() if name.startswith(folder))

    graph = sum(size for name, size in view.files.items() if name.startswith("saved_model."))
    return {
        "graph": graph,
        "variables": below("variables/"),
        "assets": below("assets/"),
        "total": sum(view.files.values()),
    }
