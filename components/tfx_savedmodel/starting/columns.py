"""What a column holds, by its values: numbers, strings of few kinds, dates, or nothing that a model can use."""

from __future__ import annotations

import dataclasses
import enum
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from tfx_savedmodel.starting.dressed import undressed

#: Texts that stand for a missing value; CsvExampleGen takes none of them for one.
MISSING = frozenset({"NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "NULL", "null", "?"})
#: More different strings than this get no place of their own in a one-hot vector.
MOST_VALUES = 50
#: More different texts than this among numbers are no way to write a missing one.
_MOST_ODD = 5
_NAN = re.compile(r"[+-]?nan", re.IGNORECASE)
_INT64 = range(-(2**63), 2**63)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?")
#: As transforming/preprocessing.py of the template reads them.
_DATE = re.compile(r"\d{4}[-/.](0[1-9]|1[0-2])[-/.](0[1-9]|[12]\d|3[01])([T ].*)?")
_OTHER_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](\d{2}|\d{4})([T ].*)?|\d{4}[./-]\d{1,2}[./-]\d{1,2}([T ].*)?")
_COMPACT_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_WRITE_DATES_SO = "it looks like dates that are not written YYYY-MM-DD: write them so to use them"
_DATE_IN_WORDS = re.compile(
    r"([A-Za-z]{3,9}\.? \d{1,2}(st|nd|rd|th)?,? \d{4}"
    r"|\d{1,2}[. -]{1,2}[A-Za-z]{3,9}[. -]{1,2}(\d{2}|\d{4}))([T ,].*)?"
)
#: Python reads them as numbers, but a zip code or a number of a contract is a name.
_MAYBE_NAME = re.compile(r"[+-]?0\d.*|.*_.*")
_NAMES_OF_ROWS = frozenset({"id", "uuid", "key", "index", "row", "no"})
_SHOWN = 40
_BOOLEANS = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})


class Kind(enum.Enum):
    """What is made of a column."""

    NUMBER = "number"
    CATEGORY = "string"
    DATE = "date"
    LEFT_OUT = "left out"


@dataclasses.dataclass(frozen=True)
class Column:
    """A column after it was looked at.

    Attributes:
      source: its name in the file.
      name: its name in the pipeline.
      cells: its values as CsvExampleGen is to read them; a missing one is "".
      values: how many different ones there are, without the missing.
      why: of one that is left out, the reason.
      changes: what was changed in the cells, in words.
      note: what it may be instead, and what to do for that; that it is almost empty.
    """

    source: str
    name: str
    kind: Kind
    cells: tuple[str, ...]
    values: int
    why: str = ""
    changes: tuple[str, ...] = ()
    note: str = ""

    @property
    def missing(self) -> int:
        return sum(not cell for cell in self.cells)

    @property
    def is_boolean(self) -> bool:
        # Of `Yes` and `yes` each has a place of its own.
        return (
            self.kind is Kind.CATEGORY
            and self.values == 2
            and {cell.lower() for cell in self.cells if cell} in _BOOLEANS
        )

    @property
    def describe(self) -> str:
        """What it is, in a few words."""
        if self.is_boolean:
            return "true or false"
        if self.kind is Kind.CATEGORY:
            rare = f", a place each for the {MOST_VALUES} most frequent" if self.values > MOST_VALUES else ""
            return f"string, {self.values:,} values{rare}"
        return str(self.kind.value)


def look(source: str, name: str, cells: Sequence[str], *, comma_is_decimal: bool = False) -> Column:
    """Return what a feature's column holds.

    Args:
      comma_is_decimal: `3,14` may be a number: the file's separator is no comma.
    """
    plain, changes = plain_cells(cells, comma_is_decimal=comma_is_decimal)
    known = [cell for cell in plain if cell]
    counts = Counter(known)
    kind, why = _kind(source, counts, known)
    if kind is Kind.NUMBER:
        plain, more = _numbers(plain)
        changes += more
        # Only now are infinite ones missing, and 1.0 is what 1 is.
        different = {float(cell) for cell in plain if cell}
        if len(different) < 2:
            kind, why = Kind.LEFT_OUT, f"it is constant: {different.pop():g}" if different else "it is empty"
    notes = [_mostly_empty(plain), mostly_numbers(known) if kind is Kind.CATEGORY else ""]
    return Column(source, name, kind, tuple(plain), len(counts), why, tuple(changes), "; ".join(filter(None, notes)))


def _mostly_empty(cells: Sequence[str]) -> str:
    """Return how empty a column is of which nine tenths or more are missing, in words; else ""."""
    missing = sum(not cell for cell in cells)
    if missing * 10 < len(cells) * 9:
        return ""
    share = missing * 100 // len(cells)  # Rounded down: what has a value is not 100 % empty.
    return f"{share} % empty ({missing:,} of {len(cells):,}): see whether a model learns anything from it"


def plain_cells(cells: Sequence[str], *, comma_is_decimal: bool = False) -> tuple[list[str], list[str]]:
    """Return cells with one way to be missing, without line breaks and decimal commas, and what was changed."""
    changes = []
    missing = Counter(cell for cell in cells if is_missing(cell))
    for text, count in sorted(missing.items()):
        changes.append(f"{count:,} × {text} taken for missing")
    plain = ["" if is_missing(cell) else cell for cell in cells]
    if any("\n" in cell or "\r" in cell for cell in plain):
        plain = [" ".join(cell.split()) for cell in plain]
        changes.append("line breaks became blanks")
    known = [cell for cell in plain if cell]
    if comma_is_decimal and any("," in cell for cell in known) and all(map(_DECIMAL_COMMA.fullmatch, known)):
        plain = [cell.replace(",", ".") for cell in plain]
        changes.append("decimal commas became points")
    return plain, changes


def is_missing(cell: str) -> bool:
    """Tell whether a text stands for a missing value: one of MISSING, or a NaN however Python's `float` reads it."""
    return cell in MISSING or _NAN.fullmatch(cell) is not None


def number(cell: str) -> float | None:
    """Return a cell as CsvExampleGen would read a number, or None."""
    try:
        return float(cell)
    except ValueError:
        return None


def first_dressed(known: Iterable[str]) -> str:
    """Return how to write the first of numbers in dress (`write 1234 for $1,234`), "" where not all are numbers."""
    plain = {cell: undressed(cell) for cell in known if number(cell) is None}
    if not plain or None in plain.values():
        return ""
    cell, text = next(iter(plain.items()))
    return f"write {text} for {_short(cell)}"


def few_odd(known: Sequence[str]) -> str:
    """Return the few values that are no numbers among many that are, in words; "" where they are not few."""
    odd = Counter(cell for cell in known if number(cell) is None)
    return _counted(odd) if 0 < odd.total() * 10 <= len(known) else ""


def mostly_numbers(known: Sequence[str]) -> str:
    """Return what to say of strings most of which are numbers, such as a dash where one is missing; else ""."""
    odd = Counter(cell for cell in known if number(cell) is None)
    if not odd or len(odd) > _MOST_ODD or odd.total() * 2 >= len(known):
        return ""
    return (
        f"kept as strings, but most of its values are numbers, not {_counted(odd)}: "
        "to have numbers, leave those cells empty or write numbers there"
    )


def _counted(texts: Counter[str]) -> str:
    shown = ", ".join(f"{count:,} × {_short(cell)}" for cell, count in texts.most_common(3))
    return shown + (f" and {len(texts) - 3:,} more" if len(texts) > 3 else "")


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= _SHOWN else f"{cell[: _SHOWN - 1]}…")


def is_whole(cell: str) -> bool:
    """Tell whether CsvExampleGen would read an integer."""
    try:
        int(cell)
    except ValueError:
        return False
    return True


def _kind(source: str, counts: Counter[str], known: Sequence[str]) -> tuple[Kind, str]:
    if not counts:
        return Kind.LEFT_OUT, "it is empty"
    if len(counts) == 1:
        return Kind.LEFT_OUT, f"it is constant: {_short(next(iter(counts)))}"
    if all(number(cell) is not None for cell in counts):
        why = _why_no_number(source, counts, known)
        return (Kind.LEFT_OUT, why) if why else (Kind.NUMBER, "")
    if all(map(_DATE.fullmatch, counts)):
        return Kind.DATE, ""
    if all(map(_OTHER_DATE.fullmatch, counts)) or all(map(_DATE_IN_WORDS.fullmatch, counts)):
        return Kind.LEFT_OUT, _WRITE_DATES_SO
    dressed = first_dressed(counts)
    if dressed:
        return Kind.LEFT_OUT, f"its numbers are written so that TFX reads strings: {dressed}"
    # Of an identifier or free text almost every value is another: a model can only learn it by heart.
    share = len(counts) / len(known)
    if (len(counts) > MOST_VALUES and share > 0.25) or (len(counts) > 10 and share > 0.5):
        odd = few_odd(known)
        if odd:
            return Kind.LEFT_OUT, f"almost all of its values are numbers, but not {odd}: leave those cells empty"
        kind = "free text" if sum(map(len, counts)) > 40 * len(counts) else "an identifier"
        return Kind.LEFT_OUT, f"it looks like {kind}: {len(counts):,} values in {len(known):,} rows"
    return Kind.CATEGORY, ""


def _why_no_number(source: str, counts: Counter[str], known: Sequence[str]) -> str:
    """Return why a column of numbers is no measurement: it dates the rows, counts them, or names them."""
    if all(map(_COMPACT_DATE.fullmatch, counts)):
        return _WRITE_DATES_SO
    if len(counts) < len(known) or len(known) < 10 or not all(map(is_whole, counts)):
        return ""
    words = set(re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", source).lower()))
    numbers = [int(cell) for cell in counts]
    # Years follow each other as well; what counts rows begins with the first one, or is called so.
    counts_rows = min(numbers) in (0, 1) or not source or words & _NAMES_OF_ROWS
    if counts_rows and max(numbers) - min(numbers) + 1 == len(numbers):
        return "it numbers the rows"
    return "it looks like an identifier: another one in every row" if {"id", "uuid", "key"} & words else ""


def _numbers(cells: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return numbers so that CsvExampleGen reads one type: integers, or floats where a value is missing or large."""
    changes = []
    values = [number(cell) if cell else None for cell in cells]
    odd = next((cell for cell in cells if cell and _MAYBE_NAME.fullmatch(cell)), None)
    if odd is not None:
        read = int(odd) if is_whole(odd) else float(odd)
        changes.append(f"{odd} was read as the number {read}; if these are names, put a letter before them")
    infinite = sum(value is not None and not math.isfinite(value) for value in values)
    if infinite:
        changes.append(f"{infinite:,} infinite value{'s' if infinite > 1 else ''} taken for missing")
    finite = [
        cell if value is not None and math.isfinite(value) else "" for cell, value in zip(cells, values, strict=True)
    ]
    known = [cell for cell in finite if cell]
    if all(map(is_whole, known)):
        if not all(int(cell) in _INT64 for cell in known):
            changes.append("integers too large for 64 bits became floats")
        elif len(known) == len(finite):
            return [str(int(cell)) for cell in finite], changes
        else:
            # An integer cannot be missing at a tensor of a served model, a float can: as NaN.
            changes.append("integers became floats, because some are missing")
    return [repr(float(cell)) if cell else "" for cell in finite], changes
