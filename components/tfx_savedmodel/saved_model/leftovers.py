"""Directories of our own beside a destination: their names, who holds them, and how places are exchanged.

A run holds a lock on what it works on (flock, which the kernel drops with the process). What nobody holds
is a killed run's. Where the file system has no such locks, only what is old is taken for that.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

#: How every name of ours begins, also that of an upload's marker.
MARK = ".tfx-savedmodel"
#: A directory that is being written, or that an exchange took out of the way.
STAGED = ".tfx-savedmodel-"
#: The version that was at the destination, between the two renames of an overwrite.
ASIDE = ".tfx-savedmodel.old-"

_NAME = re.compile(f"({re.escape(STAGED)}|{re.escape(ASIDE)}).+-[0-9a-f]{{8}}")

#: Without locks: how long nothing may have changed in what is taken for a killed run's.
_ABANDONED_SECONDS = 24 * 3600.0
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def fresh(kind: str, destination: Path) -> Path:
    """Return a new name beside `destination`."""
    return destination.with_name(f"{kind}{destination.name}-{secrets.token_hex(4)}")


def siblings(kind: str, destination: Path) -> list[Path]:
    """Return what runs to this very destination left or hold; `a-b` has none of the names of `a`."""
    pattern = re.compile(re.escape(f"{kind}{destination.name}-") + "[0-9a-f]{8}")
    try:
        return sorted(child for child in destination.parent.iterdir() if pattern.fullmatch(child.name))
    except OSError:
        return []


def is_ours(name: str) -> bool:
    """Tell whether a path within a folder is, or lies in, a directory that some run to a place there left.

    Args:
      name: relative to the folder; a directory's own ends in "/".
    """
    first, slash, _ = name.partition("/")
    return bool(slash and _NAME.fullmatch(first))


def hold(path: Path) -> int | None:
    """Lock `path` for as long as the returned descriptor is open; None where locks are refused.

    Raises:
      BlockingIOError: another process holds it, or took it away before it was held.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever removed it, or exchanged it, held it until then.
        if not os.path.samestat(os.fstat(descriptor), path.lstat()):
            raise BlockingIOError(errno.EWOULDBLOCK, "another directory is here now", str(path))
    except BlockingIOError:
        os.close(descriptor)
        raise
    except FileNotFoundError as error:
        os.close(descriptor)
        raise BlockingIOError(errno.EWOULDBLOCK, "it was taken away", str(path)) from error
    except OSError:  # no locks on this file system
        os.close(descriptor)
        return None
    return descriptor


@contextlib.contextmanager
def abandoned(path: Path, *, after: float = _ABANDONED_SECONDS) -> Iterator[bool]:
    """Tell whether `path` is a killed run's; if so nobody else takes it while the block runs."""
    try:
        descriptor = hold(path)
    except OSError:
        yield False
        return
    try:
        yield descriptor is not None or time.time() - _last_change(path) > after
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _last_change(path: Path) -> float:
    latest = 0.0
    for directory, _, names in os.walk(path):
        for name in (".", *names):
            with contextlib.suppress(OSError):
                status = (Path(directory) / name).lstat()
                # Hard links and copies keep the time of their source; ctime is the link's own.
                latest = max(latest, status.st_mtime, status.st_ctime)
    return latest or time.time()


def remove(path: Path) -> None:
    """Remove a directory or a file, as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places in one step; False where the system or the file system cannot.

    Raises:
      OSError: it can, but one of the paths is missing or may not be renamed.
    """
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))
