"""Hosts from outside: started, told the settings, closed; several runs may share one that is kept."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

from tfx_savedmodel.beam.hosts.frames import receive, send
from tfx_savedmodel.beam.hosts.messages import Broken, Configure
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.running.worker import WorkerSettings
from tfx_savedmodel.errors import WorkerError
from tfx_savedmodel.validation.policy import Limits

_MODULE = "tfx_savedmodel.beam.hosts.host"
_CLOSE_SECONDS = 10


class ExampleHost:
    """A running host process; it serves one caller at a time."""

    def __init__(self) -> None:
        environment = {
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **os.environ,
            # Checks of the policy may come from wherever this process imports them.
            "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self.lost = False
        """Whether it has ended by itself, or was ended: it answers nothing any more."""

    @property
    def pid(self) -> int:
        """The host's process."""
        return self._process.pid

    def configure(self, settings: WorkerSettings, limits: Limits) -> None:
        """Run shards with these settings from now on."""
        self._send(Configure(pickle.dumps(settings), limits))

    def run(self, shard: Shard) -> Any:
        """Return the shard's Tally, or the Death of the process that ran it.

        Raises:
          WorkerError: the host itself has ended, or our own code raised there.
        """
        self._send(shard)
        try:
            answer = receive(self._answers)  # type: ignore[arg-type]
        except EOFError as error:
            raise self._ended() from error
        if isinstance(answer, Broken):
            raise WorkerError("the process that runs the model met a fault of ours", found=answer.error)
        return answer

    def close(self) -> None:
        """End the host, and with it whatever it runs."""
        with contextlib.suppress(OSError):
            self._requests.close()
        try:
            self._process.wait(timeout=_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()

    def _send(self, value: Any) -> None:
        try:
            send(self._requests, value)  # type: ignore[arg-type]
        except OSError as error:
            raise self._ended() from error

    def _ended(self) -> WorkerError:
        self.lost = True
        code = self._process.poll()
        return WorkerError(
            "the host of the model's process has ended",
            found=f"exit code {code}" if code is not None else "no answer",
            next_step=f"try `{sys.executable} -m {_MODULE} < /dev/null`",
        )


class _Kept:
    """Hosts that wait for the next run, while somebody keeps them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.keepers = 0
        self.idle: list[ExampleHost] = []


_kept = _Kept()


@contextlib.contextmanager
def kept_hosts() -> Iterator[list[ExampleHost]]:
    """Within the block a host whose run is over waits for the next one: it has imported TensorFlow.

    Gives those that wait. For whoever runs many models in one process.
    """
    with _kept.lock:
        _kept.keepers += 1
    try:
        yield _kept.idle
    finally:
        with _kept.lock:
            _kept.keepers -= 1
            over = [] if _kept.keepers else [_kept.idle.pop() for _ in range(len(_kept.idle))]
        for host in over:
            host.close()


@contextlib.contextmanager
def started_early() -> Iterator[None]:
    """Start a host, unless one waits, that imports TensorFlow while this process prepares its run."""
    with _kept.lock:
        early = None if _kept.idle else ExampleHost()
        if early is not None:
            _kept.idle.append(early)
    try:
        yield
    finally:
        with _kept.lock:
            unused = early is not None and early in _kept.idle and not _kept.keepers
            if early is not None and unused:
                _kept.idle.remove(early)
        if early is not None and unused:
            early.close()


def take_host() -> ExampleHost:
    """Return a host that waits, else a new one."""
    with _kept.lock:
        if _kept.idle:
            return _kept.idle.pop()
    return ExampleHost()


def give_back(host: ExampleHost, *, usable: bool) -> None:
    """End the host, or keep it for the next run."""
    with _kept.lock:
        if usable and _kept.keepers:
            _kept.idle.append(host)
            return
    host.close()
