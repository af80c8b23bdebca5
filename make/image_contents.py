"""Print what an image consists of, biggest first. Runs in the image, with its Python; nothing but reading."""

from __future__ import annotations

import os
import stat
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

SHOWN = 25
#: The rest of the image, by folder.
SYSTEM = ("/usr/local", "/usr", "/var", "/etc", "/home", "/opt")


def main() -> None:
    owners = _owners()
    sizes: dict[str, int] = defaultdict(int)
    bytecode = 0
    for path, size in _files(Path(sys.prefix)):
        if path.endswith(".pyc"):
            bytecode += size
        sizes[owners.get(_source(path), "(the environment itself)")] += size
    environment = sum(sizes.values())
    for folder in SYSTEM:
        sizes[folder] = sum(
            size
            for path, size in _files(Path(folder))
            if not path.startswith(sys.prefix + "/") and not (folder == "/usr" and path.startswith("/usr/local/"))
        )
    _print_table(sizes)
    whole = sum(sizes.values())
    inside = f"{environment / 1e6:.0f} MB of it in {sys.prefix}, {bytecode / 1e6:.0f} MB of that bytecode"
    print(f"{_megabytes(whole)}  in all, {inside}")


def _print_table(sizes: dict[str, int]) -> None:
    ranked = sorted(sizes.items(), key=lambda item: -item[1])
    for name, size in ranked[:SHOWN]:
        print(f"{_megabytes(size)}  {name}")
    rest = ranked[SHOWN:]
    print(f"{_megabytes(sum(size for _, size in rest))}  {len(rest)} others")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:7.1f} MB"


def _owners() -> dict[str, str]:
    """Return the distribution that brought each file, by path."""
    owners = {}
    for distribution in metadata.distributions():
        label = f"{distribution.metadata['Name']} {distribution.version}"
        for file in distribution.files or []:
            owners[os.path.normpath(str(distribution.locate_file(file)))] = label
    return owners


def _source(path: str) -> str:
    """Return the source of a file of bytecode, any other path as it is."""
    folder, slash, name = path.rpartition("/__pycache__/")
    return f"{folder}/{name.split('.')[0]}.py" if slash and name.endswith(".pyc") else path


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield every regular file of this file system below a folder, with its size."""
    device = folder.stat().st_dev
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if os.lstat(f"{place}/{name}").st_dev == device]
        for name in names:
            found = os.lstat(f"{place}/{name}")
            if stat.S_ISREG(found.st_mode):
                yield f"{place}/{name}", found.st_size


if __name__ == "__main__":
    main()
