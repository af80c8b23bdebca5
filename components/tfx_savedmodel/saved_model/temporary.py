"""Folders for a while, in the system's temporary directory; those of killed runs go with the next one.

A run holds a lock on its folder, as on what it writes beside a destination: see `leftovers`.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tfx_savedmodel.saved_model.leftovers import abandoned, hold, remove

PREFIX = "tfx-savedmodel.tmp-"
_NAME = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8}")


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """Yield the path of a new folder that is removed when the block ends."""
    sweep()
    with contextlib.ExitStack() as held:
        folder = _fresh(held)
        try:
            yield folder
        finally:
            remove(Path(folder))


def sweep() -> None:
    """Remove the folders of killed runs of the same user."""
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name) and _is_own(entry):
                with abandoned(Path(entry.path)) as is_abandoned:
                    if is_abandoned:
                        remove(Path(entry.path))


def _is_own(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid()
    except OSError:
        return False


def _fresh(held: contextlib.ExitStack) -> str:
    """Make a folder and hold it as long as the stack; another run may take an empty one before it is held."""
    while True:
        folder = tempfile.mkdtemp(prefix=PREFIX)
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            descriptor = hold(Path(folder))
            if descriptor is not None:
                held.callback(os.close, descriptor)
            return folder
