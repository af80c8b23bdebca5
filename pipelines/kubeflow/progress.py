"""What a person sees while a job runs: which steps do, and a line for each that has ended."""

from __future__ import annotations

import threading
from types import TracebackType

from rich.console import Console
from rich.text import Text

from pipelines.kubeflow.results import State, StepResult

_STYLES = {State.SUCCEEDED: "green", State.SKIPPED: "cyan", State.FAILED: "bold red"}
_WORDS = {State.SUCCEEDED: "done", State.SKIPPED: "cached", State.NOT_TRIGGERED: "not triggered"}


class Progress:
    """Shown on a console; what runs at the moment is seen on a terminal only, below the lines."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: set[str] = set()
        self._lock = threading.Lock()
        self._status = console.status("starting")

    def __enter__(self) -> Progress:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._status.stop()

    def begin(self, name: str) -> None:
        """Take it that a step begins; steps call it in their own threads."""
        self._change(begun=name)

    def end(self, step: StepResult) -> None:
        """Show that a step has ended, and what went wrong with it."""
        self._change(ended=step.name)
        mark = (f"{_WORDS.get(step.state, step.state.value):<13}", _STYLES.get(step.state, ""))
        memory = f"{step.peak_bytes / 2**20:6.0f} MB" if step.peak_bytes else ""
        self._show(Text.assemble(f"{step.name:<28} ", mark, f" {step.seconds:6.1f} s {memory}"))
        if step.reason:
            self._show(Text(f"    {step.reason}"))
        if step.state is State.FAILED and step.log:
            self._show(Text(f"    the end of {step.log}:\n"))
            for line in step.log_end().splitlines():
                self._show(Text(f"    | {line}"))

    def _change(self, begun: str = "", ended: str = "") -> None:
        with self._lock:
            self._running = (self._running | {begun}) - {ended, ""}
            self._status.update(f"running {', '.join(sorted(self._running))}")

    def _show(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
