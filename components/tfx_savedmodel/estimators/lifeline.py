"""Work that ends with whoever asked for it, however that ends: a process that was killed can end nobody.

The asker holds one end of a pipe, the lifeline, and nobody else does. The worker waits for the other end to close, in
a process that does nothing else: neither TensorFlow's threads nor a long call can keep it from it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
#: Seconds: how often is looked whether the asker is gone although somebody else holds the lifeline, having been forked
#: from it; and how long a group of processes takes to die of the same signal.
_LOOK, _SAME_SIGNAL = 1.0, 2.0


def run_on_lifeline(work: Callable[[], int], lifeline: int, folders: Sequence[Path]) -> int:
    """Do `work` in a forked process and return its exit code; where a signal ends it, end by the same.

    When the lifeline ends, the work is killed and `folders` are removed: nobody else will.

    Args:
      lifeline: the reading end of a pipe that nothing is written to.
    """
    asker = os.getppid()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    # A terminal sends these to all: what is to come of it is the asker's to say.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watcher = os.getpid()
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        for descriptor in (woken, wake, lifeline):
            os.close(descriptor)
        _die_with(watcher)
        return work()
    status = _watch(child, woken, lifeline, asker)
    if status is None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return 1
    if os.WIFSIGNALED(status):
        _end_by(os.WTERMSIG(status))
    return os.waitstatus_to_exitcode(status)


def _watch(child: int, woken: int, lifeline: int, asker: int) -> int | None:
    """Return how the child ended; None where it was ended because the asker is gone."""
    while True:
        ready, _, _ = select.select([woken, lifeline], [], [], _LOOK)
        asked_to_end = woken in ready and signal.SIGTERM in os.read(woken, 512)
        if asked_to_end:
            os.kill(child, signal.SIGTERM)
            # Where the whole group was sent it, the asker is gone in a moment.
            ready, _, _ = select.select([lifeline], [], [], _SAME_SIGNAL)
        if lifeline in ready or os.getppid() != asker:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        ended, status = os.waitpid(child, 0 if asked_to_end else os.WNOHANG)
        if ended:
            return status


def _die_with(parent: int) -> None:
    """Ask Linux to kill this process when its parent ends; elsewhere nobody kills a watcher by mistake."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _end_by(number: int) -> None:
    """End this process as the work did, without a second dump of its memory."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with contextlib.suppress(OSError):  # SIGKILL is what it is
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
