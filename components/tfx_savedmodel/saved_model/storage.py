"""Where remote files lie: the few things that staging asks of a file system, and fsspec that gives them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from tfx_savedmodel.errors import TfxSavedModelError, UsageError


class Storage(Protocol):
    """Remote files by URI. Whatever goes wrong is an exception of the file system's own."""

    def files(self, uri: str) -> Mapping[str, int | None]:
        """Return the files at `uri` and their sizes, by path relative to it; "" is a file at `uri` itself."""

    def match(self, pattern: str) -> list[str]:
        """Return the URIs of the files that match a glob pattern."""

    def get(self, uri: str, target: Path) -> None:
        """Download a file."""

    def put(self, source: Path, uri: str) -> None:
        """Upload a file, and make what folders it needs."""

    def remove(self, uri: str) -> None:
        """Remove a file."""


class FsspecStorage:
    """What fsspec knows: `gs://` with gcsfs, `s3://` with s3fs, `memory://`, and many more."""

    def files(self, uri: str) -> Mapping[str, int | None]:
        system, root = self._open(uri)
        system.invalidate_cache()  # what others wrote since counts
        found: dict[str, Any] = system.find(root, detail=True)
        sizes = {name.rstrip("/"): info.get("size") for name, info in found.items() if not name.endswith("/")}
        if list(sizes) == [root]:
            return {"": system.info(root).get("size")}
        return {name.removeprefix(root).lstrip("/"): size for name, size in sizes.items() if name != root}

    def match(self, pattern: str) -> list[str]:
        system, path = self._open(pattern)
        names = system.glob(path) if any(sign in path for sign in "*?[") else [path]
        return sorted(str(system.unstrip_protocol(name)) for name in names if system.isfile(name))

    def get(self, uri: str, target: Path) -> None:
        system, path = self._open(uri)
        system.get_file(path, os.fspath(target))

    def put(self, source: Path, uri: str) -> None:
        system, path = self._open(uri)
        system.put_file(os.fspath(source), path)

    def remove(self, uri: str) -> None:
        system, path = self._open(uri)
        system.rm_file(path)

    def _open(self, uri: str) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        try:
            system, path = url_to_fs(uri)
        except (ImportError, ValueError) as error:
            known = isinstance(error, ImportError)
            raise UsageError(
                "the package for these remote paths is not installed" if known else "nothing here reads these paths",
                where=uri,
                found=str(error),
                wanted="a local path, or one of a scheme that fsspec has a package for",
                next_step="install it, as fsspec says, or copy the files to a local disk",
            ) from error
        return system, str(path).rstrip("/")


@contextlib.contextmanager
def translated(kind: type[TfxSavedModelError], message: str, uri: str, wanted: str, next_step: str) -> Iterator[None]:
    """Give a storage's error our form: each backend has classes of its own."""
    try:
        yield
    except TfxSavedModelError:
        raise
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        raise kind(message, where=uri, found=found, wanted=wanted, next_step=next_step) from error
