"""A check that holds up the workers of an engine, so that a test can do to the engine what it has to in mid-run."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import os
import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun
from tfx_savedmodel.validation.result import Finding

CODE = "GATE301"
_LOCK, _BELL = "lock", "bell"


@dataclasses.dataclass(frozen=True)
class HeldUp(ExampleCheck):
    """Every batch waits at the gate while a test holds it.

    Why: what is done to an engine in mid-run has to be done while examples are run.
    Remedy: let go of the gate.
    """

    code: ClassVar[str] = CODE
    name: ClassVar[str] = "held-up"
    folder: str = ""
    """Where the gate is."""

    def measure(self, run: ExamplesRun) -> int:
        _ring(Path(self.folder) / _BELL)
        with (Path(self.folder) / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
        return run.size

    def merge(self, a: int, b: int) -> int:
        return a + b

    def judge(self, total: int) -> Iterator[Finding]:
        return iter(())

    def measurements(self, total: int) -> dict[str, Any]:
        return {"passed": total}


class Gate:
    """The test's side: the gate is shut until `open`, and tells who is waiting at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        os.mkfifo(folder / _BELL)
        self._lock = (folder / _LOCK).open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # For writing too: else it would be at its end whenever nobody rings.
        self._bell = os.open(folder / _BELL, os.O_RDWR | os.O_NONBLOCK)

    def wait_for(self, count: int, seconds: float) -> set[int]:
        """Return the processes that wait at the gate when there are so many of them."""
        waiting: set[int] = set()
        deadline = time.monotonic() + seconds
        while len(waiting) < count:
            ready, _, _ = select.select([self._bell], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"{len(waiting)} of {count} workers came to the gate within {seconds:.0f} s")
            waiting |= {int(line) for line in os.read(self._bell, 4096).split()}
        return waiting

    def open(self) -> None:
        """Let everybody through from now on."""
        self._lock.close()

    def close(self) -> None:
        """Open it and take it away."""
        self.open()
        os.close(self._bell)


def _ring(bell: Path) -> None:
    try:
        descriptor = os.open(bell, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):  # nobody listens: a run without a gatekeeper
            return
        raise
    with contextlib.closing(os.fdopen(descriptor, "wb", buffering=0)) as stream, contextlib.suppress(BlockingIOError):
        stream.write(b"%d\n" % os.getpid())
