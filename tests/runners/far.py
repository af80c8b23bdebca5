"""A storage that Beam knows and that is not local, `far://`, and a runner whose workers are elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from apache_beam.io.filesystem import BeamIOError, CompressedFile, CompressionTypes, FileMetadata, FileSystem
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

SCHEME = "far://"


class FarFileSystem(FileSystem):
    """As flat as an object store: there are no directories, only names of files."""

    folder: ClassVar[Path]

    @classmethod
    def scheme(cls) -> str:
        return SCHEME.removesuffix("://")

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all files."""
        return sorted(f"{SCHEME}{file.relative_to(cls.folder)}" for file in cls.folder.rglob("*") if file.is_file())

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def mkdirs(self, path: str) -> None:
        raise BeamIOError(f"no directories here: {path}")

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str) -> Any:
        for name in self.names():
            if name.startswith(dir_or_prefix):
                yield FileMetadata(name, self.size(name), 0.0)

    def create(self, path: str, mime_type: str = "", compression_type: str = CompressionTypes.AUTO) -> Any:
        local = self._local(path)
        local.parent.mkdir(parents=True, exist_ok=True)
        return self._as(local.open("wb"), path, compression_type)

    def open(self, path: str, mime_type: str = "", compression_type: str = CompressionTypes.AUTO) -> Any:
        return self._as(self._local(path).open("rb"), path, compression_type)

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            if not self._local(path).is_file():
                raise BeamIOError("no such files", {path: "none"})
            self._local(path).unlink()

    def exists(self, path: str) -> bool:
        return self._local(path).is_file()

    def size(self, path: str) -> int:
        return self._local(path).stat().st_size

    def last_updated(self, path: str) -> float:
        return self._local(path).stat().st_mtime

    def checksum(self, path: str) -> str:
        return str(self.size(path))

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, self.size(path), self.last_updated(path))

    def copy(self, source_file_names: Any, destination_file_names: Any) -> None:
        raise NotImplementedError

    def rename(self, source_file_names: Any, destination_file_names: Any) -> None:
        raise NotImplementedError

    def _local(self, path: str) -> Path:
        return self.folder / path.removeprefix(SCHEME)

    @staticmethod
    def _as(stream: Any, path: str, compression: str) -> Any:
        if compression == CompressionTypes.AUTO:
            compression = CompressionTypes.detect_compression_type(path)
        return stream if compression == CompressionTypes.UNCOMPRESSED else CompressedFile(stream, compression)


class ElsewhereRunner(FnApiRunner):  # type: ignore[misc]
    """Runs in this process what Beam cannot know to be here, after `leave` has taken from this disk what was on it."""

    def __init__(self, leave: Callable[[], None]) -> None:
        super().__init__()
        self._leave = leave

    def run_pipeline(self, pipeline: Any, options: Any) -> Any:
        self._leave()
        return super().run_pipeline(pipeline, options)
