"""What a person sees while the pipeline runs: a line a step. All else goes to a log file."""

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


@contextlib.contextmanager
def quiet(log: Path) -> Iterator[TextIO]:
    """Send all that this process and its children print to `log`; yield a stream that is still shown.

    File descriptors are redirected, because TensorFlow's C++ and the `pip` that TFX starts write past Python.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    log.parent.mkdir(parents=True, exist_ok=True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    saved = os.dup(1), os.dup(2)
    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname).1s %(name)s: %(message)s"))
    logger, level = logging.getLogger(), logging.getLogger().level
    try:
        with log.open("a") as file, os.fdopen(os.dup(saved[0]), "w") as shown:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            yield shown
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for number, descriptor in enumerate(saved, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)


@contextlib.contextmanager
def component_lines(shown: TextIO) -> Iterator[None]:
    """Show a line for what comes first (importing TFX, packing the modules) and one for each step."""
    from absl import logging as absl_logging

    verbosity = absl_logging.get_verbosity()
    absl_logging.set_verbosity(absl_logging.INFO)
    handler = _Lines(shown)
    logging.getLogger("absl").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("absl").removeHandler(handler)
        absl_logging.set_verbosity(verbosity)


class _Lines(logging.Handler):
    """Makes lines of what the local runner logs; a TFX that words it otherwise costs the lines only."""

    _MESSAGE = re.compile(r"Component (\S+) is (running|finished)\.$")

    def __init__(self, shown: TextIO) -> None:
        super().__init__(logging.INFO)
        self._shown = shown
        self._is_open = False
        self._begin("importing TFX, packing")

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        match = self._MESSAGE.match(message)
        if match and match[2] == "running":
            self._end()
            self._begin(match[1])
        elif match:
            self._end()
        elif message.startswith("A cached execution"):
            self._is_cached = True

    def _begin(self, name: str) -> None:
        self._started, self._is_cached, self._is_open = time.monotonic(), False, True
        self._shown.write(f"▸ {name:<24} … ")
        self._shown.flush()

    def _end(self) -> None:
        if self._is_open:
            remark = "cached" if self._is_cached else f"{time.monotonic() - self._started:.1f} s"
            self._shown.write(f"{remark:>8}\n")
            self._shown.flush()
            self._is_open = False
