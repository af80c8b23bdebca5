"""What is to be predicted: a class or a number, told by the values of the label."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.starting.columns import few_odd, first_dressed, is_whole, number, plain_cells

CLASSIFICATION, REGRESSION = "classification", "regression"
TASKS = (CLASSIFICATION, REGRESSION)
#: More whole numbers than this are taken for a quantity, more different strings for no label at all.
MOST_NUMBERED_CLASSES = 20
MOST_CLASSES = 200
#: A class that fewer rows have may be absent from training or from evaluation.
FEW_ROWS = 10
#: More strings than this that hardly ever recur name the rows, not classes.
_MOST_RARE_CLASSES = 10


@dataclasses.dataclass(frozen=True)
class Label:
    """The label after it was looked at.

    Attributes:
      cells: its values as CsvExampleGen is to read them, "" where it is missing.
      classes: in order, the numbers by size; empty for a regression.
      reason: why it is taken for that.
      other: the task that it could be as well, "" where its values allow one only.
      changes: what was changed in the cells, in words.
      notes: what else is worth knowing.
    """

    source: str
    name: str
    task: str
    cells: tuple[str, ...]
    classes: tuple[str, ...]
    reason: str
    other: str = ""
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def look_at_label(
    source: str, name: str, cells: Sequence[str], *, task: str | None = None, comma_is_decimal: bool = False
) -> Label:
    """Return what a label is.

    Args:
      task: "classification" or "regression", where somebody knows better than the values.

    Raises:
      UsageError: no values, one only, too many for classes, no numbers for a regression.
    """
    where = f"the label {source!r}"
    plain, changes = plain_cells(cells, comma_is_decimal=comma_is_decimal)
    known = Counter(cell for cell in plain if cell)
    if len(known) < 2:
        found = f"{next(iter(known))!r} in every row" if known else "no value at all"
        raise UsageError("a label that says nothing", where=where, found=found, wanted="at least two values")
    numbers = {cell: number(cell) for cell in known}
    odd = next((cell for cell, value in numbers.items() if value is None or math.isinf(value)), None)
    if odd is not None:
        _refuse_odd(where, [cell for cell in plain if cell], numbers, task)
    guessed, reason = _guess(known, numbers, is_numeric=odd is None)
    if task is not None and task != guessed:
        reason = f"you said so; by its values it would be a {guessed}, because {reason}"
    task = task or guessed
    if task == REGRESSION:
        if odd is not None:
            raise UsageError(
                "a label that is no number", where=where, found=repr(odd), wanted="numbers for a regression"
            )
        may_be_classes = _fraction(numbers) is None and len(known) <= MOST_CLASSES
        other = CLASSIFICATION if may_be_classes else ""
        return Label(source, name, task, tuple(_float(cell) for cell in plain), (), reason, other, tuple(changes))
    if odd is None:
        _refuse_fractions(where, numbers)
    texts = [_class_text(cell, is_numeric=odd is None) for cell in plain]
    changes += _renaming(where, plain, texts)
    counts = Counter(text for text in texts if text)
    if len(counts) > MOST_CLASSES:
        raise UsageError(
            "too many classes",
            where=where,
            found=f"{len(counts):,} different values",
            wanted=f"at most {MOST_CLASSES}",
            next_step="name another --label" if odd is not None else "make it a regression: --task regression",
        )
    classes = tuple(sorted(counts, key=float if odd is None else None))
    other = REGRESSION if odd is None else ""
    return Label(source, name, task, tuple(texts), classes, reason, other, tuple(changes), _rare(counts))


def _refuse_odd(where: str, known: list[str], numbers: dict[str, float | None], task: str | None) -> None:
    """Refuse what is neither classes nor numbers: numbers that are not written as such, or another text in each row."""
    wanted = "numbers, or the names of classes"
    infinite = next((cell for cell, value in numbers.items() if value is not None and math.isinf(value)), None)
    if infinite is not None and None not in numbers.values():
        step = "take the rows out, or leave the cell empty: rows without a label are left out"
        raise UsageError(
            "a label that is no number", where=where, found=repr(infinite), wanted="finite numbers", next_step=step
        )
    as_it_is = "" if task else "; where they are the names of classes: --task classification"
    dressed = first_dressed(numbers)
    if dressed and task != CLASSIFICATION:
        raise UsageError(
            "a label of numbers that TFX reads as strings",
            where=where,
            found=repr(next(cell for cell, value in numbers.items() if value is None)),
            wanted="digits and a point",
            next_step=dressed + as_it_is,
        )
    plain = Counter(cell for cell in known if numbers[cell] is not None)
    few = few_odd(known)
    if few and task != CLASSIFICATION and _guess(plain, {cell: number(cell) for cell in plain})[0] == REGRESSION:
        step = f"leave those cells empty: rows without a label are left out{as_it_is}"
        raise UsageError(
            "a label of numbers, and of a few texts", where=where, found=few, wanted=wanted, next_step=step
        )
    if task != REGRESSION and len(numbers) > _MOST_RARE_CLASSES and len(numbers) > len(known) / 2:
        raise UsageError(
            "a label with almost another class in each row",
            where=where,
            found=f"{len(numbers):,} different values in {len(known):,} rows",
            wanted=wanted,
            next_step="name another --label",
        )


def _guess(known: Counter[str], numbers: dict[str, float | None], *, is_numeric: bool = True) -> tuple[str, str]:
    if not is_numeric:
        return CLASSIFICATION, f"its {len(known):,} values are strings"
    values = {value for value in numbers.values() if value is not None}
    if any(value != int(value) for value in values):
        return REGRESSION, "its values are numbers with fractions"
    if len(values) == 2:
        return CLASSIFICATION, "it has two values"
    if len(values) > MOST_NUMBERED_CLASSES:
        return REGRESSION, f"its values are {len(values):,} different whole numbers"
    if len(values) > sum(known.values()) / 4:
        return REGRESSION, "its values are whole numbers, and few of them occur often"
    return CLASSIFICATION, f"its values are {len(values)} different whole numbers"


def _float(cell: str) -> str:
    return repr(float(cell)) if cell else ""


def _class_text(cell: str, *, is_numeric: bool) -> str:
    """Return a class as the pipeline names it: 1.0 is class 1; a number with a fraction stays as it is."""
    if not cell or not is_numeric:
        return cell
    return str(int(cell) if is_whole(cell) else int(float(cell)))


def _renaming(where: str, cells: list[str], texts: list[str]) -> list[str]:
    """Return in words which classes are called otherwise than in the file; refuse two that would become one."""
    of: dict[str, str] = {}
    for cell, text in zip(cells, texts, strict=True):
        if of.setdefault(text, cell) != cell:
            raise UsageError(
                "two classes that are the same number",
                where=where,
                found=f"{of[text]!r} and {cell!r}",
                wanted="one way to write each class",
                next_step=f"write them alike; where they differ, put a letter before them: c{of[text]}, c{cell}",
            )
    renamed = [f"{cell} is {text}" for text, cell in of.items() if text != cell]
    more = f" and {len(renamed) - 5:,} more" if len(renamed) > 5 else ""
    return [f"classes are named as whole numbers: {', '.join(renamed[:5])}{more}"] if renamed else []


def _fraction(numbers: dict[str, float | None]) -> str | None:
    """Return a number that cannot be the name of a class: one with a fraction, or of more than 64 bits."""
    values = ((cell, value or 0.0) for cell, value in numbers.items())
    return next((cell for cell, value in values if not value.is_integer() or abs(value) >= 2**63), None)


def _refuse_fractions(where: str, numbers: dict[str, float | None]) -> None:
    odd = _fraction(numbers)
    if odd is not None:
        raise UsageError(
            "classes that are no whole numbers",
            where=where,
            found=odd,
            wanted="strings, or whole numbers of 64 bits",
            next_step="make it a regression: --task regression",
        )


def _rare(counts: Counter[str]) -> tuple[str, ...]:
    rare = [f"{name} ({count})" for name, count in reversed(counts.most_common()) if count < FEW_ROWS]
    more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
    return (f"classes with fewer than {FEW_ROWS} rows, too few to judge: {', '.join(rare[:5])}{more}",) if rare else ()
