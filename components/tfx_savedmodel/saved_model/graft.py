"""Merging a small graph into the MetaGraph of a SavedModel that is not published yet, as protos."""

from __future__ import annotations

import dataclasses
import filecmp
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.clone import as_input
from tfx_savedmodel.saved_model.init_op import add_initialisers
from tfx_savedmodel.saved_model.tensors import split_tensor

_PREFIX = "tfx_savedmodel"
_ASSETS = "saved_model_assets"
_COLOCATED = b"loc:@"


@dataclasses.dataclass(frozen=True)
class Graft:
    """A MetaGraphDef, the ops that initialise its tables, and its asset tensors with their files."""

    meta_graph: Any
    initialisers: tuple[str, ...] = ()
    assets: Mapping[str, Path] = dataclasses.field(default_factory=dict)


def free_prefix(graph_def: Any) -> str:
    """Return what no node's name of the graph begins with, before a "/"."""
    taken = {node.name.partition("/")[0] for node in graph_def.node}
    number = 0
    while (name := f"{_PREFIX}_{number}" if number else _PREFIX) in taken:
        number += 1
    return name


def merge(meta_graph: Any, graft: Graft, prefix: str, directory: Path) -> None:
    """Put a graft's graph, functions, assets and initialisers into a MetaGraphDef; its nodes go below the prefix.

    Its tables have names of their own, so that they are never taken for the model's.

    Args:
      prefix: what `free_prefix` gave.
      directory: the SavedModel's, where the asset files go.
    """
    graph, added = meta_graph.graph_def, graft.meta_graph.graph_def
    functions = _function_names(graph.library, added.library)
    for node in added.node:
        made = graph.node.add()
        made.CopyFrom(node)
        made.name = f"{prefix}/{node.name}"
        made.input[:] = [_prefixed(value, prefix) for value in node.input]
        _own(made, functions, prefix)
        if "_class" in made.attr:
            places = made.attr["_class"].list.s
            places[:] = [place.replace(_COLOCATED, _COLOCATED + f"{prefix}/".encode(), 1) for place in places]
    _add_functions(graph.library, added.library, functions, prefix)
    graph.versions.min_consumer = max(graph.versions.min_consumer, added.versions.min_consumer)
    graph.versions.bad_consumers.extend(set(added.versions.bad_consumers) - set(graph.versions.bad_consumers))
    _add_ops(meta_graph.meta_info_def.stripped_op_list, graft.meta_graph.meta_info_def.stripped_op_list)
    _add_assets(meta_graph, graft.assets, prefix, directory)
    add_initialisers(meta_graph, [f"{prefix}/{op}" for op in graft.initialisers], f"{prefix}/init")


def bind(graph_def: Any, tensors: Mapping[str, str]) -> None:
    """Put tensors of the graph in the place of placeholders, given by node name, and drop those."""
    for node in graph_def.node:
        for index, value in enumerate(node.input):
            name = split_tensor(value.removeprefix("^"))[0]
            if name in tensors:
                control = value.startswith("^")
                node.input[index] = f"^{split_tensor(tensors[name])[0]}" if control else as_input(tensors[name])
    kept = [node for node in graph_def.node if node.name not in tensors]
    del graph_def.node[:]
    graph_def.node.extend(kept)


def _prefixed(value: str, prefix: str) -> str:
    return f"^{prefix}/{value[1:]}" if value.startswith("^") else f"{prefix}/{value}"


def _own(node: Any, functions: Mapping[str, str], prefix: str) -> None:
    """Give a node the new names of the functions that it calls, and its tables names of their own."""
    node.op = functions.get(node.op, node.op)
    for function in _held(node.attr):
        function.name = functions.get(function.name, function.name)
    if "shared_name" in node.attr and node.attr["shared_name"].s:
        node.attr["shared_name"].s = f"{prefix}/".encode() + node.attr["shared_name"].s


def _held(attributes: Any) -> Iterator[Any]:
    for value in attributes.values():
        kind = value.WhichOneof("value")
        for function in [value.func] if kind == "func" else value.list.func if kind == "list" else ():
            yield function
            yield from _held(function.attr)


def _function_names(library: Any, added: Any) -> dict[str, str]:
    """Return old name -> new name for the graft's functions whose names the graph has already."""
    taken = {item.signature.name for item in library.function}
    names: dict[str, str] = {}
    for item in added.function:
        old, number = item.signature.name, 1
        while (name := f"{old}_{number}" if number > 1 or old in taken else old) in taken:
            number += 1
        taken.add(name)
        if name != old:
            names[old] = name
    return names


def _add_functions(library: Any, added: Any, names: Mapping[str, str], prefix: str) -> None:
    for item in added.function:
        made = library.function.add()
        made.CopyFrom(item)
        made.signature.name = names.get(item.signature.name, item.signature.name)
        for node in made.node_def:
            _own(node, names, prefix)


def _add_ops(ops: Any, added: Any) -> None:
    """The definition with more attributes is the newer one: readers strip what they do not know by it."""
    there = {op.name: op for op in ops.op}
    for op in added.op:
        if op.name not in there:
            ops.op.add().CopyFrom(op)
        elif len(op.attr) > len(there[op.name].attr):
            there[op.name].CopyFrom(op)


def _add_assets(meta_graph: Any, assets: Mapping[str, Path], prefix: str, directory: Path) -> None:
    """Loaders look at the collection where the field is empty, and old ones at it alone: both are filled."""
    if not assets:
        return
    message = protos.meta_graph_pb2().AssetFileDef
    packed = meta_graph.collection_def[_ASSETS].any_list.value
    if not meta_graph.asset_file_def:
        for item in packed:
            item.Unpack(meta_graph.asset_file_def.add())
    elif not packed:
        for item in meta_graph.asset_file_def:
            packed.add().Pack(item)
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    for tensor, file in sorted(assets.items()):
        asset = message(filename=_put(file, directory / "assets"))
        asset.tensor_info.name = f"{prefix}/{tensor}"
        meta_graph.asset_file_def.add().CopyFrom(asset)
        packed.add().Pack(asset)
        value = nodes[split_tensor(asset.tensor_info.name)[0]].attr["value"].tensor
        value.string_val[:] = [asset.filename.encode()]  # where it lies here is nobody's business


def _put(file: Path, folder: Path) -> str:
    """Copy an asset file; return the name that it has there, where others have theirs."""
    folder.mkdir(exist_ok=True)
    number = 0
    while (target := folder / (f"{file.name}_{number}" if number else file.name)).exists():
        if filecmp.cmp(file, target, shallow=False):
            return target.name
        number += 1
    shutil.copyfile(file, target)
    return target.name
