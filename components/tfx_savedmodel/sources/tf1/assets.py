"""The files that a TF1 graph reads when it is initialised: found beside the model, and made its assets."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.attributes import plain_value
from tfx_savedmodel.saved_model.local import leaves
from tfx_savedmodel.saved_model.reachability import node_of

_READS = "InitializeTableFromTextFile"
_TABLES = ("HashTable", "HashTableV2")
_COLLECTION = "saved_model_assets"


def find_assets(meta_graph: Any, nodes: Collection[str], folder: Path) -> dict[str, Path]:
    """Return the local file of each asset among `nodes`, by its tensor.

    A graph names them as they lay where it was trained. Here they are looked for beside the model alone, at
    the same relative path, at its last two parts or by name, there or in `assets/`: what a graph names is not to
    be trusted.

    Raises:
      UnsupportedModelError: a file is not there, or cannot be told from another one of its name.
    """
    by_name = {node.name: node for node in meta_graph.graph_def.node}
    names: dict[str, str] = {}
    for tensor in dict.fromkeys([*_collected(meta_graph), *_read_by_tables(by_name)]):
        node = by_name.get(node_of(tensor))
        if node is None or node.name not in nodes:
            continue
        named = plain_value(node.attr["value"]) if node.op == "Const" else None
        if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], str):
            raise UnsupportedModelError(
                "an asset of the graph has no name", where=f"{folder}: {tensor}", wanted="a constant file name"
            )
        names[tensor] = named[0]
    found = {tensor: _found(folder, named, tensor) for tensor, named in names.items()}
    _refuse_mixed(folder, names, found)
    return found


def _refuse_mixed(folder: Path, names: Mapping[str, str], found: Mapping[str, Path]) -> None:
    """Two names are of two files; one file may have both only where neither had to be guessed."""
    by_file: dict[Path, dict[PurePath, str]] = {}
    for tensor, file in found.items():
        by_file.setdefault(file, {})[_path(names[tensor])] = names[tensor]
    for file, named in by_file.items():
        if len(named) > 1 and any(_inside(folder, path) != file.relative_to(folder) for path in named):
            raise UnsupportedModelError(
                "files that the graph reads cannot be told from each other",
                where=str(file),
                found=f"the graph names {', '.join(sorted(named.values()))}",
                wanted="each of them below the directory of the model",
                next_step=f"put each in a folder of the model's directory as it was named: "
                f"{', '.join(sorted('/'.join(path.parts[-2:]) for path in named))}",
            )


def _collected(meta_graph: Any) -> Iterable[str]:
    if "asset_filepaths" not in meta_graph.collection_def:
        return ()
    values: Iterable[str] = meta_graph.collection_def["asset_filepaths"].node_list.value
    return values


def _read_by_tables(nodes: Mapping[str, Any]) -> Iterator[str]:
    """Yield the constants that name files of tables: a GraphDef has no collections."""
    for node in nodes.values():
        if node.op.startswith(_READS) and len(node.input) > 1:
            name = node_of(node.input[1])
            if name in nodes and nodes[name].op == "Const":
                yield f"{name}:0"


def _path(named: str) -> PurePath:
    return PurePath(named.replace("\0", "?"))  # no file system has names with NUL in them


def _inside(folder: Path, path: PurePath) -> PurePath:
    """Return what is below the folder as it is named from there."""
    return path.relative_to(folder) if path.is_absolute() and path.is_relative_to(folder) else path


def _found(folder: Path, named: str, tensor: str) -> Path:
    path = _path(named)
    tried = (path, PurePath(*path.parts[-2:]), PurePath(path.name), PurePath("assets", path.name))
    for inside in dict.fromkeys(_inside(folder, part) for part in tried):
        if not inside.is_absolute() and not leaves(folder, str(inside)) and (folder / inside).is_file():
            return folder / inside
    raise UnsupportedModelError(
        "a file that the graph reads is not beside the model",
        where=str(folder),
        found=f"{tensor}: {named}",
        wanted=f"{path.name} in the directory of the model",
        next_step="copy it there",
    )


def add_assets(meta_graph: Any, assets: Mapping[str, Path], directory: Path) -> None:
    """Copy files to a SavedModel's `assets/`, and say in its MetaGraph which tensor names which.

    The tensors have the files' names there: where they lay is nobody's business.
    """
    names: dict[str, Path] = {}
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    if assets:
        (directory / "assets").mkdir()
    for tensor, path in assets.items():
        name, number = path.name, 0
        while names.get(name, path) != path:
            number += 1
            name = f"{path.stem}_{number}{path.suffix}"
        names[name] = path
        shutil.copy2(path, directory / "assets" / name)
        item = protos.meta_graph_pb2().AssetFileDef(filename=name)
        item.tensor_info.name = tensor
        values = nodes[node_of(tensor)].attr["value"].tensor.string_val
        _rename_tables(nodes, values[0], name.encode())
        values[:] = [name.encode()]
        meta_graph.asset_file_def.add().CopyFrom(item)
        meta_graph.collection_def[_COLLECTION].any_list.value.add().Pack(item)


def _rename_tables(nodes: Mapping[str, Any], named: bytes, name: bytes) -> None:
    """A table over a file is shared under a name made of the file's: tables that were one stay one."""
    tables = [node for node in nodes.values() if node.op in _TABLES and "shared_name" in node.attr]
    taken = {node.attr["shared_name"].s for node in tables}
    for node in tables if b"/" in named else ():
        renamed = node.attr["shared_name"].s.replace(named, name)
        if renamed not in taken:
            node.attr["shared_name"].s = renamed
