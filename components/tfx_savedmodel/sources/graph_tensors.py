"""Tensors of a TF1 graph by name: dtypes from the graph itself, shapes as TensorFlow infers them."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Collection
from typing import Any

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.tensors import find_tensor, split_tensor
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, Shape

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2")
_REFERENCES = ("Variable", "VariableV2")
_TENSOR = re.compile(r"[^:^]+:(0|[1-9][0-9]*)", re.ASCII)
_SHOWN = 12


class GraphTensors:
    """The graph of a SavedModel's MetaGraph; nothing of it is run."""

    def __init__(self, view: GraphView) -> None:
        meta_graph = view.meta_graph()
        assert meta_graph is not None
        self._view = view
        self._meta_graph: MetaGraphView = meta_graph

    def find(self, name: str) -> tuple[str, Shape]:
        """Return the dtype and shape of a tensor; None is an open size, or an unknown rank.

        Raises:
          UsageError: the name is none of a tensor, or the graph has none of that name.
        """
        node = name.partition(":")[0]
        if _TENSOR.fullmatch(name) is None:
            raise UsageError("this is no name of a tensor", found=name, wanted='node and output, such as "x:0"')
        found = find_tensor(self._meta_graph, name)
        if found is None:
            wanted = f"an output that {node} has, such as {node}:0" if self._has(node) else self._near(node)
            raise UsageError("the graph has no such tensor", found=name, wanted=wanted)
        if found.node.op in _REFERENCES:
            # A session of TF1 reads it, TF2 does not.
            readers = [
                item.name for item in self._meta_graph.nodes.values() if item.op == "Identity" and node in item.inputs
            ]
            wanted = "what reads the variable" + (f": {readers[0]}:0" if readers else "")
            raise UsageError("the tensor is a variable itself, by reference", found=name, wanted=wanted)
        inferred = self._inferred(name) if found.shape is None or found.dtype is None else None
        dtype = found.dtype or (inferred.dtype.base_dtype.name if inferred is not None else None)
        if dtype is None:
            raise UsageError(
                "the tensor's dtype is not known",
                found=f"{name} of op {found.node.op}, which this TensorFlow does not know",
                wanted="a tensor of a known op",
            )
        shape = found.shape
        if shape is None and inferred is not None and inferred.shape.rank is not None:
            shape = tuple(inferred.shape.as_list())
        return dtype, shape

    def placeholders(self, tensors: Collection[str], fed: Collection[str]) -> list[str]:
        """Return the placeholders that these tensors need, but for what is fed, as tensor names."""
        nodes, known = self._meta_graph.nodes, set(fed)
        pending, seen, found = [name for name in tensors if name not in known], set[str](), set[str]()
        while pending:
            name = split_tensor(pending.pop().removeprefix("^"))[0]
            if name in seen or name not in nodes:
                continue
            seen.add(name)
            if nodes[name].op in _PLACEHOLDERS:
                found.add(f"{name}:0")
                continue
            for value in nodes[name].inputs:
                tensor = value if ":" in value else f"{value}:0"
                if tensor not in known:
                    pending.append(value)
        return sorted(found - known)

    def _has(self, node: str) -> bool:
        return find_tensor(self._meta_graph, f"{node}:0") is not None

    def _near(self, node: str) -> str:
        names = [name for name in self._meta_graph.nodes if name != node]
        shown = difflib.get_close_matches(node, names, 3) or [
            name for name in names if self._meta_graph.nodes[name].op in _PLACEHOLDERS
        ]
        return "a tensor of the graph: " + ", ".join(f"{name}:0" for name in shown[:_SHOWN])

    def _inferred(self, name: str) -> Any | None:
        if self._graph is None:
            return None
        try:
            return self._graph.get_tensor_by_name(name)
        except (KeyError, ValueError):
            return None

    @functools.cached_property
    def _graph(self) -> Any | None:
        """The graph in TensorFlow, which infers shapes; None where this TensorFlow does not take it."""
        import tensorflow as tf

        name = f"saved_model.{self._view.format}"
        wanted = set(self._meta_graph.tags)
        protos = [
            item
            for item in parse_saved_model(self._view.path, name).meta_graphs
            if set(item.meta_info_def.tags) == wanted
        ]
        graph = tf.Graph()
        try:
            with graph.as_default():
                tf.import_graph_def(protos[0].graph_def, name="")
        except Exception:  # an op or attribute that this TensorFlow does not know, said in many ways
            return None
        return graph
