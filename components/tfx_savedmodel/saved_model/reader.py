"""Read a SavedModel directory into a GraphView, without TensorFlow and without trust.

Nothing is executed, unpickled, or followed outside the directory; a file that cannot be read is a
`fault` in the view, never an exception.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model import bundle
from tfx_savedmodel.saved_model.local import leaves
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
from tfx_savedmodel.saved_model.meta_graph import read_meta_graph
from tfx_savedmodel.saved_model.parse import Fault, parse_saved_model
from tfx_savedmodel.saved_model.remains import said_by_files
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, VariablesView

#: What SignatureExporter leaves in the model about its plan, relative to the SavedModel.
CONTRACT_FILE = "assets.extra/tfx_savedmodel.json"
EXPLANATION_FILE = "explanation_metadata.json"
VARIABLES_PREFIX = "variables/variables"
_LARGEST_JSON = 16 << 20


def read_saved_model(path: str | os.PathLike[str], tags: Sequence[str] = ("serve",)) -> GraphView:
    """Return what a SavedModel directory holds; `tags` name the MetaGraph that the caller means.

    Raises:
      UnreadableModelError: there is no directory at `path`.
    """
    root = Path(path)
    if not root.is_dir():
        raise UnreadableModelError("no such directory", where=str(root), wanted="a SavedModel directory")
    files, links = _list(root)
    name = next((name for name in GRAPH_FILES if name in files or name in links), "")
    fault: str | None = None
    meta_graphs: tuple[MetaGraphView, ...] = ()
    try:
        proto = parse_saved_model(root, name)
        meta_graphs = tuple(read_meta_graph(item) for item in proto.meta_graphs)
    except Fault as error:
        said = "" if name else said_by_files(root)
        fault = f"{error}: {said}" if said else str(error)
    contract, _ = _read_json(root, CONTRACT_FILE, files)
    explanation, explanation_fault = _read_json(root, EXPLANATION_FILE, files)
    return GraphView(
        path=root,
        fault=fault,
        format=Path(name).suffix.lstrip("."),
        meta_graphs=meta_graphs,
        files=files,
        links=links,
        read_variables=lambda: _variables(root, links),
        fingerprint=_fingerprint(root, name, files),
        has_keras_metadata="keras_metadata.pb" in files,
        contract=contract,
        explanation=explanation,
        explanation_fault=explanation_fault,
        tags=tuple(tags),
    )


def _list(root: Path) -> tuple[dict[str, int], dict[str, str]]:
    """Return sizes of regular files and targets of links, by relative path; links are not entered."""
    files: dict[str, int] = {}
    links: dict[str, str] = {}
    for directory, folders, names in os.walk(root):
        for name in sorted([*folders, *names]):
            child = Path(directory) / name
            relative = child.relative_to(root).as_posix()
            if child.is_symlink():
                links[relative] = str(child.readlink())
                if child.is_file() and not leaves(root, relative):
                    files[relative] = child.stat().st_size
            elif child.is_file():
                files[relative] = child.stat().st_size
    return files, links


def _variables(root: Path, links: Mapping[str, str]) -> VariablesView:
    """Nothing is followed out of the directory; a linked folder is not entered at all."""
    folder = VARIABLES_PREFIX.partition("/")[0]
    if folder in links:
        return VariablesView(problem=f"{folder}/ is a link")
    strays = [name for name in links if name.startswith(f"{folder}/") and leaves(root, name)]
    if strays:
        return VariablesView(problem=f"{strays[0]} is a link that leaves the directory")
    return bundle.read_bundle(root / VARIABLES_PREFIX)


def _read_json(root: Path, name: str, files: Mapping[str, int]) -> tuple[dict[str, Any] | None, str | None]:
    if name not in files:
        return None, None
    if files[name] > _LARGEST_JSON:
        return None, f"has {files[name]} bytes, more than {_LARGEST_JSON}"
    try:
        value = json.loads((root / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return None, f"cannot be read as JSON: {error}"
    if not isinstance(value, dict):
        return None, f"holds a JSON {type(value).__name__}, not an object"
    return value, None


def _fingerprint(root: Path, name: str, files: Mapping[str, int]) -> str | None:
    """Return a SHA-256 over the graph, the variables index, and the assets' names and sizes.

    The index holds a checksum of each tensor, so the weights count without being read.
    TensorFlow's own fingerprint.pb is not used: the same model saved twice has two.
    """
    if name not in files:
        return None
    digest = hashlib.sha256()
    for part in (name, f"{VARIABLES_PREFIX}.index"):
        if part in files:
            digest.update(f"{part}\0".encode())
            digest.update((root / part).read_bytes())
    for part, size in sorted(files.items()):
        if part.startswith("assets/"):
            digest.update(f"{part}\0{size}\0".encode())
    return digest.hexdigest()
