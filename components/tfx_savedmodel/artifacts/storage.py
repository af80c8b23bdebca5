"""TFX's own file systems, with whatever is registered beside them, as a storage."""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Mapping
from pathlib import Path

from tfx.dsl.io import fileio

_BUFFER_BYTES = 16 << 20


class FileioStorage:
    """What `tfx.dsl.io.fileio` knows; see `saved_model.storage.Storage`. Sizes are not looked up."""

    def files(self, uri: str) -> Mapping[str, int | None]:
        if not fileio.exists(uri):
            return {}
        if not fileio.isdir(uri):
            return {"": None}
        root = uri.rstrip("/")
        found: dict[str, int | None] = {}
        for folder, _, names in fileio.walk(root):
            below = str(folder).removeprefix(root).strip("/")
            found.update({posixpath.join(below, name): None for name in names if not name.endswith("/")})
        return found

    def match(self, pattern: str) -> list[str]:
        return sorted(str(name) for name in fileio.glob(pattern) if not fileio.isdir(name))

    def get(self, uri: str, target: Path) -> None:
        # fileio.copy reads a file of another file system into memory whole.
        with fileio.open(uri, "rb") as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, _BUFFER_BYTES)

    def put(self, source: Path, uri: str) -> None:
        fileio.makedirs(posixpath.dirname(uri))
        with source.open("rb") as file, fileio.open(uri, "wb") as target:
            shutil.copyfileobj(file, target, _BUFFER_BYTES)

    def remove(self, uri: str) -> None:
        fileio.remove(uri)
