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
NAMED = "named"

#: Packages whose functions do things; what they are called is not what a layer is called.
_LIBRARIES = frozenset({*sys.stdlib_module_names, "keras", "numpy", "tensorflow", "tf_keras"}) - {
    "__main__",
    "builtins",
}


@dataclasses.dataclass(frozen=True)
class Ask:
    """One thing that loading does or looks up.

    `kind` is CODE (Python code in the file is unpacked and called), FILE (a file that the configuration names is
    read), CALL (a function that does more than compute is called, or a further model loaded), or NAMED (a class or
    function of somebody else's is looked up by name: nothing runs unless it is registered or importable there).
    `names` are those by which an author may allow it.
    """

    kind: str
    what: str
    place: str
    names: tuple[str, ...] = ()


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
            yield Ask(CALL if _does(item) else NAMED, _shown(item), item.place, item.names)


def _does(item: Reference) -> bool:
    """Tell what is no layer of somebody's: a loader of Keras's own, or something of a library that is always there."""
    if item.name in LOADERS:
        return True
    if item.module == "builtins":
        return hasattr(builtins, item.name)
    return (item.module or "").partition(".")[0] in _LIBRARIES and (
        item.is_function or (item.module or "").partition(".")[0] in sys.stdlib_module_names
    )


def _shown(item: Reference) -> str:
    kind = "function" if item.is_function else "class"
    of = f" of {item.module}" if item.module else ""
    return f"the {kind} {item.names[0] if item.names else item.name!r}{of}"
