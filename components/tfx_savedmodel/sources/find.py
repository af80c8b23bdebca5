"""What lies at a path: which form of trained model, and where in it exactly."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
from pathlib import Path

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model.bundle import is_table
from tfx_savedmodel.saved_model.graph_files import SUFFIXES
from tfx_savedmodel.saved_model.keras_files import is_keras_file
from tfx_savedmodel.saved_model.local import leaves, local_path
from tfx_savedmodel.saved_model.locate import SERVING_DIRECTORY, find_saved_model, is_saved_model

SAVED_MODEL = "SavedModel"
KERAS_FILE = "Keras file"
CHECKPOINT = "checkpoint"
GRAPH_FILE = "graph file"

#: What a Saver of before TF 0.12 calls a checkpoint of several files.
_OLD_PATTERN = re.compile(r"-\?{5}-of-\d{5}$")

_STATE_FILE = "checkpoint"
_VARIABLES = "variables"
#: What TFX puts beside the model that is to be served, for TFMA.
_EVALUATION_DIRECTORY = "Format-TFMA"


@dataclasses.dataclass(frozen=True)
class Found:
    """A trained model at a path: `form` is SAVED_MODEL (a directory), KERAS_FILE (of any kind, weights too),
    CHECKPOINT (a prefix: `path` itself is a file only in the format of before TF 0.12) or GRAPH_FILE (of a TF1
    graph without a checkpoint of its name).
    """

    path: Path
    form: str


def find_trained_model(path: str | os.PathLike[str]) -> Found:
    """Return what lies at a local path.

    It may be a SavedModel, a Keras file, a checkpoint's prefix or directory, a TF1 graph's file, or a TFX Model
    artifact around one of them. Nothing is opened but a directory's `checkpoint` file, and the end of what may be
    a checkpoint of old.

    Raises:
      UsageError: a remote path.
      UnreadableModelError: nothing there, or more than one model.
    """
    root = local_path(_OLD_PATTERN.sub("", os.fspath(path)), "the model")
    if root.is_file():
        return _from_file(root)
    if _is_checkpoint(root):
        return Found(root, CHECKPOINT)
    if not root.is_dir():
        raise UnreadableModelError(
            "no such path",
            where=str(root),
            wanted="a SavedModel directory, a Keras file, or a checkpoint's prefix",
            next_step="check the path",
        )
    served = root / SERVING_DIRECTORY
    for directory in (root, served):
        if directory.is_dir() and is_saved_model(directory):
            return Found(directory, SAVED_MODEL)
    return _from_directory(served if served.is_dir() else root)


def _from_file(file: Path) -> Found:
    if is_keras_file(file):
        return Found(file, KERAS_FILE)
    prefix = _prefix(file)
    if prefix is not None:
        return Found(prefix, CHECKPOINT)
    if file.name == _STATE_FILE:
        return _from_directory(file.parent)
    if is_saved_model(file.parent) and file.name.startswith("saved_model."):
        return Found(file.parent, SAVED_MODEL)
    if file.suffix in SUFFIXES:
        return Found(file, GRAPH_FILE)
    raise UnreadableModelError(
        "not a trained model",
        where=str(file),
        found=f"a file {file.suffix or 'without a suffix'}",
        wanted=".keras, .h5, .hdf5, .weights.h5, a checkpoint's .index, a graph's .meta, .pb or .pbtxt, or a directory",
        next_step="name the model itself",
    )


def _from_directory(directory: Path) -> Found:
    """A directory that is no SavedModel itself: one thing in it, or one SavedModel below it."""
    names = sorted(child.name for child in directory.iterdir())
    found = [Found(directory / name, KERAS_FILE) for name in names if is_keras_file(directory / name)]
    checkpoint = _checkpoint(directory, names)
    if checkpoint is not None:
        found.append(checkpoint)
    below = [name for name in names if name != _EVALUATION_DIRECTORY and is_saved_model(directory / name)]
    if not found and not below:
        graphs = (directory / name for name in names if Path(name).suffix in SUFFIXES)
        found = [Found(path, GRAPH_FILE) for path in graphs if path.is_file()]
    if not found and len(below) != 1:
        # Says what is wrong: several versions, or nothing at all.
        if below:
            return Found(find_saved_model(directory), SAVED_MODEL)
        raise _nothing(directory, names)
    found += [Found(directory / name, SAVED_MODEL) for name in below]
    if len(found) == 1:
        return found[0]
    raise UnreadableModelError(
        "more than one model here",
        where=str(directory),
        found=", ".join(item.path.name for item in found),
        wanted="one",
        next_step=f"name one of them, such as {found[-1].path}",
    )


def _checkpoint(directory: Path, names: list[str]) -> Found | None:
    """Return the latest checkpoint by the state file, else the only one, else what a SavedModel calls its own."""
    prefixes = [name.removesuffix(".index") for name in names if name.endswith(".index")]
    stems = [name.removesuffix(".meta") for name in names if name.endswith(".meta")]
    prefixes += [stem for stem in stems if stem not in prefixes and _is_checkpoint(directory / stem)]
    latest = _latest(directory) if _STATE_FILE in names else None
    if latest is not None and _is_checkpoint(latest):
        return Found(latest, CHECKPOINT)
    if len(prefixes) == 1:
        return Found(directory / prefixes[0], CHECKPOINT)
    if prefixes:
        raise UnreadableModelError(
            "more than one checkpoint here, and no state file that names the latest",
            where=str(directory),
            found=", ".join(prefixes[:8]),
            wanted="one",
            next_step=f"name one of them, such as {directory / prefixes[-1]}",
        )
    if _index(directory / _VARIABLES / _VARIABLES).is_file():
        return Found(directory / _VARIABLES / _VARIABLES, CHECKPOINT)
    return None


def _latest(directory: Path) -> Path | None:
    """Return the prefix that a `checkpoint` file names; only its name counts where the directory was moved.

    Raises:
      UnreadableModelError: it leads out of the directory.
    """
    text = (directory / _STATE_FILE).read_text(encoding="utf-8", errors="replace")
    named = re.search(r'^\s*model_checkpoint_path:\s*"((?:[^"\\]|\\.)*)"', text, re.MULTILINE)
    if named is None:
        return None
    path = Path(_OLD_PATTERN.sub("", named[1]).replace("\0", "?"))
    by_name = directory / path.name
    if path.is_absolute():
        return by_name
    if not leaves(directory, str(path)):
        return directory / path if _is_checkpoint(directory / path) else by_name
    if _is_checkpoint(by_name):
        return by_name
    raise UnreadableModelError(
        "the state file leads out of its directory",
        where=str(directory / _STATE_FILE),
        found=f"model_checkpoint_path {named[1]}",
        wanted="a checkpoint in the directory",
        next_step="name the checkpoint itself",
    )


def _prefix(file: Path) -> Path | None:
    """Return the prefix of a checkpoint's own file, or None."""
    if is_table(file) and file.suffix != ".index":
        return file.with_name(re.sub(r"-\d{5}-of-\d{5}$", "", file.name))
    stem = re.sub(r"\.(index|meta|data-\d{5}-of-\d{5})$", "", file.name)
    prefix = file.with_name(stem)
    return prefix if stem != file.name and _is_checkpoint(prefix) else None


def _is_checkpoint(prefix: Path) -> bool:
    """Tell whether a checkpoint has this prefix, in the format of today or in that of before TF 0.12."""
    if _index(prefix).is_file() or is_table(prefix):
        return True
    return any(map(is_table, prefix.parent.glob(f"{glob.escape(prefix.name)}-00000-of-*")))


def _index(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}.index")


def _nothing(directory: Path, names: list[str]) -> UnreadableModelError:
    shown = [f"{name}/" if (directory / name).is_dir() else name for name in names]
    return UnreadableModelError(
        "no trained model here",
        where=str(directory),
        found=", ".join(shown[:8]) + (", …" if len(shown) > 8 else "") if shown else "an empty directory",
        wanted=f"saved_model.pb, a Keras file or a checkpoint, in it or in {SERVING_DIRECTORY}/",
        next_step="name the model itself",
    )
