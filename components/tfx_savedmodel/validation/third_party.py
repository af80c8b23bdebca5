"""Checks of others, named in a policy by the dotted path of their class.

Such a check keeps the protocol of ours: a frozen dataclass with `code` and `name`, its base class says what it
needs. Its code has letters of its own and three digits, such as `ACME101`, of which the first says the cost as
with ours: 1 reads the graph, 2 judges loads, 3 runs examples.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from tfx_savedmodel.errors import Problem
from tfx_savedmodel.validation.check import Check, ExampleCheck, GraphCheck, ModelCheck
from tfx_savedmodel.validation.near import did_you_mean

#: By the first digit of a code; what such a check costs, in words.
COSTS: dict[str, tuple[type[Check], str]] = {
    "1": (GraphCheck, "reads the graph only: nothing is loaded or run"),
    "2": (ModelCheck, "loads the model, in processes of its own"),
    "3": (ExampleCheck, "runs the model on examples, on Beam"),
}

LOADERS = ("native", "tf1", "tf2")
RUNS = ("", "first", "all")

_CODE = re.compile(r"[A-Z]{2,16}([123])[0-9]{2}")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_OURS = "SM"


def find_checks(paths: Sequence[str], taken: Iterable[type[Check]]) -> tuple[tuple[type[Check], ...], list[Problem]]:
    """Return the checks at these dotted paths, imported, and what is wrong with the others.

    Args:
      taken: checks whose codes and names no other may have.
    """
    found: list[type[Check]] = []
    problems: list[Problem] = []
    known = list(taken)
    for number, path in enumerate(paths):
        where = f"checks[{number}]"
        check = _imported(path, where)
        faults = [check] if isinstance(check, Problem) else _faults(check, path, where, known)
        problems += faults
        if not faults and not isinstance(check, Problem):
            found.append(check)
            known.append(check)
    return tuple(found), problems


def _imported(path: str, where: str) -> type[Check] | Problem:
    module_name, _, name = path.rpartition(".")
    if not module_name:
        return Problem(where, "no dotted path of a class", path, "package.module.Class")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # another's module may raise anything while it is imported
        found = f"{path}: {type(error).__name__}: {error}"
        next_step = "install its package here (and on Beam's workers), or name its folder in PYTHONPATH"
        return Problem(where, f"{module_name} cannot be imported", found, next_step=next_step)
    value: Any = getattr(module, name, None)
    if value is None:
        classes = [key for key, item in vars(module).items() if isinstance(item, type)]
        return Problem(where, f"{module_name} has no {name}", path, "", did_you_mean(name, classes))
    bases = tuple(kind for kind, _ in COSTS.values())
    if not (isinstance(value, type) and issubclass(value, bases)) or value in bases:
        wanted = "a subclass of GraphCheck, ModelCheck or ExampleCheck of tfx_savedmodel.validation.check"
        return Problem(where, f"{name} is no check", f"{path}, which is {_described(value)}", wanted)
    return value


def _described(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"


def _faults(check: type[Check], path: str, where: str, known: Sequence[type[Check]]) -> list[Problem]:
    """Return how a check breaks the protocol."""
    faults: list[Problem] = []

    def fault(message: str, found: str, wanted: str, next_step: str = "") -> None:
        faults.append(Problem(where, f"{path}: {message}", found, wanted, next_step))

    code = _CODE.fullmatch(check.code)
    if code is None or check.code.startswith(_OURS):
        wanted = f"letters of your own, not {_OURS}, and three digits: ACME101"
        fault("no code of your own", repr(check.code), wanted)
    elif not issubclass(check, COSTS[code[1]][0]):
        digit = next(digit for digit, (kind, _) in COSTS.items() if issubclass(check, kind))
        wanted = f"{digit} as its first digit: a {COSTS[digit][0].__name__} {COSTS[digit][1]}"
        fault("the code says another cost than the base class", check.code, wanted)
    if not _NAME.fullmatch(check.name):
        fault("no name for a check", repr(check.name), "words in small letters joined by hyphens: pinned-labels")
    for other in known:
        if check.code == other.code or check.name == other.name:
            fault(
                "the code or name is taken", f"{check.code} {check.name}", f"others than those of {other.__qualname__}"
            )
    if "__dataclass_params__" not in vars(check) or not dataclasses.is_dataclass(check):
        fault("it is no dataclass of its own", check.__qualname__, "@dataclasses.dataclass(frozen=True) above it")
    if not (check.__doc__ or "").strip() or str(check.__doc__).startswith(f"{check.__name__}("):  # @dataclass wrote it
        fault("it has no docstring, which is its page", "nothing", "a title, `Why:` and `Remedy:`")
    if issubclass(check, ModelCheck) and not set(check.loaders) <= set(LOADERS):
        fault("a loader that does not exist", ", ".join(check.loaders), ", ".join(LOADERS))
    if issubclass(check, ModelCheck) and check.runs not in RUNS:
        fault("no such way to run signatures", repr(check.runs), " or ".join(map(repr, RUNS)))
    return faults
