"""The host of the loaders: imports TensorFlow once and forks a process for each load.

Run as `python -m tfx_savedmodel.validation.loading.host`. It reads one request a line (JSON) from
standard input and answers each with one line: a LoadObservation. What a model does to the forked
process cannot reach the next one; time and memory are watched from outside of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model.garbage import collector_paused
from tfx_savedmodel.validation.loading.loaders import load

_POLL_SECONDS = 0.02
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Looked up here: opening a library after a fork can wait for a lock that no thread holds any more.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Answer requests until standard input ends."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what TensorFlow or a model prints must not look like an answer
    for line in sys.stdin:
        request = json.loads(line)
        if request["loader"] != "native":
            import tensorflow  # noqa: F401 - once, for all the processes forked from here
        print(json.dumps(observe(request)), file=out, flush=True)


def observe(request: Mapping[str, Any]) -> dict[str, Any]:
    """Load a model as `request` says in a forked process; return what was seen of it."""
    read, write = os.pipe()
    with tempfile.TemporaryFile() as log:
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            os.close(read)
            _child(request, write, log.fileno())
        os.close(write)
        end, peak, lines = _watch(child, read, request["seconds"], request["memory_bytes"])
        os.close(read)
        log.seek(0)
        words = log.read()[-4000:].decode("utf-8", "replace")
    return _observation(request, end, lines, words, time.monotonic() - started, peak)


def _child(request: Mapping[str, Any], write: int, log: int) -> None:
    code = 1
    try:
        os.setsid()
        _die_with_parent()
        os.dup2(log, 1)
        os.dup2(log, 2)
        with os.fdopen(write, "w") as pipe, collector_paused():
            load(request, lambda event: print(json.dumps(event), file=pipe, flush=True))
        code = 0
    finally:
        os._exit(code)


def _watch(child: int, read: int, seconds: float, memory: int) -> tuple[str, int, list[str]]:
    """Return how the process ended ("ok", "timeout", "memory" or "crashed: …"), its peak, its lines."""
    deadline = time.monotonic() + seconds
    base = _resident(os.getpid())
    peak, data, end = 0, b"", ""
    while True:
        ready, _, _ = select.select([read], [], [], _POLL_SECONDS)
        chunk = os.read(read, 1 << 16) if ready else None
        data += chunk or b""
        peak = max(peak, _resident(child) - base)
        if chunk == b"":
            break
        if time.monotonic() > deadline:
            end = "timeout"
        elif peak > memory:
            end = "memory"
        if end:
            os.killpg(child, signal.SIGKILL) if os.getpgid(child) == child else os.kill(child, signal.SIGKILL)
            break
    _, status = os.waitpid(child, 0)
    if not end:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        end = f"crashed: signal {number} ({signal.Signals(number).name})" if number else "ok"
        if not number and os.WEXITSTATUS(status):
            end = f"crashed: exit code {os.WEXITSTATUS(status)}"
    return end, max(peak, 0), data.decode("utf-8", "replace").splitlines()


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent ends: a model that hangs must not stay behind."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _events(lines: list[str]) -> list[dict[str, Any]]:
    """Return the events told; a process that is killed may leave its last line torn."""
    events = []
    for line in lines:
        with contextlib.suppress(ValueError):
            events.append(json.loads(line))
    return events


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0  # gone, or no Linux


def _observation(
    request: Mapping[str, Any], end: str, lines: list[str], words: str, seconds: float, peak: int
) -> dict[str, Any]:
    events = _events(lines)
    loaded = next((event for event in events if event["event"] == "loaded"), None)
    refused = next((event for event in events if event["event"] == "refused"), None)
    runs = [event["run"] for event in events if event["event"] == "ran"]
    seen: dict[str, Any] = {"loader": request["loader"], "runs": runs, "seconds": seconds, "peak_bytes": peak}
    if refused is not None:
        return {**seen, "outcome": refused["outcome"], "error": refused["error"]}
    if loaded is None:
        outcome = end if end in ("timeout", "memory") else "crashed"
        return {**seen, "outcome": outcome, "error": f"{end}\n{words}".strip()}
    seen.update(outcome="ok", seconds=loaded["seconds"], signatures=loaded["signatures"])
    running = [event["run"] for event in events if event["event"] == "running"]
    if end != "ok" and len(running) > len(runs):  # it died in a run: that run's fault, not the load's
        runs.append({**running[-1], "error": f"{end}: {words[-500:]}".strip(), "died": True})
    return seen


if __name__ == "__main__":
    main()
