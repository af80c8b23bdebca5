"""Files that the caller wants in assets.extra, by their path there."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.saved_model.reader import CONTRACT_FILE
from tfx_savedmodel.saved_model.remote import Staging

PathLike = str | os.PathLike[str]

_FOLDER, _, _OURS = CONTRACT_FILE.partition("/")


def read_assets(given: Mapping[str, PathLike] | None) -> dict[str, str]:
    """Return the files by their places in assets.extra; whether they are there is not looked at.

    Raises:
      UsageError: a place leads out of assets.extra, is taken twice, or lies below that of another file.
    """
    found: dict[str, str] = {}
    for name, file in (given or {}).items():
        place = PurePosixPath(name)
        if not place.parts or place.is_absolute() or ".." in place.parts or place == PurePosixPath(_OURS):
            raise UsageError(
                "no place in assets.extra",
                where="assets_extra",
                found=repr(name),
                wanted=f"a file's relative path without .., and not {_OURS}, which is ours",
            )
        for other in map(PurePosixPath, found):
            if place == other or place in other.parents or other in place.parents:
                raise UsageError(
                    "two files for one place in assets.extra",
                    where="assets_extra",
                    found=f"{str(other)!r} and {name!r}",
                    wanted="a place of its own for each file, none below another's",
                )
        found[str(place)] = os.fspath(file)
    return found


def fetch_assets(extra: Mapping[str, PathLike], stage: Staging) -> dict[str, Path]:
    """Return the files as local ones.

    Raises:
      UsageError: there is no such file.
    """
    found = {name: stage.path(file, "assets_extra") for name, file in extra.items()}
    for name, path in found.items():
        if not path.is_file():
            raise UsageError("no such file", where=f"assets_extra: {name}", found=str(extra[name]), wanted="a file")
    return found


def digests_of(extra: Mapping[str, PathLike]) -> dict[str, str]:
    """Return the SHA-256 of each file in hex, by its place.

    Raises:
      UsageError: there is no such file.
    """
    with Staging() as stage:
        files = fetch_assets(extra, stage)
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def put_assets(extra: Mapping[str, PurePath], model: Path) -> None:
    """Copy files into a SavedModel's assets.extra."""
    for name, path in extra.items():
        target = model / _FOLDER / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
