"""The host of a run on examples: imports TensorFlow once and forks the process that runs the model.

Run as `python -m tfx_savedmodel.beam.hosts.host`. It is told the settings and then one shard after the other
(`tfx_savedmodel.beam.hosts.frames`, on standard input), and answers each shard with its tally, or with how
the process ended that ran it; the next shard is then run by a new one. The time of each step of that
process is limited (`seconds_for`), and it may hold `Limits.memory_bytes` more than the host; both are
watched from here.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import pickle
import select
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from tfx_savedmodel.beam.hosts.frames import Inbox, receive, receive_bytes, send, send_bytes
from tfx_savedmodel.beam.hosts.messages import MEMORY, TIMEOUT, Broken, Configure, Death, seconds_for
from tfx_savedmodel.beam.running.recorder import Recorder
from tfx_savedmodel.validation.policy import Limits

_POLL_SECONDS = 0.02
_LONGEST_WORDS = 2000
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Looked up here: opening a library after a fork can wait for a lock that no thread holds any more.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Answer until standard input ends."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what TensorFlow or a model prints must not look like an answer
    import tensorflow  # noqa: F401 - once, for all the processes forked from here

    import tfx_savedmodel.beam.running.shard_run  # noqa: F401 - the same

    host = _Host(requests)
    try:
        while True:
            request = receive(requests)
            if isinstance(request, Configure):
                host.configure(request)
            else:
                send(answers, host.run(request))
    except (EOFError, BrokenPipeError):
        return
    finally:
        host.stop()


class _Host:
    def __init__(self, requests: BinaryIO) -> None:
        self._requests = requests
        self._recorder = Recorder()
        self._configured: Configure | None = None
        self._child: _Child | None = None

    def configure(self, request: Configure) -> None:
        self.stop()
        self._configured = request

    def stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def run(self, shard: Any) -> Any:
        """Return the shard's tally, or a Death or Broken; a process that ended is not used again."""
        assert self._configured is not None
        if self._child is None:
            self._recorder.clear()
            self._child = _Child(self._configured.settings, self._recorder)
        with contextlib.suppress(BrokenPipeError):
            send(self._child.requests, shard)
        answer, end = self._child.wait(self._configured.limits, self._recorder, self._requests)
        if answer is not None:
            return pickle.loads(answer)
        death = Death(end or self._child.ended(), self._recorder.moment(), self._child.words())
        self._child = None
        return death


class _Child:
    """The forked process, from outside."""

    def __init__(self, settings: bytes, recorder: Recorder) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        to_child, own_end = os.pipe()
        answers, from_child = os.pipe()
        self._base = resident(os.getpid())
        self.pid = os.fork()
        if self.pid == 0:
            for descriptor in (own_end, answers):
                os.close(descriptor)
            _serve(to_child, from_child, self._log.fileno(), settings, recorder)
        for descriptor in (to_child, from_child):
            os.close(descriptor)
        self.requests = os.fdopen(own_end, "wb")
        self._answers = answers
        self._inbox = Inbox(answers)

    def wait(self, limits: Limits, recorder: Recorder, parent: BinaryIO) -> tuple[bytes | None, str]:
        """Return an answer, or that it ended by itself (""), or by which limit it was ended."""
        beats, deadline = -1, math.inf
        while True:
            ready, _, _ = select.select([self._answers, parent.fileno()], [], [], _POLL_SECONDS)
            if self._answers in ready:
                if not self._inbox.take():
                    return None, ""
                whole = self._inbox.whole()
                if whole is not None:
                    return whole, ""
            if parent.fileno() in ready:  # it asks nothing while it waits: this is its end
                raise EOFError("the process that asked has ended")
            if recorder.beats() != beats:
                beats, deadline = recorder.beats(), time.monotonic() + seconds_for(recorder.moment(), limits)
            end = TIMEOUT if time.monotonic() > deadline else ""
            if resident(self.pid) - self._base > limits.memory_bytes:
                end = MEMORY
            if end:
                self.kill()
                return None, end

    def kill(self) -> None:
        """End the process and what it may have started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL) if os.getpgid(self.pid) == self.pid else os.kill(self.pid, 9)
        self.ended()

    def ended(self) -> str:
        """Wait for its end and say how it came."""
        with contextlib.suppress(ChildProcessError):
            _, status = os.waitpid(self.pid, 0)
            os.close(self._answers)
            with contextlib.suppress(OSError):
                self.requests.close()
            if os.WIFSIGNALED(status):
                number = os.WTERMSIG(status)
                return f"signal {number} ({signal.Signals(number).name})"
            return f"exit code {os.WEXITSTATUS(status)}"
        return "an unknown cause"

    def words(self) -> str:
        """Return the end of what it printed."""
        self._log.seek(0)
        text = self._log.read()[-_LONGEST_WORDS:].decode("utf-8", "replace").strip()
        self._log.close()
        return text


def _serve(requests: int, answers: int, log: int, settings: bytes, recorder: Recorder) -> None:
    """Be the forked process: load the model and run shards until there are no more."""
    code = 1
    try:
        os.setsid()
        if _prctl is not None:  # a model that hangs must not outlive the host
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.dup2(log, 1)
        os.dup2(log, 2)
        with os.fdopen(requests, "rb") as incoming, os.fdopen(answers, "wb") as outgoing:
            _run_shards(incoming, outgoing, settings, recorder)
        code = 0
    finally:
        os._exit(code)


def _run_shards(incoming: BinaryIO, outgoing: BinaryIO, settings: bytes, recorder: Recorder) -> None:
    worker: Any = None
    while (data := receive_bytes(incoming)) is not None:
        try:
            from tfx_savedmodel.beam.running.shard_run import run_shard

            worker = worker or _worker(pickle.loads(settings), recorder)
            answer = pickle.dumps(run_shard(worker, pickle.loads(data)), protocol=pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # ours: what a model raises is a part of the tally
            answer = pickle.dumps(Broken(f"{type(error).__name__}: {error}\n{traceback.format_exc()}"))
        send_bytes(outgoing, answer)


def _worker(settings: Any, recorder: Recorder) -> Any:
    """Load the model, in the folder that its paths begin in; TensorFlow's own context has its threads from here on."""
    import tensorflow as tf

    from tfx_savedmodel.beam.running.threads import threads_for
    from tfx_savedmodel.beam.running.worker import Worker

    if settings.folder and Path(settings.folder).is_dir():
        os.chdir(settings.folder)
    if threads := threads_for(settings.processes):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    return Worker(settings, recorder)


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes; 0 where it is gone, or where this is no Linux."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


if __name__ == "__main__":
    main()
