"""Carry a SavedModel's files to another directory, without reading the weights where that can be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from tfx_savedmodel.errors import UnsupportedModelError


def carry_files(source: Path, destination: Path, *, leave_out: Collection[str] = (), copy: bool = False) -> None:
    """Put every file of `source` into the existing directory `destination`, but for those left out.

    Files are hard-linked; they are copied with `copy`, and where the file system refuses a link
    (another file system, one without links, a link to a file of somebody else's). A symbolic link to a
    file becomes a copy of it: what is published must not lean on a file elsewhere.

    Args:
      leave_out: paths relative to `source`, with "/".

    Raises:
      UnsupportedModelError: a folder is a symbolic link.
    """
    for directory, folders, names in os.walk(source):
        for folder in folders:
            if (Path(directory) / folder).is_symlink():
                raise UnsupportedModelError(
                    "a folder of the model is a symbolic link",
                    where=str(Path(directory) / folder),
                    wanted="folders of its own",
                    next_step="replace the link by a copy of the folder",
                )
        below = Path(directory).relative_to(source)
        (destination / below).mkdir(exist_ok=True)
        for name in names:
            if (below / name).as_posix() not in leave_out:
                carry_file(Path(directory) / name, destination / below / name, copy=copy)


def carry_file(source: Path, target: Path, *, copy: bool = False) -> None:
    """Hard-link a file, or copy it with `copy`, where it is a symbolic link, and where it cannot be linked."""
    if not copy and not source.is_symlink():
        try:
            target.hardlink_to(source)
            return
        except OSError:
            pass
    shutil.copy2(source, target)
