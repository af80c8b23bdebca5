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
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model.garbage import collector_paused
from tfx_savedmodel.saved_model.native import library
from tfx_savedmodel.validation.loading.loaders import load
from tfx_savedmodel.validation.loading.watching import Ended, last_words, log_file, watch, within_the_machine

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Looked up here: opening a library after a fork can wait for a lock that no thread holds any more.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
#: A run that ends its process costs a new load for the signatures after it; so many are made.
_MOST_RELOADS = 3


#: The parent that asks, in a process that is the host and nothing else: a load that it waits for ends with it.
_asker: int | None = None


def main() -> None:
    """Answer requests until standard input ends."""
    global _asker
    _asker = os.getppid()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what TensorFlow or a model prints must not look like an answer
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=out, flush=True)


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Open TensorFlow once, for all the processes forked from here, and none of it counts as a model's memory."""
    started = time.monotonic()
    try:
        if request["loader"] == "native":
            library()
        else:
            import tensorflow  # noqa: F401
    except Exception as error:  # whatever an installation that is not whole raises
        said = f"TensorFlow cannot be opened: {type(error).__name__}: {error}"
        return {"loader": request["loader"], "outcome": "unavailable", "error": said, "runs": []}
    opening = time.monotonic() - started
    return {**observe(request), "library_seconds": opening}


def observe(request: Mapping[str, Any]) -> dict[str, Any]:
    """Load a model as `request` says in a forked process; return what was seen of it.

    Where a run ends the process, the model is loaded again for the signatures that are still to be run.
    """
    seen, left = _observe_once(request)
    for _ in range(_MOST_RELOADS):
        if not left:
            return seen
        again, left = _observe_once({**request, "only": left})
        seen["peak_bytes"] = max(seen["peak_bytes"], again["peak_bytes"])
        if again["outcome"] != "ok":
            break
        seen["runs"] += again["runs"]
    seen["runs"] += [{"signature": key, "batch": 1, "skipped": "others ended the process before it"} for key in left]
    return seen


def _observe_once(request: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what was seen, and the signatures that could not be run because the process had ended."""
    seconds = request["seconds"]
    bounds = within_the_machine(seconds, min(seconds, request.get("run_seconds", seconds)), request["memory_bytes"])
    read, write = os.pipe()
    with log_file() as log:
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            os.close(read)
            _child(request, write, log.fileno())
        os.close(write)
        try:
            ended = watch(child, read, log, bounds, _asker)
        finally:
            os.close(read)
        words = last_words(log)
    return _observation(request, ended, words, time.monotonic() - started)


def _child(request: Mapping[str, Any], write: int, log: int) -> None:
    code = 1
    try:
        os.setsid()
        _die_with_parent()
        _die_first()
        os.dup2(log, 1)
        os.dup2(log, 2)
        with os.fdopen(write, "w") as pipe, collector_paused():
            load(request, lambda event: print(json.dumps(event), file=pipe, flush=True))
        code = 0
    except BaseException:
        traceback.print_exc()  # to the log: the answer quotes its end
    finally:
        os._exit(code)


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent ends: a model that hangs must not stay behind."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _die_first() -> None:
    """Ask Linux to choose this process, and not its neighbours, where the machine runs out of memory."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _observation(
    request: Mapping[str, Any], ended: Ended, words: str, seconds: float
) -> tuple[dict[str, Any], list[str]]:
    events = {kind: [event for event in ended.events if event["event"] == kind] for kind in _EVENTS}
    runs = [event["run"] for event in events["ran"]]
    seen: dict[str, Any] = {"loader": request["loader"], "runs": runs, "seconds": seconds}
    seen["peak_bytes"] = ended.peak_bytes
    for refused in events["refused"]:
        return {**seen, "outcome": refused["outcome"], "error": refused["error"]}, []
    if not events["loaded"]:
        # The machine's fault is not the model's; whoever tells nothing and ends well is not to be believed either.
        outcome = {"machine": "unavailable", "ok": "crashed"}.get(ended.kind, ended.kind)
        return {**seen, "outcome": outcome, "error": f"{ended.words}\n{words}".strip()}, []
    (loaded,) = events["loaded"]
    seen.update(outcome="ok", seconds=loaded["seconds"], signatures=loaded["signatures"])
    if ended.kind == "crashed" and not events["running"] and request.get("runs"):
        return {**seen, "outcome": "unavailable", "error": f"nothing was run: {ended.words}\n{words}"}, []
    if ended.kind == "ok" or len(events["running"]) <= len(runs):
        return seen, []
    deadly = events["running"][-1]["run"]  # it died in a run: that run's fault, not the load's
    said = f"{ended.words}: {words[-500:]}".strip(": ")
    runs.append({**deadly, "skipped": said} if ended.kind == "machine" else {**deadly, "error": said, "died": True})
    planned: list[str] = next((event["signatures"] for event in events["planned"]), [])
    done = {run["signature"] for run in runs}
    return seen, [key for key in planned if key not in done]


_EVENTS = ("refused", "loaded", "planned", "running", "ran")

if __name__ == "__main__":
    main()
