"""Print what an image consists of, biggest first. Runs in the image, with its Python; nothing but reading."""

from __future__ import annotations

import os
import stat
import sys
from collections import defaultdict
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
    print(f"{_megabytes(whole)}  in all; {environment / 1e6:.0f} MB of it in {sys.prefix}, with {bytecode / 1e6:.0f} MB of bytecode")


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
    folder, name = os.path.split(path)
    if not name.endswith(".pyc") or os.path.basename(folder) != "__pycache__":
        return path
    return os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py")


def _files(folder: Path):  # type: ignore[no-untyped-def]
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not os.path.ismount(os.path.join(place, name))]
        for name in names:
            path = os.path.join(place, name)
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode):
                yield path, found.st_size


if __name__ == "__main__":
    main()
