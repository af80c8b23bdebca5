"""What somebody may have meant who names a check that there is not."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from tfx_savedmodel.validation.near import near
from tfx_savedmodel.validation.third_party import COSTS

#: The beginning of a code, which stands for several; a whole one has three digits.
_BEGINNING = re.compile(r"[A-Z]{2,}[0-9]{1,2}")
_FAMILY = re.compile(r"[A-Z]+[0-9]")
#: The letters of a whole code, which are its author's: those of another are no slip of the finger.
_LETTERS = re.compile(r"[A-Z]+(?=[0-9]{3}$)")

_LIKE = 0.5


def meant_codes(found: str, names: Mapping[str, str]) -> str:
    """Return which checks may be meant: those that are spelt like it, else those of its family, else the families.

    Args:
      found: a code, the beginning of one, or a name.
      names: the name of each check there is, by code.
    """
    text = found.strip().upper()
    if _BEGINNING.fullmatch(text):
        return _family(text, names)
    letters = _LETTERS.match(text)
    if letters is not None and not any(_alike(letters[0], code.rstrip("0123456789")) for code in names):
        return ""
    by_word = {word: f"{code} {name}" for code, name in names.items() for word in (code, name)}
    meant = near(found, by_word)
    if letters is not None:
        # A whole code of another family than any it looks like is no slip, unless its digits are swapped.
        meant = [word for word in meant if word[-3:-2] == text[-3] or sorted(word) == sorted(text)]
        if not meant:
            return _family(text[:-2], names)
    close = list(dict.fromkeys(by_word[word] for word in meant))
    return f"did you mean {' or '.join(close)}?" if close else ""


def _family(text: str, names: Mapping[str, str]) -> str:
    """Return the codes of the family that the beginning of a code is of, or all families with what they cost."""
    families = list(dict.fromkeys(match[0] for match in map(_FAMILY.match, names) if match))
    of_same = next((family for family in families if text.startswith(family)), None)
    if of_same is not None:
        return f"those that begin {of_same} are {', '.join(code for code in names if code.startswith(of_same))}"
    return f"there are {'; '.join(f'{family}, which {COSTS[family[-1]][1]}' for family in families)}"


def _alike(letters: str, known: str) -> bool:
    return difflib.SequenceMatcher(None, letters, known).ratio() >= _LIKE
