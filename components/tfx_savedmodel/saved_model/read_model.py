"""Read whatever is given as a model into a GraphView: a SavedModel, a Keras file, or what says that it is neither."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tfx_savedmodel.errors import UnreadableModelError, UnsafeModelError
from tfx_savedmodel.saved_model.keras_files import KerasFile, is_keras_file, read_keras_file
from tfx_savedmodel.saved_model.local import local_path
from tfx_savedmodel.saved_model.locate import SERVING_DIRECTORY, find_saved_model, has_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.remains import is_remains, said_by_files
from tfx_savedmodel.saved_model.view import KERAS, GraphView, VariablesView

_PIECE = 1 << 20


def find_model(path: str | os.PathLike[str]) -> Path:
    """Return the SavedModel directory or the Keras file at a local path, or in a TFX Model artifact there.

    A directory that holds neither is returned too where its files say what it is: to be judged, not refused.

    Raises:
      UsageError: a remote path.
      UnreadableModelError: nothing there, no sign of a model, or several.
    """
    root = local_path(path, "the model")
    if root.is_file() and is_keras_file(root):
        return root
    if not root.is_dir() or has_saved_model(root):
        return find_saved_model(root)
    served = root / SERVING_DIRECTORY
    directory = served if served.is_dir() else root
    files = [child for child in sorted(directory.iterdir()) if is_keras_file(child)]
    if len(files) == 1 and not is_remains(directory):
        return files[0]
    if files and not is_remains(directory):
        raise UnreadableModelError(
            "more than one Keras file here",
            where=str(directory),
            found=", ".join(file.name for file in files[:8]),
            wanted="one model",
            next_step=f"name one of them, such as {files[-1]}",
        )
    return directory if said_by_files(directory) else find_saved_model(root)


def read_model(path: str | os.PathLike[str], tags: Sequence[str] = ("serve",)) -> GraphView:
    """Return the view of what `find_model` found. Nothing of it is run, nor deserialised.

    Raises:
      UnreadableModelError: there is nothing at `path`.
    """
    file = Path(path)
    return _read_keras(file, tags) if file.is_file() else read_saved_model(file, tags)


def _read_keras(path: Path, tags: Sequence[str]) -> GraphView:
    fault: str | None = None
    keras: KerasFile | None = None
    try:
        keras = read_keras_file(path)
    except (UnreadableModelError, UnsafeModelError) as error:
        fault = f"{error.message}: {error.found}" if error.found else error.message
    return GraphView(
        path=path,
        fault=fault,
        format=KERAS,
        meta_graphs=(),
        files={path.name: path.stat().st_size},
        links={},
        read_variables=VariablesView,
        fingerprint=_fingerprint(path),
        tags=tuple(tags),
        keras=keras,
    )


def _fingerprint(path: Path) -> str:
    """Return a SHA-256 over the file; over its members' names, sizes and checksums where it is an archive."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                digest.update(f"{member.filename}\0{member.file_size}\0{member.CRC}\0".encode())
        return digest.hexdigest()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
