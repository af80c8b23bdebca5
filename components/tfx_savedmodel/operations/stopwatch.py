"""Where the time of a validation went: its wall time in parts that add up to the whole."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

#: The parts, in the order in which they come.
INPUTS, LIBRARIES, GRAPH, LOADS, EXAMPLES, REST = "inputs", "libraries", "graph", "loads", "examples", "rest"
PARTS = (INPUTS, LIBRARIES, GRAPH, LOADS, EXAMPLES, REST)


class Stopwatch:
    """Counts seconds from its construction on; each belongs to one part only.

    Args:
      clock: seconds from any beginning, only ever more.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._since = clock()
        self._part = REST
        self._parts = dict.fromkeys(PARTS, 0.0)

    @contextlib.contextmanager
    def spend(self, part: str) -> Iterator[None]:
        """Count the block's time for a part, and not for the one around it."""
        outer = self._part
        self._turn(part)
        try:
            yield
        finally:
            self._turn(outer)

    def move(self, seconds: float, part: str) -> None:
        """Count time for a part that was measured elsewhere while the present one was counted.

        Args:
          seconds: at most as much as the present part has so far.
        """
        self._turn(self._part)
        moved = min(seconds, self._parts[self._part])
        self._parts[self._part] -= moved
        self._parts[part] += moved

    def parts(self) -> dict[str, float]:
        """Return the seconds of each part that took any, until now."""
        self._turn(self._part)
        return {part: spent for part, spent in self._parts.items() if spent > 0}

    def _turn(self, part: str) -> None:
        now = self._clock()
        self._parts[self._part] += now - self._since
        self._since, self._part = now, part
