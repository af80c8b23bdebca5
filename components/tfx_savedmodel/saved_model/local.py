"""Local paths: not taken from a remote name, and not left by a link."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tfx_savedmodel.errors import UsageError

#: A URI's scheme; pathlib makes one slash of two.
_REMOTE = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):/")


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path has a URI's scheme: `gs://bucket/model`, or what pathlib makes of it."""
    return _REMOTE.match(os.fspath(path)) is not None


def remote_uri(path: str | os.PathLike[str]) -> str:
    """Return a remote path as a URI, with the slashes that pathlib took and without one at its end."""
    text = os.fspath(path)
    if "://" not in text:
        text = text.replace(":/", "://", 1)
    return text if text.endswith("://") else text.rstrip("/")


def local_path(path: str | os.PathLike[str], what: str) -> Path:
    """Return a path that names no remote place.

    Args:
      what: what the path is for, as the error says it: "the model".

    Raises:
      UsageError: the path has a URI's scheme.
    """
    if is_remote(path):
        raise UsageError(
            f"{what} must be on a local disk",
            where=os.fspath(path),
            found="a remote path",
            wanted="a local one",
            next_step="copy it there, or mount it",
        )
    return Path(path)


def leaves(root: Path, relative: str) -> bool:
    """Tell whether a path below `root`, its links followed, ends outside of `root`."""
    # realpath, for a link to itself is an error to Path.resolve.
    inside = Path(os.path.realpath(root))
    target = Path(os.path.realpath(root / relative))
    return target != inside and inside not in target.parents
