"""Remote storages for tests: fsspec file systems in memory that record what is written, and may fail."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

SCHEME = "recorded"


class RecordedFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """`recorded://`: `log` holds ("get" | "put" | "remove", path); a put of `fails_on` raises."""

    protocol = SCHEME
    store: dict[str, Any] = {}  # noqa: RUF012 - as the base class has it
    pseudo_dirs: list[str] = [""]  # noqa: RUF012
    log: list[tuple[str, str]] = []  # noqa: RUF012
    fails_on: str = ""

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        return str(super()._strip_protocol(os.fspath(path).removeprefix(f"{SCHEME}://")))

    def get_file(self, rpath: str, lpath: str, **kwargs: Any) -> None:
        self.log.append(("get", rpath))
        super().get_file(rpath, lpath, **kwargs)

    def put_file(self, lpath: str, rpath: str, **kwargs: Any) -> None:
        self.log.append(("put", rpath))
        super().put_file(lpath, rpath, **kwargs)
        if self.fails_on and rpath.endswith(self.fails_on):
            raise ConnectionError("the line is dead")

    def rm_file(self, path: str) -> None:
        self.log.append(("remove", path))
        super().rm_file(path)


def empty_storage() -> type[RecordedFileSystem]:
    """Register the scheme, with nothing in it, and return its class."""
    fsspec.register_implementation(SCHEME, RecordedFileSystem, clobber=True)
    RecordedFileSystem.store.clear()
    RecordedFileSystem.pseudo_dirs[:] = [""]
    RecordedFileSystem.log.clear()
    RecordedFileSystem.fails_on = ""
    return RecordedFileSystem


def put(directory: Path, uri: str) -> str:
    """Upload a directory's files, unrecorded, and return the URI."""
    system, root = fsspec.core.url_to_fs(uri)
    for file in sorted(directory.rglob("*")):
        if file.is_file():
            system.pipe_file(f"{root}/{file.relative_to(directory).as_posix()}", file.read_bytes())
    return uri
