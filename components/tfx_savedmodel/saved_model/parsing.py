"""Which tf.Example features a graph parses out of one of its string inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.saved_model.origins import Origins
from tfx_savedmodel.saved_model.reachability import Reach, reach_of
from tfx_savedmodel.saved_model.tensors import split_tensor
from tfx_savedmodel.saved_model.view import MetaGraphView, NodeView, Shape, SignatureView

_PARSERS = ("ParseExample", "ParseExampleV2", "ParseSingleExample")


@dataclasses.dataclass(frozen=True)
class ParsingSpec:
    """Features that a parsing op takes: dense ones with dtype and shape, sparse ones with dtype."""

    dense: Mapping[str, tuple[str, Shape]]
    sparse: Mapping[str, str]


def parsing_spec(
    meta_graph: MetaGraphView, signature: SignatureView, name: str, reach: Reach | None = None
) -> ParsingSpec | None:
    """Return what the signature parses out of its input `name`, or None where it parses nothing.

    The features of several parsing ops over the same input are put together. Who asks about many inputs gives
    the graph's `reach`, which takes longest.
    """
    placeholder = split_tensor(signature.inputs[name].tensor)[0]
    origins = Origins(meta_graph, at_init=False)
    dense: dict[str, tuple[str, Shape]] = {}
    sparse: dict[str, str] = {}
    seen = False
    for function, node in (reach or reach_of(meta_graph)).by_signature(signature.key):
        if node.op not in _PARSERS or not node.inputs:
            continue
        if not any(
            item.kind == "caller" and item.detail == placeholder for item in origins.of(function, node.inputs[0])
        ):
            continue
        seen = True
        _add(meta_graph, function, node, dense, sparse)
    return ParsingSpec(dense, sparse) if seen else None


def feature_names(meta_graph: MetaGraphView, function: str | None, node: NodeView, value: str) -> list[str]:
    """Return the feature that an output of a parsing op holds a part of, or nothing.

    `value` is the output as a NodeDef of `function` writes it: "parse:3" in the graph, "parse:dense_values:0" in
    a function of the library.
    """
    sparse, dense = _keys(meta_graph, function, node)
    _, _, place = value.partition(":")
    argument, _, number = place.rpartition(":")
    index = int(number) if number.isdecimal() else 0
    groups = {"sparse_indices": sparse, "sparse_values": sparse, "sparse_shapes": sparse, "dense_values": dense}
    names = groups.get(argument, []) if argument else [name for group in groups.values() for name in group]
    return names[index : index + 1]


def _add(
    meta_graph: MetaGraphView,
    function: str | None,
    node: NodeView,
    dense: dict[str, tuple[str, Shape]],
    sparse: dict[str, str],
) -> None:
    sparse_keys, dense_keys = _keys(meta_graph, function, node)
    dtypes, shapes = node.attr("Tdense", []), node.attr("dense_shapes", [])
    for index, key in enumerate(dense_keys):
        shape = shapes[index] if index < len(shapes) else ()
        dense[key] = (dtypes[index] if index < len(dtypes) else "float32", shape)
    for key, dtype in zip(sparse_keys, node.attr("sparse_types", []), strict=False):
        sparse[key] = dtype


def _keys(meta_graph: MetaGraphView, function: str | None, node: NodeView) -> tuple[list[str], list[str]]:
    """Return sparse and dense feature names; each op hands them over in its own way."""
    inputs = [value for value in node.inputs if not value.startswith("^")]
    if node.op == "ParseSingleExample":
        return list(node.attr("sparse_keys", [])), list(node.attr("dense_keys", []))
    if node.op == "ParseExampleV2":
        return _constant(meta_graph, function, inputs[2]), _constant(meta_graph, function, inputs[3])
    sparse, dense = int(node.attr("Nsparse", 0)), int(node.attr("Ndense", 0))
    names = [_constant(meta_graph, function, value) for value in inputs[2 : 2 + sparse + dense]]
    flat = [name[0] if name else "" for name in names]
    return flat[:sparse], flat[sparse:]


def _constant(meta_graph: MetaGraphView, function: str | None, value: str) -> list[str]:
    nodes: Mapping[str, Any] = meta_graph.nodes if function is None else meta_graph.functions[function].nodes
    node = nodes.get(value.partition(":")[0])
    values = node.attr("value") if node is not None and node.op == "Const" else None
    return [str(item) for item in values] if isinstance(values, list) else []
