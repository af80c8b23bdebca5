"""Write beside, then rename: a destination is complete or absent at every moment."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tfx_savedmodel.errors import DestinationError
from tfx_savedmodel.saved_model import leftovers
from tfx_savedmodel.saved_model.local import is_remote, remote_uri
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
from tfx_savedmodel.saved_model.reader import CONTRACT_FILE
from tfx_savedmodel.saved_model.storage import FsspecStorage, translated
from tfx_savedmodel.saved_model.upload import (
    UPLOADING,
    check_remote_destination,
    is_undone,
    publishing_remote,
    publishing_remote_early,
)

PathLike = str | os.PathLike[str]

#: What renaming a directory to a place with something in it gives.
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
_ATTEMPTS = 20


@contextlib.contextmanager
def publishing(destination: PathLike, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a fresh local directory that becomes `destination` when the block ends well.

    An empty directory at `destination` counts as absent, since TFX makes output folders itself; a
    link is followed. On any error, the caller's interrupt included, what was written is removed and
    `destination` stays as it was. What a killed run left is removed first, or put back if it was the
    old version. Where two runs write at once without `overwrite`, the first to end wins. A remote
    destination is uploaded to, its `saved_model.pb` last.

    Raises:
      DestinationError: something is there and `overwrite` is False, or it cannot be written.
      UsageError: a remote destination of a scheme that nothing here knows.
    """
    if is_remote(destination):
        with publishing_remote(destination, overwrite=overwrite) as staged:
            yield staged
        return
    with _beside(destination, overwrite=overwrite) as (staged, target):
        yield staged
        _move(staged, target, overwrite=overwrite)


@contextlib.contextmanager
def publishing_early(
    destination: PathLike, *, overwrite: bool = False, settled: threading.Event | None = None, restores: bool = True
) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Yield a fresh local directory, and what makes it `destination` before the block ends.

    As `publishing`; but what was at `destination` stays until the block ends well, and comes back where it does not:
    so one place can be published just before another that it belongs to. A killed run leaves the old or the new.

    Args:
      settled: set when everything is published that belongs together: from then on nothing comes back, also where
        the block ends in an error, such as an interrupt while old versions are removed.
      restores: False where a remote place is the last to be published: its old files need not be kept.

    Raises:
      DestinationError: as `publishing`; or the remote files that were replaced cannot be put back.
    """
    if is_remote(destination):
        remote = publishing_remote_early(destination, overwrite=overwrite, settled=settled, restores=restores)
        with remote as staged_and_publish:
            yield staged_and_publish
        return
    with _beside(destination, overwrite=overwrite) as (staged, target), contextlib.ExitStack() as undo:

        def publish() -> None:
            try:
                ours, was_there = staged.stat(), target.is_dir()
            except OSError as error:
                raise _unwritable(target, error) from error
            if was_there:
                with contextlib.suppress(OSError):  # held, lest another run takes the old version for a leftover
                    lock = leftovers.hold(target)
                    if lock is not None:
                        undo.callback(os.close, lock)
            # Before it moves: an interrupt may come right after.
            undo.push(lambda kind, *_: is_undone(kind, settled) and _take_back(staged, target, ours, was_there))
            _move(staged, target, overwrite=overwrite)

        yield staged, publish


@contextlib.contextmanager
def _beside(destination: PathLike, *, overwrite: bool) -> Iterator[tuple[Path, Path]]:
    """Yield a new directory beside a local destination, and that destination with links followed, cleaned up."""
    target = Path(os.path.realpath(destination))
    _clean_up(target)
    if not overwrite and not _is_free(target):
        raise _exists(target)
    with _staging(target) as staged:
        yield staged, target


def _take_back(staged: Path, target: Path, ours: os.stat_result, was_there: bool) -> bool:
    """Undo `_move`, unless another run has replaced what it put there; False: the error goes on."""
    with contextlib.suppress(OSError):
        if not os.path.samestat(ours, target.stat()):
            return False
        if os.path.lexists(staged):
            if not leftovers.exchange(staged, target):
                _rename_twice(staged, target)
            return False
        target.rename(staged)
        if was_there:  # an empty one, of TFX's
            target.mkdir()
    return False


def check_destination(destination: PathLike, *, overwrite: bool = False) -> None:
    """Raise DestinationError where `destination` holds something and may not be replaced.

    With `overwrite`, only a SavedModel and what killed runs left may be: anything else was not meant. An
    old version that a killed overwrite moved aside is put back first.
    """
    if is_remote(destination):
        if overwrite:
            _refuse_other_files(remote_uri(destination), _remote_names(destination))
        else:
            check_remote_destination(destination)
        return
    target = Path(os.path.realpath(destination))
    _clean_up(target)
    if _is_free(target):
        return
    if not overwrite:
        raise _exists(target)
    _refuse_other_files(str(target), _names(target))


def files_at(destination: PathLike) -> Iterator[str]:
    """Yield the files at a destination by their path relative to it; "" is a file at the place itself.

    Links are not followed. An old version that a killed overwrite moved aside is put back first.

    Raises:
      DestinationError: the place cannot be looked into.
    """
    if is_remote(destination):
        yield from _remote_names(destination)
        return
    target = Path(os.path.realpath(destination))
    _clean_up(target)
    if not target.is_dir():
        if os.path.lexists(target):
            yield ""
        return

    def refuse(error: OSError) -> None:
        raise _unwritable(target, error) from error

    for directory, folders, names in os.walk(target, onerror=refuse):
        links = [name for name in folders if (Path(directory) / name).is_symlink()]
        yield from (Path(directory, name).relative_to(target).as_posix() for name in (*names, *links))


def _refuse_other_files(where: str, names: Collection[str]) -> None:
    """Raise DestinationError where a place holds something that is neither a SavedModel nor ours.

    Args:
      names: of the files there, relative to it; "" is a file at the place itself.
    """
    ours = all(map(leftovers.is_ours, names))
    if ours or any(name in names for name in (*GRAPH_FILES, CONTRACT_FILE, UPLOADING)):
        return
    shown = sorted(names)[:5]
    found = "a file" if "" in names else ", ".join([*shown, "…"] if len(names) > len(shown) else shown)
    raise DestinationError(
        "the destination holds something else than a model",
        where=where,
        found=found,
        wanted="nothing, or a SavedModel to replace",
        next_step="name another destination, or remove yourself what is there",
    )


def _names(target: Path) -> list[str]:
    if not target.is_dir():
        return [""]
    try:
        names = [child.name + ("/" if child.is_dir() else "") for child in target.iterdir()]
    except OSError as error:
        raise _unwritable(target, error) from error
    return [*names, CONTRACT_FILE] if (target / CONTRACT_FILE).is_file() else names


def _remote_names(uri: PathLike) -> list[str]:
    wanted, step = "a place that can be read", "check the path and the credentials"
    name = remote_uri(uri)
    with translated(DestinationError, "the place cannot be listed", name, wanted, step):
        return list(FsspecStorage().files(name))


@contextlib.contextmanager
def _staging(destination: Path) -> Iterator[Path]:
    """Yield a new directory beside `destination`, held so that no other run takes it for a leftover."""
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        staged, lock = _held_directory(destination)
    except OSError as error:
        raise _unwritable(destination, error) from error
    try:
        yield staged
    finally:
        leftovers.remove(staged)
        if lock is not None:
            os.close(lock)


def _held_directory(destination: Path) -> tuple[Path, int | None]:
    while True:
        staged = leftovers.fresh(leftovers.STAGED, destination)
        staged.mkdir()
        try:
            return staged, leftovers.hold(staged)
        except (BlockingIOError, FileNotFoundError):
            continue  # Another run cleaned up between the two calls.


def _clean_up(destination: Path) -> None:
    """Put back or remove what killed runs left; what a live run holds stays."""
    for old in leftovers.siblings(leftovers.ASIDE, destination):
        # Without locks an old version may be a live run's; put back too early, it makes that run fail.
        with leftovers.abandoned(old, after=-1.0) as ours:
            if ours:
                _put_back(old, destination)
    for staged in leftovers.siblings(leftovers.STAGED, destination):
        with leftovers.abandoned(staged) as ours:
            if ours:
                leftovers.remove(staged)


def _put_back(old: Path, destination: Path) -> None:
    """Let the old version be the destination again; where a newer one is there, remove it."""
    try:
        if _is_free(destination):
            old.rename(destination)
    except OSError:
        pass  # A newer one came, or the old one went, in this moment.
    if not _is_free(destination):
        leftovers.remove(old)


def _is_free(destination: Path) -> bool:
    if not os.path.lexists(destination):
        return True
    try:
        return destination.is_dir() and not any(destination.iterdir())
    except OSError:  # what cannot be looked into is not ours to replace
        return False


def _move(staged: Path, destination: Path, *, overwrite: bool) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            # A directory can be renamed to an empty one, never to one with content: of two runs one loses here.
            staged.rename(destination)
            return
        except OSError as error:
            if error.errno not in _TAKEN:
                raise _unwritable(destination, error) from error
            if not overwrite:
                raise _exists(destination) from error
        try:
            if not leftovers.exchange(staged, destination):
                _rename_twice(staged, destination)
            return
        except OSError as error:  # another run took away, or put there, something in this moment
            if attempt == _ATTEMPTS or error.errno not in (errno.ENOENT, *_TAKEN):
                raise _unwritable(destination, error) from error


def _rename_twice(staged: Path, destination: Path) -> None:
    """Exchange where places cannot be exchanged in one step: the destination is absent for a moment.

    A run that is killed in it leaves the old version under a name by which the next one puts it back.
    """
    old = leftovers.fresh(leftovers.ASIDE, destination)
    lock = None
    with contextlib.suppress(OSError):  # another run just wrote it, or looks at it
        lock = leftovers.hold(destination)
    try:
        destination.rename(old)
        try:
            staged.rename(destination)
        except BaseException:
            _put_back(old, destination)
            raise
        old.rename(staged)
    finally:
        if lock is not None:
            os.close(lock)


def _exists(destination: Path) -> DestinationError:
    return DestinationError(
        "the destination exists",
        where=str(destination),
        found="a directory with content" if destination.is_dir() else "a file",
        wanted="a path that is not there yet",
        next_step="name another destination, or replace it: --overwrite, overwrite=True",
    )


def _unwritable(destination: Path, error: OSError) -> DestinationError:
    return DestinationError(
        "the destination cannot be written",
        where=str(destination),
        found=error.strerror or str(error),
        wanted="a directory that can be made and written",
    )
