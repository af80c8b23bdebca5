"""Which names TensorFlow can give an input of a TF2 signature."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection

# As TensorFlow's sanitize_arg_name leaves it alone; beyond ASCII its versions differ.
_ARGUMENT = re.compile(r"[A-Za-z]\w*", re.ASCII)

#: What an input may be called, in words.
WANTED = "a letter, then letters, digits and underscores; not 'self', and no word of Python's own"


def is_argument_name(name: str) -> bool:
    """Tell whether every loader would show an input under this name.

    TensorFlow writes another one without a word (TF2 then asks for "bill_length" where TF1 and TensorFlow
    Serving ask for "bill-length"), or makes a function that cannot be called ("self"), or none (2.21: "class").
    """
    return _ARGUMENT.fullmatch(name) is not None and name != "self" and not keyword.iskeyword(name)


def suggested(name: str, taken: Collection[str]) -> str:
    """Return a name like this one that TensorFlow can write and that is free, whatever the case."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "x"
    plain = plain if is_argument_name(plain) else f"x_{plain}"
    lower = {other.lower() for other in taken}
    count, free = 1, plain
    while free.lower() in lower:
        count, free = count + 1, f"{plain}_{count + 1}"
    return free


def same_but_for_case(names: Collection[str]) -> list[list[str]]:
    """Return the groups of names that differ only in case: a graph knows one node of them."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(name.lower(), []).append(name)
    return [group for group in groups.values() if len(group) > 1]
