"""Compares two arrays that should hold the same answers, row by row, and adds such comparisons up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.validation.bins import LogBins, add_counts

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_MOST_VALUES = 4

#: For the differences of two answers: half decades.
DIFFERENCES = LogBins(first=-10, last=10, per_decade=2)

#: By dtype (rtol, atol): some times what kernels that add in another order were seen to differ by.
TOLERANCES = {"float16": (2e-2, 1e-2), "bfloat16": (1e-1, 5e-2)}
_TOLERANCE = (1e-4, 1e-6)


@dataclasses.dataclass(frozen=True)
class Worst:
    """The example that differs most: by how much, where it is, and both values in short.

    `difference` is absolute; infinity where only one of both is NaN, or the values are no numbers.
    `example` has the example's features in short.
    """

    difference: float
    position: Mapping[str, Any]
    found: str
    wanted: str
    example: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How many examples were compared, how many differ beyond the tolerance, and the worst of these.

    `largest` is the largest absolute difference of any two numbers, tolerated or not; `mismatch`
    says why arrays could not be compared (shape, kind), empty where all could. `counts` has how many
    examples have their largest difference in which of the bins DIFFERENCES, where it is a number.
    """

    examples: int = 0
    differing: int = 0
    largest: float = 0.0
    worst: Worst | None = None
    mismatch: str = ""
    counts: Mapping[int, int] = dataclasses.field(default_factory=dict)


def tolerances(dtype: str) -> tuple[float, float]:
    """Return (rtol, atol) within which two runs of the same arithmetic agree, by the answer's dtype.

    float64 answers are mostly float32 ones that were cast, so they are not held to more.
    """
    return TOLERANCES.get(dtype, _TOLERANCE)


def compare(
    found: Array,
    wanted: Array,
    *,
    rtol: float,
    atol: float,
    position: Callable[[int], Mapping[str, Any]],
    rows: int,
    example: Callable[[int], Mapping[str, str]] | None = None,
) -> Comparison:
    """Compare two outputs of the same batch of `rows` examples.

    Numbers are the same where |found - wanted| <= atol + rtol * |wanted|, or both are NaN; strings,
    integers and booleans where they are equal. `position` tells where an example came from, `example`
    what it is.
    """
    import numpy as np

    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape:
        return Comparison(rows, rows, mismatch=f"shape {list(found.shape)} and {list(wanted.shape)}")
    if _is_text(found) != _is_text(wanted):
        return Comparison(rows, rows, mismatch=f"{found.dtype} and {wanted.dtype}")
    if found.size == 0:  # an empty batch, or examples without values
        return Comparison(rows, 0)
    difference, differs = _differences(found, wanted, rtol, atol)
    has_rows = found.ndim > 0 and len(found) == rows
    shape = (rows if has_rows else 1, -1)
    finite = difference[np.isfinite(difference)]
    largest = float(finite.max()) if finite.size else 0.0
    counts = {} if _is_text(found) or not difference.size else _counts(difference.reshape(shape), largest, rows)
    if not differs.any():
        return Comparison(rows, 0, largest, counts=counts)
    by_row = np.where(differs, difference, -1.0).reshape(shape).max(axis=1)
    row = int(by_row.argmax())
    chosen = (found[row], wanted[row]) if has_rows else (found, wanted)
    worst = Worst(
        float(by_row[row]),
        position(row) if has_rows else {},
        brief(chosen[0]),
        brief(chosen[1]),
        example(row) if has_rows and example is not None else {},
    )
    return Comparison(rows, int((by_row >= 0).sum()) if has_rows else rows, largest, worst, counts=counts)


def add(a: Comparison, b: Comparison) -> Comparison:
    """Return the comparison of both sets of examples; associative and commutative."""
    worst = max((each.worst for each in (a, b) if each.worst is not None), key=_weight, default=None)
    return Comparison(
        a.examples + b.examples,
        a.differing + b.differing,
        max(a.largest, b.largest),
        worst,
        min((text for text in (a.mismatch, b.mismatch) if text), default=""),
        add_counts(a.counts, b.counts),
    )


def first_texts(a: Mapping[Any, str], b: Mapping[Any, str]) -> dict[Any, str]:
    """Return the texts of both; where both have one, the first by the alphabet, so that the order does not matter."""
    return {key: min(each[key] for each in (a, b) if key in each) for key in sorted({*a, *b})}


def brief(value: Any) -> str:
    """Return the first values of an array (or a scalar) as a short text."""
    import numpy as np

    flat = np.asarray(value).reshape(-1)
    shown = ", ".join(_one(item) for item in flat[:_MOST_VALUES])
    more = ", …" if flat.size > _MOST_VALUES else ""
    return f"[{shown}{more}]" if flat.size != 1 else shown


def brief_example(example: Mapping[str, str]) -> str:
    """Return features in short as one text."""
    return ", ".join(f"{name}={value}" for name, value in example.items())


def _counts(difference: Array, largest: float, rows: int) -> Mapping[int, int]:
    """Return the bins of each row's largest difference; what is no number is in none."""
    import numpy as np

    if largest == 0 and not np.isinf(difference).any():
        return {0: rows}
    by_row = difference.max(axis=1)
    counts = DIFFERENCES.fill(by_row[np.isfinite(by_row)])
    times = 1 if len(by_row) == rows else rows
    return {number: count * times for number, count in counts.items()}


def _one(item: Any) -> str:
    if isinstance(item, bytes):
        return repr(item.decode("utf-8", "replace")[:40])
    return f"{item:.9g}" if hasattr(item, "dtype") and item.dtype.kind == "f" else str(item)


def _weight(worst: Worst) -> tuple[float, list[tuple[str, str]]]:
    # The place breaks ties, so that the order of merging does not matter.
    return worst.difference, sorted((str(key), str(value)) for key, value in worst.position.items())


def _is_text(array: Array) -> bool:
    return array.dtype.kind in "OSU"


def _differences(found: Array, wanted: Array, rtol: float, atol: float) -> tuple[Array, Array]:
    """Return |found - wanted| (float64) and whether it is too much, element by element."""
    import numpy as np

    if _is_text(found) or (found.dtype.kind in "iub" and wanted.dtype.kind in "iub"):
        differs = np.asarray(found != wanted, dtype=bool)
        if _is_text(found):
            return np.where(differs, np.inf, 0.0), differs
        return np.abs(found.astype(np.float64) - wanted.astype(np.float64)), differs
    wide = np.complex128 if "c" in (found.dtype.kind, wanted.dtype.kind) else np.float64
    a, b = found.astype(wide), wanted.astype(wide)
    with np.errstate(invalid="ignore"):
        difference = np.abs(a - b)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        difference = np.where(same, 0.0, np.where(np.isnan(difference), np.inf, difference))
        # Infinity tolerates nothing: rtol times it would cover any difference.
        near = np.isfinite(difference) & (difference <= atol + rtol * np.abs(b))
        differs = ~same & ~near
    return difference, differs
