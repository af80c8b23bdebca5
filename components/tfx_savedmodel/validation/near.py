"""Names that somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST = 3
_LIKE = 0.6


def near(found: str, names: Iterable[str]) -> list[str]:
    """Return the names most like what was found, whatever the case; the best first."""
    text = found.strip().lower()
    ranked = []
    for name in names:
        likeness = difflib.SequenceMatcher(None, text, name.lower()).ratio()
        if sorted(text) == sorted(name.lower()):  # two letters or digits swapped
            likeness = 1.0
        # Of codes that are equally like it, the one with the same beginning is of the same family.
        same = sum(a == b for a, b in zip(text, name.lower(), strict=False))
        if likeness >= _LIKE:
            ranked.append((-likeness, -same, name))
    return [name for _, _, name in sorted(ranked)[:_MOST]]


def did_you_mean(found: str, names: Iterable[str]) -> str:
    """Return "did you mean A or B?", or nothing where nothing is like it."""
    close = near(found, names)
    return f"did you mean {' or '.join(close)}?" if close else ""
