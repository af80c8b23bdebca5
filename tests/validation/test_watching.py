"""What is watched of a loader's process ends with its children, and nothing that it does fills the disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tfx_savedmodel.validation.loading import host, watching
from tfx_savedmodel.validation.loading.watching import Bounds, Ended, last_words, log_file, watch

#: Not of the unit tier: processes take their time to end.
pytestmark = pytest.mark.tf

AMPLE = Bounds(seconds=20.0, run_seconds=20.0, memory_bytes=1 << 40)


def watched(act: Callable[[int, int], None], bounds: Bounds = AMPLE) -> tuple[Ended, str, int]:
    """Watch a forked process that leads its group and does `act(pipe, log)`; return its end, words and number."""
    read, write = os.pipe()
    with log_file() as log:
        child = os.fork()
        if child == 0:
            os.setsid()
            try:
                act(write, log.fileno())
            finally:
                os._exit(0)
        os.close(write)
        ended = watch(child, read, log, bounds)
        os.close(read)
        return ended, last_words(log), child


def event(kind: str) -> bytes:
    return json.dumps({"event": kind}).encode() + b"\n"


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_torn_line_is_no_event() -> None:
    def act(pipe: int, log: int) -> None:
        os.write(pipe, event("loaded") + b'{"event": "ran", "ru')

    ended, _, child = watched(act)
    assert (ended.kind, ended.events) == ("ok", [{"event": "loaded"}])
    assert not is_there(child)


def test_all_that_was_told_before_a_crash_is_heard() -> None:
    def act(pipe: int, log: int) -> None:
        os.write(pipe, event("loaded") * 1000)
        os.kill(os.getpid(), signal.SIGKILL)

    ended, _, _ = watched(act)
    assert (ended.kind, len(ended.events)) == ("crashed", 1000)
    assert "signal 9 (SIGKILL), which is how a machine without memory ends a process" in ended.words


@pytest.mark.parametrize("leave", [True, False])
def test_what_a_loader_starts_ends_with_it(leave: bool, tmp_path: Path) -> None:
    """Also where the loader ends first, and its child still holds the pipe."""

    def act(pipe: int, log: int) -> None:
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[pipe])
        (tmp_path / "number").write_text(str(grandchild.pid))
        if not leave:
            time.sleep(60)

    ended, _, _ = watched(act, AMPLE if leave else Bounds(0.3, 0.3, 1 << 40))
    assert ended.kind == ("ok" if leave else "timeout")
    grandchild = int((tmp_path / "number").read_text())
    deadline = time.monotonic() + 5
    while is_there(grandchild) and not is_zombie(grandchild) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_there(grandchild) or is_zombie(grandchild)  # whoever adopts it may not have asked for it yet


def is_zombie(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def test_each_run_has_its_own_limit() -> None:
    def act(pipe: int, log: int) -> None:
        os.write(pipe, event("loaded"))
        for _ in range(3):
            os.write(pipe, event("running"))
            time.sleep(0.2)
            os.write(pipe, event("ran"))
        os.write(pipe, event("running"))
        time.sleep(60)

    ended, _, _ = watched(act, Bounds(seconds=0.5, run_seconds=0.5, memory_bytes=1 << 40))
    assert (ended.kind, ended.words) == ("timeout", "timeout: a run was not done after 0.5 s, its limit")
    assert sum(each["event"] == "ran" for each in ended.events) == 3


def test_what_is_printed_without_end_is_cut_but_for_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_MOST_LOG_BYTES", 1 << 16)
    cut, sizes = os.ftruncate, []

    def counted(file: int, size: int) -> None:
        sizes.append(os.fstat(file).st_size)
        cut(file, size)

    monkeypatch.setattr(os, "ftruncate", counted)

    def act(pipe: int, log: int) -> None:
        for _ in range(40):
            os.write(log, b"x" * (1 << 14))
            time.sleep(0.005)
        os.write(log, b"the end")

    _, words, _ = watched(act)
    assert words.endswith("xxxthe end")
    assert sizes
    assert max(sizes) < 40 << 14


def test_a_stack_does_not_hide_what_was_said_before_it() -> None:
    def act(pipe: int, log: int) -> None:
        os.write(log, b"F0000 told to crash\n" + b"    @     0x7fe9eef94edf  tsl::PThread::ThreadFn()\n" * 1000)

    _, words, _ = watched(act)
    assert words == "F0000 told to crash"


def test_a_machine_with_less_memory_than_the_limit_is_not_the_models_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "free_memory", lambda: 100 << 20)
    bounds = watching.within_the_machine(20.0, 20.0, 1 << 40)
    assert (bounds.memory_bytes, bounds.is_machines) == (90 << 20, True)

    def act(pipe: int, log: int) -> None:
        hoard = []
        while True:
            hoard.append(b"x" * (8 << 20))
            time.sleep(0.005)

    ended, words, _ = watched(act, bounds)
    assert ended.kind == "machine"
    seen, left = host._observation({"loader": "tf1", "runs": True}, ended, words, 1.0)
    assert (seen["outcome"], left) == ("unavailable", [])
    assert "this machine has only" in seen["error"]


def test_free_memory_is_a_number_here() -> None:
    free = watching.free_memory()
    assert free is None or free > 0
