"""Check codes as a user names them: comma-separated prefixes, each of which must mean something."""

from __future__ import annotations

from collections.abc import Sequence

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.checks import CheckPage, checks


def read_codes(option: str, values: Sequence[str]) -> tuple[str, ...]:
    """Return the prefixes of an option's values ("SM1,sm301" gives ("SM1", "SM301")).

    Raises:
      UsageError: a prefix that no check's code starts with.
    """
    prefixes = tuple(part.strip().upper() for value in values for part in value.split(","))
    for prefix in prefixes:
        if not prefix or not matching(prefix):
            raise unknown_code(option, prefix)
    return prefixes


def matching(prefix: str) -> list[CheckPage]:
    """Return the checks whose code starts with the prefix, or whose name it is."""
    return [check for check in checks() if check.code.startswith(prefix.upper()) or check.name == prefix.lower()]


def unknown_code(where: str, found: str) -> UsageError:
    """Return the error that lists the codes there are."""
    return UsageError(
        "no check has this code",
        where=where,
        found=repr(found),
        wanted="a code or the beginning of one: " + ", ".join(check.code for check in checks()),
        next_step="`tfx-savedmodel checks` lists them with what they look for",
    )
