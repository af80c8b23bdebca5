"""What a Keras configuration asks of whoever loads it with Keras, graded. Read as data: nothing is deserialised."""

from __future__ import annotations

import builtins
import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

from tfx_savedmodel.saved_model.keras_code import Reference, lambdas, read_files, references
from tfx_savedmodel.saved_model.keras_names import LOADERS
from tfx_savedmodel.saved_model.keras_ops import touching_calls
from tfx_savedmodel.saved_model.keras_own import is_own

CODE = "code"
FILE = "file"
CALL = "call"
HELD = "held"
NAMED = "named"

#: Packages whose functions do things; what they are called is not what a layer is called.
_LIBRARIES = frozenset({*sys.stdlib_module_names, "keras", "numpy", "tensorflow", "tf_keras"}) - {
    "__main__",
    "builtins",
}

#: Modules, wherever they are seen from, whose functions have capitals.
_CAPITAL_FUNCTIONS = frozenset({"gfile", "raw_ops"})


@dataclasses.dataclass(frozen=True)
class Ask:
    """One thing that loading does or looks up.

    `kind` is CODE (Python code in the file is unpacked and called), FILE (a file that the configuration names is
    read), CALL (a function that does more than compute is called, or a further model loaded), HELD (a class that Keras
    or another library that whoever loads it has holds, and that is no known part of models), or NAMED (a class or
    function of somebody else's is looked up by name: nothing runs unless it is registered or importable there).
    `names` are those by which an author may allow it. `why` goes on after `what`: "which …", or is empty.
    """

    kind: str
    what: str
    place: str
    names: tuple[str, ...] = ()
    why: str = ""


def asks(config: Any, place: str = "") -> Iterator[Ask]:
    """Yield what a configuration asks for beyond Keras's own parts.

    Raises:
      RecursionError: its nesting has no end.
    """
    for where, what in lambdas(config, place):
        yield Ask(CODE, what, where, ("Lambda",))
    for where, what in read_files(config, place):
        yield Ask(FILE, what, where)
    for where, what in touching_calls(config, place):
        yield Ask(CALL, what, where, (what,))
    for item in references(config, place):
        if not is_own(item):
            kind, why = _does(item)
            yield Ask(kind, _shown(item), item.place, item.names, why)


def _does(item: Reference) -> tuple[str, str]:
    """Tell what is no layer of somebody's: a loader of Keras's own, or something of a library that is always there.

    Returns:
      The kind of the ask, and why it is that.
    """
    if item.name in LOADERS:
        return CALL, LOADERS[item.name]
    module = item.module or ""
    library = module.partition(".")[0]
    if module == "builtins":
        return (CALL, "which is Python's own") if hasattr(builtins, item.name) else (NAMED, "")
    if library in sys.stdlib_module_names and library in _LIBRARIES:
        return CALL, f"which is of Python's own module {module}: Keras 2 imports it"
    if library not in _LIBRARIES:
        return NAMED, ""
    handed = f"which Keras finds in {library} and hands over for a layer to call; it is no known part of models"
    if item.is_function:
        return CALL, handed
    if _may_be_function(item.name, module):
        return CALL, f"a function by its name, though written as a class, {handed}"
    return HELD, f"which is in {library} and no known part of models: Keras imports it and has it made from the file"


def _may_be_function(name: str, module: str) -> bool:
    """Tell whether what is written as a class may be a function: Keras takes its name where a class's should be.

    Names of classes have capitals. So have functions of TensorFlow's, such as `gfile.Remove` and `raw_ops.WriteFile`,
    but none of the Keras within it.
    """
    *outer, last = f"{module}.{name}".split(".")
    if not last[:1].isupper() or not _CAPITAL_FUNCTIONS.isdisjoint(outer):
        return True
    return outer[0] == "tensorflow" and "keras" not in outer


def _shown(item: Reference) -> str:
    kind = "function" if item.is_function else "class"
    of = f" of {item.module}" if item.module else ""
    return f"the {kind} {item.names[0] if item.names else item.name!r}{of}"
