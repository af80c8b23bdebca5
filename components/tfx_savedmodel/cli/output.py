"""Where output goes: documents to standard output, whole; everything else to standard error."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator

from tfx_savedmodel.operations.present import one_line


def write_document(text: str) -> None:
    """Write text to standard output; a reader that has gone away changes no exit code."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


@contextlib.contextmanager
def quiet_stdout() -> Iterator[None]:
    """Send to standard error what libraries, C++ ones too, print to standard output meanwhile."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


class Progress:
    """Says on standard error what long work is doing: one line that changes on a terminal, else lines."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._started = time.monotonic()

    def __call__(self, step: str) -> None:
        step = one_line(step)
        if self._terminal:
            sys.stderr.write(f"\r\x1b[2K\x1b[2m{time.monotonic() - self._started:4.0f} s  {step}\x1b[0m")
        else:
            sys.stderr.write(f"{step}\n")
        sys.stderr.flush()

    def done(self) -> None:
        """Remove the changing line."""
        if self._terminal:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
