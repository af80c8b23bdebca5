"""Remote paths staged to local disk, for as long as a block runs."""

from __future__ import annotations

import contextlib
import fnmatch
import importlib.util
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType

from tfx_savedmodel.errors import ExamplesError, TfxSavedModelError, UsageError
from tfx_savedmodel.saved_model.local import is_remote, remote_uri
from tfx_savedmodel.saved_model.locate import GRAPH_FILES, SERVING_DIRECTORY, find_saved_model
from tfx_savedmodel.saved_model.naming import Value, rename_error, renamed
from tfx_savedmodel.saved_model.read_model import find_model
from tfx_savedmodel.saved_model.storage import FsspecStorage, Storage, translated
from tfx_savedmodel.saved_model.temporary import temporary_folder

PathLike = str | os.PathLike[str]

#: What only a loader reads of a model: whoever looks at the graph needs no more than its size.
WEIGHTS = ("variables/variables.data-*", "*/variables/variables.data-*")

#: What the names of a checkpoint's files have after its prefix; the last is of before TF 0.12.
_OF_CHECKPOINT = r"(\.index|\.meta|\.data-\d{5}-of-\d{5}|-\d{5}-of-\d{5})$"

#: The schemes that TensorFlow reads by itself, and what Beam needs for them.
_BEAM_NEEDS = {"gs": "google.cloud.storage"}


class Staging:
    """Local stand-ins of remote paths while the block runs; its errors name the remote ones.

    A local path is its own stand-in.
    """

    def __init__(self, storage: Storage | None = None) -> None:
        self._storage: Storage = storage or FsspecStorage()
        self._stack = contextlib.ExitStack()
        self._names: dict[str, str] = {}

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if isinstance(error, TfxSavedModelError):
            rename_error(error, self._names)

    def path(self, path: PathLike, what: str, *, hollow: Collection[str] = ()) -> Path:
        """Return a file or directory as a local one. What does not exist does not exist there either.

        Args:
          what: what the path is for, as an error says it: "the schema".
          hollow: patterns of files of which only the size matters: they are not downloaded.

        Raises:
          UsageError: the path cannot be read, or nothing here knows its scheme.
        """
        if not is_remote(path):
            return Path(path)
        uri = remote_uri(path)
        local = self._fresh(uri)
        with _fetching(what, uri):
            self._fetch(uri, local, hollow)
        return local

    def model(self, path: PathLike, what: str = "the model", *, hollow: Collection[str] = ()) -> Path:
        """Return the SavedModel directory at a path, as `find_saved_model` finds it.

        Raises:
          UsageError: as `path`.
          UnreadableModelError: there is none.
        """
        return find_saved_model(self.path(path, what, hollow=hollow))

    def any_model(self, path: PathLike, what: str = "the model", *, hollow: Collection[str] = ()) -> Path:
        """Return the SavedModel directory or the Keras file at a path, as `find_model` finds it.

        Raises:
          UsageError: as `path`.
          UnreadableModelError: there is neither, nor anything that could be judged.
        """
        return find_model(self.path(path, what, hollow=hollow))

    def trained_model(self, path: PathLike, what: str = "the model") -> Path:
        """Return a trained model of any form as a local path; of a checkpoint all files are brought.

        Raises:
          UsageError: as `path`.
        """
        local = self.path(path, what)
        if not is_remote(path) or local.is_dir():
            return local
        uri = remote_uri(path)
        prefix = re.sub(_OF_CHECKPOINT, "", uri)
        self._names[str(local.parent)] = uri.rpartition("/")[0]
        with _fetching(what, uri):
            for match in self._storage.match(f"{prefix}*"):
                rest = PurePosixPath(match).name.removeprefix(PurePosixPath(prefix).name)
                target = local.with_name(_plain(prefix) + rest)
                if re.fullmatch(_OF_CHECKPOINT, rest) and not target.exists():
                    self._storage.get(match, target)
        return local

    def made(self, of: PathLike) -> Path:
        """Return an empty local directory for what stands for `of` while the block runs; errors name `of`."""
        local = self._fresh(os.fspath(of))
        local.mkdir()
        return local

    def examples(self, patterns: PathLike | Sequence[PathLike], *, natively: bool = True) -> list[str]:
        """Return patterns of files that TensorFlow and Beam can read.

        Where both know the scheme a pattern stays as it is: examples may be many, and workers elsewhere
        must find them too. Else, and unless `natively`, the files are downloaded.
        """
        given = [patterns] if isinstance(patterns, (str, os.PathLike)) else patterns
        found: list[str] = []
        for pattern in (os.fspath(item) for item in given):
            stays = not is_remote(pattern) or (natively and _read_natively(pattern))
            found += [pattern] if stays else self._download(remote_uri(pattern))
        return found

    def named(self, value: Value) -> Value:
        """Return text, or data that holds some, with the remote names in the stand-ins' places."""
        return renamed(value, self._names)

    def _download(self, uri: str) -> list[str]:
        """Download a file, a directory with all below it, or what a pattern matches; return local paths."""
        local = self._fresh(uri)
        with _fetching("the examples", uri):
            matches = self._storage.match(uri) if any(sign in uri for sign in "*?[") else []
            if not matches:
                self._fetch(uri, local)
                if not local.exists():
                    raise ExamplesError(
                        "no examples match",
                        where=uri,
                        found="nothing there",
                        wanted="at least one file of examples",
                        next_step="look at the path, and at what may be read there",
                    )
                return [str(local)]
            local.mkdir()
            targets = [local / f"{number:05d}-{_plain(match)}" for number, match in enumerate(matches)]
            for match, target in zip(matches, targets, strict=True):
                self._names[str(target)] = match
                self._storage.get(match, target)
        return [str(target) for target in targets]

    def _fetch(self, uri: str, local: Path, hollow: Collection[str] = ()) -> None:
        for name, size in _wanted(self._storage.files(uri)).items():
            target = _below(local, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if size is not None and any(fnmatch.fnmatchcase(name, pattern) for pattern in hollow):
                target.touch()
                os.truncate(target, size)
            else:
                self._storage.get(f"{uri}/{name}" if name else uri, target)

    def _fresh(self, uri: str) -> Path:
        folder = self._stack.enter_context(temporary_folder())
        local = Path(os.path.realpath(folder)) / _plain(uri)
        self._names[str(local)] = uri
        return local


def _plain(uri: str) -> str:
    """Return the last part of a URI, without signs that mean something in a pattern."""
    return re.sub(r"[^\w.-]", "_", PurePosixPath(uri.rpartition("://")[2]).name) or "root"


def _fetching(what: str, uri: str) -> contextlib.AbstractContextManager[None]:
    wanted, step = "a path that can be read", "check the path and the credentials"
    return translated(UsageError, f"{what} cannot be fetched", uri, wanted, step)


@contextlib.contextmanager
def local_copy(path: PathLike, what: str) -> Iterator[Path]:
    """Yield one path as a local one; see `Staging`, which is for several."""
    with Staging() as stage:
        yield stage.path(path, what)


def _is_graph(name: str) -> bool:
    return PurePosixPath(name).name in GRAPH_FILES


def _wanted(files: Mapping[str, int | None]) -> Mapping[str, int | None]:
    """Leave out, of a TFX Model artifact, what lies beside the model that is to be served."""
    if any(name in GRAPH_FILES for name in files):
        return files
    serving = {name: size for name, size in files.items() if name.startswith(f"{SERVING_DIRECTORY}/")}
    return serving if any(_is_graph(name) for name in serving) else files


def _below(root: Path, name: str) -> Path:
    """Return where a file goes; an object's name may hold anything, `..` too."""
    if ".." in PurePosixPath(name).parts or name.startswith("/"):
        raise UsageError("a remote file's name leaves its directory", found=name, wanted="names without `..`")
    return root / name if name else root


def _read_natively(pattern: str) -> bool:
    """Tell whether both Beam and TensorFlow have the file system of a pattern's scheme."""
    scheme = pattern.partition(":")[0]
    if scheme not in _BEAM_NEEDS:
        return False
    try:
        if not all(importlib.util.find_spec(name) for name in ("apache_beam", "tensorflow", _BEAM_NEEDS[scheme])):
            return False
    except ModuleNotFoundError:  # not even the package around it
        return False
    import tensorflow as tf

    return scheme in tf.io.gfile.get_registered_schemes()
