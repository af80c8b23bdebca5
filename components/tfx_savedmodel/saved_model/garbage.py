"""Keeps Python's collector from running while TensorFlow builds a graph."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Let no garbage be collected until the block ends.

    A restored lookup table destroys itself by calling a function. Where the collector finds one while
    an op is being added to a graph, that call waits for the lock that the adding holds, for ever:
    seen with TensorFlow 2.15.1 in `Resource.__del__`, in a Saver that followed a loaded Transform graph.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
