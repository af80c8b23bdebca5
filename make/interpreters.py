"""Find a Python of a given version that really runs, without downloading one."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_PROBE = """
import os, platform, sys, sysconfig
header = os.path.join(sysconfig.get_path("include"), "Python.h")
version = "%d.%d" % sys.version_info[:2]
print(sys.executable, version, platform.python_implementation(), os.path.exists(header), sep="\\n")
"""


@dataclasses.dataclass(frozen=True)
class Interpreter:
    """A Python that answered: its executable, version ("3.10"), and whether it has C headers."""

    executable: str
    version: str
    has_headers: bool


def probe(command: str) -> Interpreter | None:
    """Run a Python and return what it is, or None: a pyenv shim exists and fails all the same."""
    try:
        answer = subprocess.run(
            [command, "-c", _PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = answer.stdout.decode().splitlines()
    if len(lines) != 4 or lines[2] != "CPython":
        return None
    return Interpreter(executable=lines[0], version=lines[1], has_headers=lines[3] == "True")


def find(version: str, *, needs_headers: bool) -> Interpreter | None:
    """Return a CPython of this version from the path or from pyenv's versions folder, else None.

    One with C headers is preferred; with `needs_headers` one without them does not count.
    """
    fallback = None
    for command in _candidates(version):
        interpreter = probe(command)
        if interpreter is None or interpreter.version != version:
            continue
        if interpreter.has_headers:
            return interpreter
        fallback = fallback or interpreter
    return None if needs_headers else fallback


def _candidates(version: str) -> Iterator[str]:
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for name in (f"python{version}", "python3"):
        yield from (str(folder / name) for folder in folders if os.access(str(folder / name), os.X_OK))
    yield sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    versions = sorted((pyenv / "versions").glob(f"{version}.*"), key=_patch_release, reverse=True)
    yield from (str(folder / "bin" / f"python{version}") for folder in versions)


def _patch_release(folder: Path) -> int:
    digits = folder.name.rsplit(".", 1)[-1]
    return int(digits) if digits.isdigit() else -1
