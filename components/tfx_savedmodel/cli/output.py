"""Where output goes: documents to standard output, whole; everything else to standard error."""

from __future__ import annotations

import contextlib
import os
import sys
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
    """Says on standard error what long work is doing: one line that turns and counts on a terminal, else lines.

    A terminal's line is rich's, drawn by a thread of its own, so that it is seen to live while a loader takes its
    time; rich is imported only then.
    """

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._live: _Spinner | None = None

    def __call__(self, step: str) -> None:
        step = one_line(step)
        if not self._terminal:
            sys.stderr.write(f"{step}\n")
            sys.stderr.flush()
        elif self._live is None:
            self._live = _Spinner(step)
        else:
            self._live.say(step)

    def done(self) -> None:
        """Remove the changing line."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class _Spinner:
    """A line of rich's on standard error: a spinner, the seconds so far, and what is being done."""

    def __init__(self, step: str) -> None:
        import rich.console
        import rich.progress
        import rich.table

        self._progress = rich.progress.Progress(
            rich.progress.SpinnerColumn(),
            rich.progress.TimeElapsedColumn(),
            # Steps name files and signatures: nothing in them is markup.
            rich.progress.TextColumn(
                "{task.description}",
                style="dim",
                markup=False,
                table_column=rich.table.Column(no_wrap=True, overflow="ellipsis"),
            ),
            console=rich.console.Console(stderr=True, highlight=False),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task(step, total=None)
        self._progress.start()

    def say(self, step: str) -> None:
        self._progress.update(self._task, description=step)

    def stop(self) -> None:
        self._progress.stop()
