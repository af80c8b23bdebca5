"""Numbers as people write them for people, `$1,234.50` or `45%`, which CsvExampleGen reads as strings."""

from __future__ import annotations

import re

_AMOUNT = r"\d+(?:[.,]\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?"
_DRESSED = re.compile(rf"([+-]?)\s?[$€£¥]?\s?([+-]?)({_AMOUNT})\s?[$€£¥%]?")
_THOUSANDS = re.compile(r"\d{1,3}([.,])\d{3}(\1\d{3})*")


def undressed(cell: str) -> str | None:
    """Return the number that a cell shows, as a program writes it, or None where it shows none.

    A single comma or several with three digits behind each are taken for thousands.
    """
    match = _DRESSED.fullmatch(cell)
    if match is None or (match[1] and match[2]):
        return None
    amount = match[3]
    if "," in amount and "." in amount:
        thousands = min(",.", key=amount.index)
        amount = amount.replace(thousands, "").replace(",", ".")
    elif "," in amount or amount.count(".") > 1:
        grouped = _THOUSANDS.fullmatch(amount) is not None
        amount = re.sub("[.,]", "", amount) if grouped else amount.replace(",", ".")
    return match[1] + match[2] + amount
