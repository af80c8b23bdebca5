"""Compile requirements/*.in into the fully pinned files: `python3 make/lock.py [--upgrade] [NAME …]`.

Without `--upgrade` pins that still satisfy the .in files stay as they are. The starter template has the stacks' locks
too, as they are, and one of its own beside each: of what its tests and its lint want.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import interpreters
import uv


@dataclasses.dataclass(frozen=True)
class Lock:
    """A locked file: the Python it is for, what it is compiled from, and the file whose pins constrain it.

    One with `and_above` serves later Pythons too; what only some of them need is marked so. It is compiled without
    asking which wheels this machine could run: those of TFX 1.21 may be too new for it.
    """

    name: str
    python: str
    inputs: tuple[str, ...]
    constraint: str | None = None
    and_above: bool = False
    folder: Path = Path("requirements")

    @property
    def file(self) -> str:
        """The file's name in its folder."""
        return f"{self.name}.txt"


STARTER = Path("templates", "starter", "requirements")
#: The locks that a repository made of the template begins with: those that our own tests run with.
GIVEN_TO_STARTER = ("tfx-1.15", "tfx-1.21")


#: In this order: a constraint comes before what it constrains.
LOCKS = (
    Lock("uv", "3.8", ("uv.in",)),
    Lock("compiler", "3.8", ("compiler.in",)),
    Lock("tfx-1.15", "3.10", ("tfx-1.15.in",)),
    Lock("tfx-1.15-dev", "3.10", ("tfx-1.15.in", "dev.in"), "tfx-1.15.txt"),
    Lock("tfx-1.21", "3.12", ("tfx-1.21.in",), and_above=True),
    Lock("tfx-1.21-dev", "3.12", ("tfx-1.21.in", "dev.in"), "tfx-1.21.txt", and_above=True),
    Lock("explain-sdk", "3.10", ("explain-sdk.in",), "tfx-1.15.txt"),
    Lock("tf-2.21-dev", "3.12", ("tf-2.21.in", "dev.in")),
    Lock("consumer-tf-1.15", "3.7", ("consumer-tf-1.15.in",)),
    Lock("consumer-tf-2.4", "3.8", ("consumer-tf-2.4.in",)),
    Lock("consumer-tf-2.7", "3.9", ("consumer-tf-2.7.in",)),
    Lock("scanner-modelscan", "3.10", ("scanner-modelscan.in",)),
    Lock("scanner-modelaudit", "3.10", ("scanner-modelaudit.in",)),
)
#: Compiled within the template, of what we lint and test with ourselves.
STARTER_LOCKS = (
    Lock("dev-tfx-1.15", "3.10", ("dev.in",), "tfx-1.15-dev.txt", folder=STARTER),
    Lock("dev-tfx-1.21", "3.12", ("dev.in",), "tfx-1.21-dev.txt", and_above=True, folder=STARTER),
)


def main() -> int:
    names = [lock.name for lock in (*LOCKS, *STARTER_LOCKS)]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that the .in files allow")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; without one, all")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(names))
    if unknown:
        parser.error(f"no lock {', '.join(unknown)}; there are {', '.join(names)}")
    try:
        uv.ensure_uv()
    except uv.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    for lock in (*LOCKS, *STARTER_LOCKS):
        if options.names and lock.name not in options.names:
            continue
        uv.say(f"{lock.folder / lock.file}")
        code = _compile(lock, upgrade=options.upgrade)
        if code:
            return code
        if lock.name in GIVEN_TO_STARTER:
            shutil.copyfile(str(uv.ROOT / lock.folder / lock.file), str(uv.ROOT / STARTER / lock.file))
    return 0


def _compile(lock: Lock, *, upgrade: bool) -> int:
    command = [str(uv.UV), "pip", "compile", "--quiet", "--generate-hashes", "--no-emit-index-url"]
    command += ["--no-emit-find-links", "--custom-compile-command", "make lock", "--output-file", lock.file]
    interpreter = None if lock.and_above else interpreters.find(lock.python, needs_headers=False)
    command += ["-p", interpreter.executable] if interpreter else ["--python-version", lock.python]
    command += ["--universal"] if lock.and_above else []
    folder = uv.ROOT / lock.folder
    if lock.constraint:
        command += ["-c", os.path.relpath(str(uv.ROOT / "requirements" / lock.constraint), str(folder))]
    # Whoever has the template has not our own lock, which the annotations would name.
    command += ["--no-annotate"] if lock.folder == STARTER else []
    command += ["--upgrade"] if upgrade else []
    variables = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    # From inside the folder, so that the files' own comments name no path.
    return subprocess.run([*command, *lock.inputs], cwd=str(folder), env=variables).returncode


if __name__ == "__main__":
    sys.exit(main())
