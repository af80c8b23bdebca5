"""Choose the stack: `python3 make/stacks.py name` prints the newest that this machine can hold.

`python3 make/stacks.py say NAME [--chosen]` says in a line which stack it is and why, and fails for one that this
machine cannot hold. What a stack is stands in versions.py. Needs Python 3.8 or later and nothing else.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import interpreters
import uv


def _read_versions() -> ModuleType:
    """Import versions.py by its path: the package itself needs a newer Python than this."""
    path = Path(__file__).resolve().parent.parent / "components" / "tfx_savedmodel" / "versions.py"
    spec = importlib.util.spec_from_file_location("versions", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VERSIONS = _read_versions()
#: By name, the newest first. Those without TFX are chosen by no one.
STACKS: dict[str, Any] = {stack.name: stack for stack in VERSIONS.STACKS if "tfx" in stack.locked}
#: The stack whose environment is `.venv`; another's is named after it, so that none ever holds two.
FIRST = "tfx-1.15"
#: Where a stack runs in spite of the machine.
ELSEWHERE = {"tfx-1.21": "make test-tfx121 runs it in a Debian 13 root"}


@dataclasses.dataclass(frozen=True)
class Machine:
    """What decides: the version of the C library ("" where it is another than glibc), and a Python for newer stacks."""

    glibc: str
    pythons: dict[str, str]


def look() -> Machine:
    """Return what this machine has: of Pythons that of the newest stack that finds one, where there is a choice."""
    glibc = _glibc()
    fits = _held(glibc)
    pythons = {}
    for name in fits if len(fits) > 1 else ():
        python = _python(STACKS[name].pythons)
        if python:
            pythons[name] = python
            break
    return Machine(glibc, pythons)


def choose(machine: Machine) -> str:
    """Return the newest stack whose wheels run here: one whose Python is here, else the newest, for uv to bring one."""
    fits = _held(machine.glibc) or list(STACKS)[-1:]
    return next((name for name in fits if name in machine.pythons), fits[0])


def _held(glibc: str) -> list[str]:
    return [name for name, stack in STACKS.items() if not _is_older(glibc, stack.glibc)]


def refusal(machine: Machine, name: str) -> str | None:
    """Return why a stack cannot be had, the oldest too, or None. A missing Python uv may download."""
    if name not in STACKS:
        return f"STACK={name}: no such stack; there are {' and '.join(STACKS)}."
    if not _is_older(machine.glibc, STACKS[name].glibc):
        return None
    others = " or ".join(f"STACK={other}" for other in _held(machine.glibc))
    instead = [ELSEWHERE[name]] if name in ELSEWHERE else []
    instead += [f"this machine can hold {others}"] if others else []
    return f"Stack {name} {_lacks(machine, name)}. Instead: {'; '.join(instead) or 'a system that has it'}."


def line(machine: Machine, name: str, *, chosen: bool) -> str:
    """Say which stack is taken and why, and how to have the other."""
    names = list(STACKS)
    others = " or ".join(f"STACK={other}" for other in names if other != name)
    if not chosen:
        return f"stack {name}, as STACK names it; the other: {others}"
    newer = names[: names.index(name)]
    if not newer:
        python = machine.pythons.get(name, "no Python for any stack, so uv downloads one, where the network allows")
        return f"stack {name}: the newest, and this machine has glibc {machine.glibc} and {python}; the other: {others}"
    said = [f"{other} {_lacks(machine, other)}; {_instead(machine, other)}" for other in newer]
    return f"stack {name}: {'; '.join(said)}"


def folder(name: str) -> str:
    """Return the folder of a stack's environment, in the project's."""
    return ".venv" if name == FIRST else f".venv-{name}"


def _instead(machine: Machine, name: str) -> str:
    if _is_older(machine.glibc, STACKS[name].glibc):
        return ELSEWHERE[name]
    return f"with STACK={name} uv downloads one, where the network allows"


def _lacks(machine: Machine, name: str) -> str | None:
    stack = STACKS[name]
    if _is_older(machine.glibc, stack.glibc):
        return f"wants glibc {stack.glibc} or later, and this machine has {machine.glibc or 'another C library'}"
    if name not in machine.pythons:
        return f"wants Python {' or '.join(stack.pythons)} with its C headers, and none was found"
    return None


def _is_older(glibc: str, wanted: str) -> bool:
    return VERSIONS.release(glibc) < VERSIONS.release(wanted)


def _glibc() -> str:
    try:
        words = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
    except (AttributeError, OSError, ValueError):  # no Linux, or musl
        return ""
    return words[1] if len(words) == 2 and words[0] == "glibc" else ""


def _python(versions: tuple[str, ...]) -> str | None:
    found = (interpreters.find(version, needs_headers=True) for version in versions)
    return next((each.executable for each in found if each is not None), None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("name", help="print the newest stack that this machine can hold")
    say = verbs.add_parser("say", help="say which stack it is and why; fail where it cannot be had")
    say.add_argument("stack")
    say.add_argument("--chosen", action="store_true", help="it was chosen here, not named by a person")
    options = parser.parse_args()
    machine = look()
    if options.verb == "name":
        print(choose(machine))
        return 0
    refused = refusal(machine, options.stack)
    if refused:
        print(refused, file=sys.stderr)
        return 1
    uv.say(line(machine, options.stack, chosen=options.chosen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
