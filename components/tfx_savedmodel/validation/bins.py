"""Histograms over bins that are the same everywhere, so that those of two workers add up."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclasses.dataclass(frozen=True)
class LogBins:
    """Bins of equal ratio: `per_decade` of them for each power of ten from 10**`first` to 10**`last`.

    Bin 0 holds what lies below, the last bin what lies above as well.
    """

    first: int
    last: int
    per_decade: int

    @property
    def count(self) -> int:
        """Number of bins."""
        return (self.last - self.first) * self.per_decade + 1

    def edge(self, number: int) -> float:
        """Return where bin `number` begins: 0 for the first."""
        return 0.0 if number == 0 else float(10 ** (self.first + (number - 1) / self.per_decade))

    def fill(self, values: np.ndarray[Any, Any] | Sequence[float]) -> dict[int, int]:
        """Return how many of the values (not negative, finite) lie in each bin that has any."""
        import numpy as np

        array = np.asarray(values, np.float64)
        edges = np.array([self.edge(number) for number in range(1, self.count)])
        numbers, counts = np.unique(np.searchsorted(edges, array, side="right"), return_counts=True)
        return dict(zip(numbers.tolist(), counts.tolist(), strict=True))

    def percentile(self, counts: Mapping[int, int], percent: float) -> float:
        """Return the upper edge of the bin that holds the value below which `percent` of all lie."""
        wanted = percent / 100 * sum(counts.values())
        below = 0
        for number in sorted(counts):
            below += counts[number]
            if below >= wanted:
                break
        return self.edge(number + 1)

    def histogram(self, counts: Mapping[int, int], joined: int = 1) -> tuple[list[float], list[int]]:
        """Return the edges (one more than bins) and the counts from the first bin that has any to the last.

        `joined` neighbours become one bin; it divides `per_decade`.
        """
        coarse: dict[int, int] = {}
        for number, count in counts.items():
            group = 0 if number == 0 else 1 + (number - 1) // joined
            coarse[group] = coarse.get(group, 0) + count
        wide = dataclasses.replace(self, per_decade=self.per_decade // joined)
        numbers = range(min(coarse), max(coarse) + 1)
        return [wide.edge(number) for number in [*numbers, max(coarse) + 1]], [coarse.get(n, 0) for n in numbers]


def add_counts(a: Mapping[int, int], b: Mapping[int, int]) -> dict[int, int]:
    """Return the counts of both; associative and commutative."""
    return {number: a.get(number, 0) + b.get(number, 0) for number in sorted({*a, *b})}
