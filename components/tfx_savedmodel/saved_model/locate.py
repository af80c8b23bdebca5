"""Where the SavedModel lies: a directory itself, or a TFX Model artifact around it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model.local import local_path

BINARY_FILE = "saved_model.pb"
#: The files that make a directory a SavedModel, in the order in which TensorFlow looks.
GRAPH_FILES = (BINARY_FILE, "saved_model.pbtxt", "saved_model.cpb")

#: Where a TFX Model artifact keeps the model that is to be served.
SERVING_DIRECTORY = "Format-Serving"

#: What the names of Keras files end with.
KERAS_ENDINGS = (".keras", ".h5", ".hdf5")


def is_saved_model(path: Path) -> bool:
    """Tell whether a directory holds a file that names itself a SavedModel's graph."""
    return any((path / name).is_file() for name in GRAPH_FILES)


def has_saved_model(root: Path) -> bool:
    """Tell whether `find_saved_model` finds SavedModels in a directory, one or several."""
    return any(is_saved_model(candidate) for candidate in (root, root / SERVING_DIRECTORY)) or bool(_versions(root))


def _versions(root: Path) -> list[Path]:
    below = root / SERVING_DIRECTORY if (root / SERVING_DIRECTORY).is_dir() else root
    return sorted(child for child in below.iterdir() if child.is_dir() and is_saved_model(child))


def find_saved_model(path: str | os.PathLike[str]) -> Path:
    """Return the SavedModel directory at `path`, below `Format-Serving/`, or one version below.

    Raises:
      UsageError: a remote path.
      UnreadableModelError: nothing there, a file, or no or several SavedModels below it.
    """
    root = local_path(path, "the model")
    if not root.exists():
        raise UnreadableModelError(
            "no such path", where=str(root), wanted="a SavedModel directory", next_step="check the path"
        )
    if not root.is_dir():
        raise UnreadableModelError(
            "not a directory",
            where=str(root),
            found="a file",
            wanted="a SavedModel directory or an artifact's",
            next_step=_export_first([root]),
        )
    for candidate in (root, root / SERVING_DIRECTORY):
        if is_saved_model(candidate):
            return candidate
    versions = _versions(root)
    if len(versions) == 1:
        return versions[0]
    if versions:
        raise UnreadableModelError(
            "more than one SavedModel here",
            where=str(root),
            found=", ".join(child.name for child in versions),
            wanted="one",
            next_step=f"name one of them, such as {versions[-1]}",
        )
    raise UnreadableModelError(
        "no SavedModel here",
        where=str(root),
        found=_contents(root),
        wanted=f"{' or '.join(GRAPH_FILES[:2])}, in it or in {SERVING_DIRECTORY}/",
        next_step=_export_first(root.iterdir()) or "name the directory that holds saved_model.pb",
    )


def _export_first(files: Iterable[Path]) -> str:
    """Return what to do with a Keras file in a SavedModel's place, if one is there."""
    if not any(file.suffix.lower() in KERAS_ENDINGS for file in files):
        return ""
    export = "tfx-savedmodel export MODEL DEST --signature serving_default=model"
    return f"export the Keras file first (`{export}`), or ask `validate` whether it can be loaded without harm"


def _contents(root: Path) -> str:
    names = sorted(child.name + ("/" if child.is_dir() else "") for child in root.iterdir())
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "an empty directory"
