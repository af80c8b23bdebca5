"""Integrated gradients along the straight line from a baseline, refined until they add up.

Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks (2017): the attributions of a function that
is differentiable almost everywhere sum to f(x) - f(baseline).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.validation.check import Gradients

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: Gradients at points (by name, [n, …]) of the given rows (int64 [n]).
Differentiate = Callable[[Mapping[str, "Array"], "Array"], Gradients]

#: Of the numbers themselves, what may be lost where f(x) and f(baseline) are nearly the same.
_ROUNDING = 1e-3
_MOST_ROWS = 1024
#: By so much the steps grow where the attributions do not add up yet, and so often.
_FINER = (1, 4, 16)


@dataclasses.dataclass(frozen=True)
class Completeness:
    """For each row the sum of its attributions, f(x) - f(baseline), and whether these agree (each [rows])."""

    sums: Array
    changes: Array
    complete: Array


def completeness(
    points: Mapping[str, Array],
    baselines: Mapping[str, Array],
    values: Array,
    differentiate: Differentiate,
    *,
    steps: int,
    tolerance: float,
) -> Completeness:
    """Integrate the gradients from the baselines to the points, over the midpoints of at least `steps` steps.

    Args:
      points, baselines: by name, [rows, …].
      values: f at the points, float64 [rows].
      tolerance: sum and change may differ by this part of the change.
    """
    import numpy as np

    rows = np.arange(len(values))
    start = differentiate(baselines, rows).values
    changes = values - start
    allowed = tolerance * np.abs(changes) + _ROUNDING * np.maximum(np.abs(values), np.abs(start))
    sums = np.full(len(values), np.nan)
    left = rows
    for factor in _FINER:
        for row in left:
            sums[row] = _sum(points, baselines, int(row), differentiate, steps * factor)
        with np.errstate(invalid="ignore"):
            complete = np.abs(sums - changes) <= allowed
        left = rows[~complete]
        if not len(left):
            break
    return Completeness(sums, changes, complete)


def _sum(
    points: Mapping[str, Array], baselines: Mapping[str, Array], row: int, differentiate: Differentiate, steps: int
) -> float:
    """Return the sum of one row's attributions."""
    import numpy as np

    total = 0.0
    for first in range(0, steps, _MOST_ROWS):
        alphas = (np.arange(first, min(first + _MOST_ROWS, steps)) + 0.5) / steps
        path = {
            name: _between(baselines[name][row], points[name][row], alphas).astype(points[name].dtype)
            for name in points
        }
        slopes = differentiate(path, np.full(len(alphas), row)).by
        for name, slope in slopes.items():
            if slope is not None:
                way = points[name][row].astype(np.float64) - baselines[name][row].astype(np.float64)
                with np.errstate(invalid="ignore"):
                    # What does not change along the path has no part, whatever its gradient.
                    total += float(np.where(way == 0, 0.0, slope.sum(axis=0) * way).sum()) / steps
    return total


def _between(start: Array, end: Array, alphas: Array) -> Array:
    import numpy as np

    start, end = start.astype(np.float64), end.astype(np.float64)
    shape = (-1, *([1] * start.ndim))
    path: Array = start + alphas.reshape(shape) * (end - start)
    return path
