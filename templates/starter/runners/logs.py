"""What a person sees while the pipeline runs: a line a step, a few while it trains. All else goes to a log file."""

from __future__ import annotations

import contextlib
import logging
import math
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
    """Makes lines of what the local runner and training/model.py log; what is worded otherwise costs the lines only."""

    _STEP = re.compile(r"Component (\S+) is (running|finished)\.$")
    _EPOCH = re.compile(r"epoch +(\d+) of (\d+): ")
    _STOPPED = "stopped early: "
    #: Of a training: so many epochs, evenly, beside the first and the last.
    _EPOCHS = 8

    def __init__(self, shown: TextIO) -> None:
        super().__init__(logging.INFO)
        self._shown = shown
        self._is_open = False
        self._begin("importing TFX, packing")

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        step, epoch = self._STEP.match(message), self._EPOCH.match(message)
        if step:
            self._end()
            if step[2] == "running":
                self._begin(step[1])
        elif epoch and self._is_open:
            number, last = int(epoch[1]), int(epoch[2])
            self._hidden_epoch = message
            if number == 1 or number % math.ceil(last / self._EPOCHS) == 0:
                self._show_hidden_epoch()
        elif message.startswith(self._STOPPED) and self._is_open:
            self._show_hidden_epoch()
            self._show(message)
        elif message.startswith("A cached execution"):
            self._is_cached = True

    def _begin(self, name: str) -> None:
        self._started, self._is_cached, self._is_open = time.monotonic(), False, True
        self._hidden_epoch, self._indent = "", 0
        self._write(f"▸ {name:<24} … ")

    def _show_hidden_epoch(self) -> None:
        if self._hidden_epoch:
            self._show(self._hidden_epoch)
            self._hidden_epoch = ""

    def _show(self, message: str) -> None:
        if self._indent == 0:  # behind the name of the step
            self._write("\n")
        self._write(f"    {message}\n")
        self._indent = 29

    def _end(self) -> None:
        if self._is_open:
            self._show_hidden_epoch()  # the last one, where training stopped early
            remark = "cached" if self._is_cached else f"{time.monotonic() - self._started:.1f} s"
            self._write(f"{'':{self._indent}}{remark:>8}\n")
            self._is_open = False

    def _write(self, text: str) -> None:
        self._shown.write(text)
        self._shown.flush()
