"""A scheme that TFX knows and that is not local: `elsewhere://`, kept in a folder, every write recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from tfx.dsl.io import filesystem, filesystem_registry
from tfx.dsl.io.plugins.local import LocalFilesystem

SCHEME = "elsewhere://"


class ElsewhereFilesystem(filesystem.Filesystem):
    """`written` holds the names of files in the order in which they were opened for writing."""

    SUPPORTED_SCHEMES = [SCHEME]  # noqa: RUF012 - as TFX has it
    folder: ClassVar[Path]
    scheme: ClassVar[str] = SCHEME
    written: ClassVar[list[str]] = []

    @classmethod
    def _local(cls, path: Any) -> str:
        return str(cls.folder / str(path).removeprefix(cls.scheme))

    @classmethod
    def _remote(cls, path: Any) -> str:
        return cls.scheme + Path(path).relative_to(cls.folder).as_posix()

    @staticmethod
    def open(name: Any, mode: str = "r") -> Any:
        if "w" in mode:
            ElsewhereFilesystem.written.append(str(name))
        return LocalFilesystem.open(ElsewhereFilesystem._local(name), mode)

    @staticmethod
    def copy(src: Any, dst: Any, overwrite: bool = False) -> None:
        ElsewhereFilesystem.written.append(str(dst))
        LocalFilesystem.copy(ElsewhereFilesystem._local(src), ElsewhereFilesystem._local(dst), overwrite)

    @staticmethod
    def exists(path: Any) -> bool:
        return bool(LocalFilesystem.exists(ElsewhereFilesystem._local(path)))

    @staticmethod
    def glob(pattern: Any) -> list[Any]:
        return [ElsewhereFilesystem._remote(path) for path in LocalFilesystem.glob(ElsewhereFilesystem._local(pattern))]

    @staticmethod
    def isdir(path: Any) -> bool:
        return bool(LocalFilesystem.isdir(ElsewhereFilesystem._local(path)))

    @staticmethod
    def listdir(path: Any) -> list[Any]:
        return list(LocalFilesystem.listdir(ElsewhereFilesystem._local(path)))

    @staticmethod
    def makedirs(path: Any) -> None:
        LocalFilesystem.makedirs(ElsewhereFilesystem._local(path))

    @staticmethod
    def mkdir(path: Any) -> None:
        LocalFilesystem.mkdir(ElsewhereFilesystem._local(path))

    @staticmethod
    def remove(path: Any) -> None:
        LocalFilesystem.remove(ElsewhereFilesystem._local(path))

    @staticmethod
    def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
        LocalFilesystem.rename(ElsewhereFilesystem._local(src), ElsewhereFilesystem._local(dst), overwrite)

    @staticmethod
    def rmtree(path: Any) -> None:
        LocalFilesystem.rmtree(ElsewhereFilesystem._local(path))

    @staticmethod
    def stat(path: Any) -> Any:
        return LocalFilesystem.stat(ElsewhereFilesystem._local(path))

    @staticmethod
    def walk(
        top: Any, topdown: bool = True, onerror: Callable[..., None] | None = None
    ) -> Iterable[tuple[Any, list[Any], list[Any]]]:
        for directory, folders, names in LocalFilesystem.walk(ElsewhereFilesystem._local(top), topdown, onerror):
            yield ElsewhereFilesystem._remote(directory), folders, names


def register(folder: Path, scheme: str = SCHEME) -> type[ElsewhereFilesystem]:
    """Make a scheme (one at a time) mean this folder, and return the class."""
    ElsewhereFilesystem.folder = folder
    ElsewhereFilesystem.scheme = scheme
    ElsewhereFilesystem.SUPPORTED_SCHEMES = [scheme]
    ElsewhereFilesystem.written.clear()
    filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY.register(ElsewhereFilesystem, priority=1)
    return ElsewhereFilesystem
