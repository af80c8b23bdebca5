"""What a person sees while a pipeline runs: one line a component; all else goes to a log file."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

_NAME_WIDTH = 28


@contextlib.contextmanager
def quiet(log: Path) -> Iterator[TextIO]:
    """Send all that this process and its children print to `log`; yield a stream that is still shown.

    File descriptors are redirected, not `sys.stdout`, because TensorFlow's C++ and the `pip` that
    TFX starts write past Python.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    log.parent.mkdir(parents=True, exist_ok=True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    saved = os.dup(1), os.dup(2)
    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname).1s %(name)s: %(message)s"))
    root_logger = logging.getLogger()
    level = root_logger.level
    try:
        with log.open("a") as file, os.fdopen(os.dup(saved[0]), "w") as shown:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            root_logger.addHandler(handler)
            root_logger.setLevel(logging.INFO)
            yield shown
    finally:
        root_logger.removeHandler(handler)
        root_logger.setLevel(level)
        handler.close()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for number, descriptor in enumerate(saved, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)


@contextlib.contextmanager
def step(name: str, shown: TextIO) -> Iterator[None]:
    """Show one line: the name at once, the seconds when the block ends."""
    started = time.monotonic()
    _begin(name, shown)
    try:
        yield
    except BaseException:
        shown.write("\n")  # whoever tells what went wrong begins a line of their own
        shown.flush()
        raise
    _end(started, shown)


@contextlib.contextmanager
def component_lines(shown: TextIO) -> Iterator[None]:
    """Show a line for what the local runner does first, packing and compiling, and one for each component."""
    from absl import logging as absl_logging

    verbosity = absl_logging.get_verbosity()
    absl_logging.set_verbosity(absl_logging.INFO)
    handler = _ComponentHandler(shown)
    logging.getLogger("absl").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("absl").removeHandler(handler)
        absl_logging.set_verbosity(verbosity)


class _ComponentHandler(logging.Handler):
    """Makes lines of what the local runner logs; a TFX that words it otherwise costs the lines only."""

    _MESSAGE = re.compile(r"Component (\S+) is (running|finished)\.$")

    def __init__(self, shown: TextIO) -> None:
        super().__init__(logging.INFO)
        self._shown = shown
        self._started = time.monotonic()
        self._is_line_open = True
        self._is_cached = False
        _begin("packing the user module", shown)

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        match = self._MESSAGE.match(message)
        if match and match[2] == "running":
            self._close_line()
            self._started, self._is_cached, self._is_line_open = time.monotonic(), False, True
            _begin(match[1], self._shown)
        elif match:
            self._close_line()
        elif message.startswith("A cached execution"):
            self._is_cached = True

    def _close_line(self) -> None:
        if self._is_line_open:
            _end(self._started, self._shown, "cached" if self._is_cached else "")
            self._is_line_open = False


def _begin(name: str, shown: TextIO) -> None:
    shown.write(f"▸ {name:<{_NAME_WIDTH}} … ")
    shown.flush()


def _end(started: float, shown: TextIO, remark: str = "") -> None:
    shown.write(f"{remark or f'{time.monotonic() - started:.1f} s':>8}\n")
    shown.flush()
