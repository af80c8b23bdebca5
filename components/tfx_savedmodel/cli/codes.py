"""Check codes as a user names them: comma-separated prefixes, each of which must mean something."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.checks import CheckPage, meant_codes

#: How a code begins that is none of ours.
_OTHERS = re.compile(r"(?!SM)[A-Z]{2,}[0-9]", re.IGNORECASE)


def read_codes(option: str, values: Sequence[str], pages: Sequence[CheckPage]) -> tuple[str, ...]:
    """Return the prefixes of an option's values ("SM1,sm301" gives ("SM1", "SM301")).

    Raises:
      UsageError: a prefix that no check's code starts with.
    """
    prefixes = tuple(part.strip().upper() for value in values for part in value.split(","))
    for prefix in prefixes:
        if not prefix or not any(page.code.startswith(prefix) for page in pages):
            raise unknown_code(option, prefix, pages)
    return prefixes


def unknown_code(where: str, found: str, pages: Sequence[CheckPage]) -> UsageError:
    """Return the error that lists the codes there are, and names those that may have been meant."""
    hint = meant_codes(found, {page.code: page.name for page in pages})
    listed = "`tfx-savedmodel checks` lists them with what they look for"
    if _OTHERS.match(found) and not any(page.code.startswith(found[:2].upper()) for page in pages):
        listed += "; checks of your own are known beside the policy that brings them: --policy FILE"
    return UsageError(
        "no check has this code",
        where=where,
        found=repr(found),
        wanted="a code or the beginning of one: " + ", ".join(page.code for page in pages),
        next_step=f"{hint}{'' if hint.endswith('?') else '.'} {listed}" if hint else listed,
    )
