"""What every benchmark ends with: each figure, its limit, and whether it is met; the exit code says the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

MET, NOT_MET = 0, 1


@dataclasses.dataclass(frozen=True)
class Figure:
    """A measured value and its limit: at most so much, or with `at_least` at least."""

    name: str
    value: float
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the limit is kept; a value that is no number keeps none."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def judge(figures: Sequence[Figure]) -> int:
    """Print each figure with its limit and "met" or "NOT met", then the verdict; return the exit code."""
    if not figures:
        print("NOT met: nothing was measured")
        return NOT_MET
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        bound = "at least" if figure.at_least else "at most"
        value, limit = (f"{number:.4g}{figure.unit}" for number in (figure.value, figure.limit))
        print(f"  {figure.name:<{width}}  {value:>10}  {bound} {limit:<8}  {'met' if figure.met else 'NOT met'}")
    missed = sum(not figure.met for figure in figures)
    print(f"NOT met: {missed} of {len(figures)}" if missed else "met")
    return NOT_MET if missed else MET
