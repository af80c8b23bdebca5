"""Where `--report` may write, looked at before the work: a directory, and in none of the models that are given."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath

from tfx_savedmodel.errors import DestinationError
from tfx_savedmodel.operations.present import is_remote, local_path, remote_uri

_LOCAL = "file://"


def report_place(name: str, given: Mapping[str, str | None]) -> Path | str:
    """Return the directory to write reports to: a path, or text where it is remote.

    Args:
      name: what the user gave.
      given: what is read, a path or None by the option that names it: files beside a model's would change it.

    Raises:
      DestinationError: a file is there or above it, or it lies in a directory that is read, links followed.
    """
    for option, path in given.items():
        if path is not None and _lies_in(name, path):
            raise DestinationError(
                "the report would change what it is about",
                where="--report",
                found=f"{name}, which is in {option} {path}",
                wanted="a directory outside of it",
                next_step="name a directory beside it",
            )
    if is_remote(name):
        return name
    local = local_path(name, "the report")
    nearest = next((item for item in (local, *local.parents) if item.exists()), None)
    if nearest is not None and not nearest.is_dir():
        raise DestinationError(
            "the report cannot be written there", where="--report", found=f"{nearest} is a file", wanted="a directory"
        )
    return local


def _lies_in(name: str, folder: str) -> bool:
    """Tell whether a path is that directory, or one in it, whether it exists yet or not."""
    inner, outer = _place(name), _place(folder)
    return outer == inner or outer in inner.parents


def _place(path: str) -> PurePath:
    """Return one path for all the ways to name a place; a remote one begins with its scheme, a local one with /."""
    path = path[len(_LOCAL) :] if path.lower().startswith(_LOCAL) else path
    if is_remote(path):
        scheme, _, rest = remote_uri(path).partition("://")
        return PurePosixPath(f"{scheme.lower()}:", posixpath.normpath(rest))
    # realpath follows the links of what exists, and keeps what does not exist yet.
    return Path(os.path.realpath(path))
