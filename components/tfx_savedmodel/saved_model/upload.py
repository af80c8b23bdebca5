"""Publishing to remote storage, where nothing is renamed: the graph is written last, as Pusher does."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from tfx_savedmodel.errors import DestinationError
from tfx_savedmodel.saved_model.local import remote_uri
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
from tfx_savedmodel.saved_model.naming import naming
from tfx_savedmodel.saved_model.storage import FsspecStorage, Storage, translated
from tfx_savedmodel.saved_model.temporary import temporary_folder

PathLike = str | os.PathLike[str]

#: Says whose upload is under way, or was killed; it goes when the graph is there.
UPLOADING = ".tfx-savedmodel-uploading"


@contextlib.contextmanager
def publishing_remote(uri: PathLike, *, overwrite: bool = False, storage: Storage | None = None) -> Iterator[Path]:
    """Yield a local directory that is uploaded to `uri` when the block ends well.

    Raises:
      DestinationError: files are there and `overwrite` is False, or the upload fails.
    """
    with _staged(uri, overwrite=overwrite, storage=storage) as staged:
        yield staged
        check_remote_destination(uri, overwrite=overwrite, storage=storage)
        upload(staged, uri, storage=storage)


@contextlib.contextmanager
def publishing_remote_early(
    uri: PathLike,
    *,
    overwrite: bool = False,
    storage: Storage | None = None,
    settled: threading.Event | None = None,
    restores: bool = True,
) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Yield a local directory, and what uploads it to `uri` before the block ends.

    The files that it replaces are downloaded first, and uploaded again where the block ends in an error; unless
    everything was settled before, or `restores` is False.

    Raises:
      DestinationError: as `publishing_remote`; or the old files cannot be put back: it names where they are then.
    """
    with _staged(uri, overwrite=overwrite, storage=storage) as staged, contextlib.ExitStack() as undo:

        def publish() -> None:
            check_remote_destination(uri, overwrite=overwrite, storage=storage)
            if restores:
                undo.push(_Old(staged, remote_uri(uri), storage or FsspecStorage(), settled).end)
            upload(staged, uri, storage=storage)

        yield staged, publish


def is_undone(kind: type[BaseException] | None, settled: threading.Event | None) -> bool:
    """Tell whether a block's end, with an error of `kind` or without one, undoes what was published within it."""
    return kind is not None and not (settled is not None and settled.is_set())


@contextlib.contextmanager
def _staged(uri: PathLike, *, overwrite: bool, storage: Storage | None) -> Iterator[Path]:
    check_remote_destination(uri, overwrite=overwrite, storage=storage)
    with temporary_folder() as folder:
        staged = Path(os.path.realpath(folder)) / "staged"  # whoever writes beside it and renames stays in our folder
        staged.mkdir()
        with naming({str(staged): remote_uri(uri)}):
            yield staged


class _Old:
    """The files that an upload replaces, downloaded until it is known whether they are to come back."""

    def __init__(self, staged: Path, uri: str, storage: Storage, settled: threading.Event | None) -> None:
        self.staged = staged
        self.settled = settled
        self.uri = uri
        self.storage = storage
        self.folder = Path(tempfile.mkdtemp(prefix="tfx-savedmodel-"))
        wanted, step = "files that can be kept", "check the credentials"
        try:
            with translated(DestinationError, "what is to be replaced cannot be read", uri, wanted, step):
                for name in storage.files(uri):
                    if name not in ("", UPLOADING):
                        target = self.folder / name
                        target.parent.mkdir(parents=True, exist_ok=True)
                        storage.get(f"{uri}/{name}", target)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def end(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        """Put the files back where an error ended the block; what another run uploaded meanwhile stays."""
        if is_undone(kind, self.settled):
            try:
                ours = {*_files(self.staged), UPLOADING}
                if set(self.storage.files(self.uri)) <= ours:
                    withdraw(self.uri, storage=self.storage)
                    if _files(self.folder):
                        upload(self.folder, self.uri, storage=self.storage)
            except Exception as other:
                raise DestinationError(
                    f"what was replaced cannot be put back after an error: {error}",
                    where=self.uri,
                    found=f"{type(other).__name__}: {other}",
                    wanted=f"the files that are kept in {self.folder}",
                    next_step="upload them from there",
                ) from error
        shutil.rmtree(self.folder, ignore_errors=True)
        return False


def check_remote_destination(uri: PathLike, *, overwrite: bool = False, storage: Storage | None = None) -> None:
    """Raise DestinationError where files are at `uri` and may not be replaced.

    What a killed upload left is no model, and may be.
    """
    name = remote_uri(uri)
    with _writing(name):
        files = (storage or FsspecStorage()).files(name)
    killed = UPLOADING in files and not any(map(_is_graph, files))
    if files and not overwrite and not killed:
        raise DestinationError(
            "the destination exists",
            where=name,
            found=", ".join(sorted(files)[:5]) or "a file",
            wanted="a place without files",
            next_step="name another destination, or replace it: --overwrite, overwrite=True",
        )


def upload(source: Path, uri: PathLike, *, storage: Storage | None = None) -> None:
    """Make the files of `source` those at `uri`: the old graph goes first, the new one comes last.

    Raises:
      DestinationError: the upload failed, or another began meanwhile. No graph of this one is there then.
    """
    _Upload(source, remote_uri(uri), storage or FsspecStorage()).run()


def add_files(source: Path, uri: PathLike, *, storage: Storage | None = None) -> None:
    """Upload the files of `source` beside what is at `uri`; files of the same names are replaced.

    Raises:
      DestinationError: a file cannot be written.
    """
    place, name = storage or FsspecStorage(), remote_uri(uri)
    with _writing(name):
        for file in _files(source):
            place.put(source / file, f"{name}/{file}")


def withdraw(uri: PathLike, *, storage: Storage | None = None) -> None:
    """Remove what is at `uri`, its graph first.

    Raises:
      DestinationError: a file cannot be removed.
    """
    place, name = storage or FsspecStorage(), remote_uri(uri)
    with _writing(name):
        for file in sorted(place.files(name), key=lambda file: (not _is_graph(file), file)):
            place.remove(f"{name}/{file}" if file else name)


class _Upload:
    """One upload. Its token in the marker tells it from another to the same place: the later goes on."""

    def __init__(self, source: Path, uri: str, storage: Storage) -> None:
        self.source = source
        self.uri = uri
        self.storage = storage
        self.token = f"The upload {secrets.token_hex(16)} is under way, or was killed: this is no whole model.\n"
        self.begun: list[str] = []

    def run(self) -> None:
        with temporary_folder() as folder, _writing(self.uri):
            marker = Path(folder) / "marker"
            marker.write_text(self.token, encoding="utf-8")
            try:
                self._run(marker)
            except BaseException:
                if self._is_ours(marker):
                    self._clean_up()
                raise

    def _run(self, marker: Path) -> None:
        old = self.storage.files(self.uri)
        if "" in old:
            self.storage.remove(self.uri)
        self.storage.put(marker, f"{self.uri}/{UPLOADING}")
        for name in sorted(old, key=lambda name: (not _is_graph(name), name)):
            if name not in ("", UPLOADING):
                self.storage.remove(f"{self.uri}/{name}")
        files = _files(self.source)
        for name in sorted(files, key=_is_graph):
            if not self._is_ours(marker):
                raise DestinationError(
                    "another upload to the destination began meanwhile",
                    where=self.uri,
                    wanted="one at a time",
                    next_step="see that the other ends well",
                )
            self.begun.append(name)
            self.storage.put(self.source / name, f"{self.uri}/{name}")
        self.storage.remove(f"{self.uri}/{UPLOADING}")

    def _is_ours(self, marker: Path) -> bool:
        try:
            self.storage.get(f"{self.uri}/{UPLOADING}", marker)
            return marker.read_text(encoding="utf-8") == self.token
        except Exception:  # each backend has its own for "no such file"; what cannot be read is not known as ours
            return False

    def _clean_up(self) -> None:
        """Remove what was begun; the marker goes last, and stays where something else does."""
        for name in reversed(self.begun):
            with contextlib.suppress(Exception):  # it may not be there; the first error is the one to tell
                self.storage.remove(f"{self.uri}/{name}")
        with contextlib.suppress(Exception):
            if set(self.storage.files(self.uri)) == {UPLOADING}:
                self.storage.remove(f"{self.uri}/{UPLOADING}")


def _writing(uri: str) -> contextlib.AbstractContextManager[None]:
    wanted = "a place that can be written"
    return translated(DestinationError, "the destination cannot be written", uri, wanted, "check the credentials")


def _files(folder: Path) -> list[str]:
    return sorted(child.relative_to(folder).as_posix() for child in folder.rglob("*") if child.is_file())


def _is_graph(name: str) -> bool:
    return PurePosixPath(name).name in GRAPH_FILES
