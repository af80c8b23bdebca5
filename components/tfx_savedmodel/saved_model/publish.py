"""Write beside, then rename: a destination is complete or absent at every moment."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from tfx_savedmodel.errors import DestinationError

_PREFIX = ".tfx-savedmodel-"


@contextlib.contextmanager
def publishing(destination: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a fresh directory beside `destination` that becomes it when the block ends well.

    An empty directory at `destination` counts as absent, since TFX makes output folders itself.
    On any error, the caller's interrupt included, what was written is removed and `destination`
    stays as it was. What a killed run left beside the same destination is removed first.

    Raises:
      DestinationError: something is there and `overwrite` is False, or nothing can be written.
    """
    destination = Path(os.path.abspath(destination))
    check_destination(destination, overwrite=overwrite)
    destination.parent.mkdir(parents=True, exist_ok=True)
    for leftover in destination.parent.glob(f"{_PREFIX}{destination.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    staged = destination.parent / f"{_PREFIX}{destination.name}-{secrets.token_hex(4)}"
    try:
        staged.mkdir()
    except OSError as error:
        raise DestinationError(
            "the destination cannot be written", where=str(destination), found=str(error.strerror)
        ) from error
    try:
        yield staged
        _rename(staged, destination, overwrite=overwrite)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def check_destination(destination: Path, *, overwrite: bool = False) -> None:
    """Raise DestinationError where `destination` holds something and may not be replaced."""
    if not destination.exists() or overwrite:
        return
    if destination.is_dir() and not any(destination.iterdir()):
        return
    raise DestinationError(
        "the destination exists",
        where=str(destination),
        found="a directory with content" if destination.is_dir() else "a file",
        wanted="a path that is not there yet",
        next_step="name another destination, or allow overwriting",
    )


def _rename(staged: Path, destination: Path, *, overwrite: bool) -> None:
    old = None
    if destination.exists():
        if destination.is_dir() and not any(destination.iterdir()):
            destination.rmdir()
        elif overwrite:
            old = destination.parent / f"{_PREFIX}{destination.name}-{secrets.token_hex(4)}"
            destination.rename(old)
        else:
            check_destination(destination)
    try:
        staged.rename(destination)
    except OSError:
        if old is not None:
            old.rename(destination)
        raise
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
