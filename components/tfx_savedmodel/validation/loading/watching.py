"""Watches a loader's process from outside: its time, its memory, its last words; and ends it with its children."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import select
import signal
import tempfile
import time
from pathlib import Path
from typing import IO, Any

POLL_SECONDS = 0.02
_SIZE = re.compile(r"^(VmHWM|RssAnon|RssFile|RssShmem):\s+(\d+) kB$", re.MULTILINE)
_LAST_WORDS = 4000
#: A frame of a stack in absl's form, of which there are many; addresses help nobody.
_FRAME = re.compile(r"\s+@\s+0x[0-9a-f]+")
_MOST_STACK = 64 << 10
#: A model that prints without end must not fill the disk.
_MOST_LOG_BYTES = 16 << 20
#: Of what the machine has free this much is left to the others.
_LEFT_FREE = 0.1


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What one process may take.

    `seconds` is for the load, `run_seconds` for each run after it, `memory_bytes` for the growth of its own
    memory; `is_machines` says that the machine has no more, where the caller would have allowed it.
    """

    seconds: float
    run_seconds: float
    memory_bytes: int
    is_machines: bool = False


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a process ended: `kind` is "ok", "timeout", "memory", "machine" or "crashed", `words` say more."""

    kind: str
    words: str
    peak_bytes: int
    events: list[dict[str, Any]]


def within_the_machine(seconds: float, run_seconds: float, memory_bytes: int) -> Bounds:
    """Return the bounds, but never more memory than the machine has free: its killer would choose another process."""
    free = free_memory()
    if free is not None and (left := int(free * (1 - _LEFT_FREE))) < memory_bytes:
        return Bounds(seconds, run_seconds, left, is_machines=True)
    return Bounds(seconds, run_seconds, memory_bytes)


def free_memory() -> int | None:
    """Return how many bytes this machine, or the container, can still give; None where that is not known."""
    found = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        (line,) = (line for line in lines if line.startswith("MemAvailable:"))
        found.append(int(line.split()[1]) << 10)
    for most, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
            limit = int(Path("/sys/fs/cgroup", most).read_text(encoding="ascii"))
            found.append(max(limit - int(Path("/sys/fs/cgroup", used).read_text(encoding="ascii")), 0))
    return min(found, default=None)


@contextlib.contextmanager
def log_file() -> Any:
    """A file without a name that takes a process's output, always at its end."""
    with tempfile.TemporaryFile() as log:
        fcntl.fcntl(log, fcntl.F_SETFL, fcntl.fcntl(log, fcntl.F_GETFL) | os.O_APPEND)
        yield log


def last_words(log: IO[bytes], most: int = _LAST_WORDS) -> str:
    """Return the end of what was printed, without the stack that TensorFlow prints when it ends itself."""
    log.seek(0, os.SEEK_END)
    log.seek(max(log.tell() - _MOST_STACK - most, 0))
    lines = log.read().decode("utf-8", "replace").splitlines()
    return "\n".join(line for line in lines if not _FRAME.match(line)).strip()[-most:]


def _cut(log: IO[bytes]) -> None:
    """Keep the end of what was printed only; what is printed meanwhile comes after it."""
    end = last_words(log).encode()
    os.ftruncate(log.fileno(), 0)
    os.write(log.fileno(), end)


def watch(child: int, read: int, log: IO[bytes], bounds: Bounds, asker: int | None = None) -> Ended:
    """Wait until a process ends, or end it when it goes beyond its bounds; its children end with it.

    `read` is the pipe that it tells its events through, a line of JSON each. `asker` is the parent that wants to know.
    When this returns there is no such process and none of its group.

    Raises:
      EOFError: the asker has ended.
    """
    watched = _Watched(child, read, log, bounds)
    try:
        watched.wait(asker)
    finally:
        _kill_group(child)
        _, status = os.waitpid(child, 0)
    kind, words = watched.exceeded or _ended(status)
    return Ended(kind, words, max(watched.peak, 0), watched.events)


class _Watched:
    """A process while it is being watched."""

    def __init__(self, child: int, read: int, log: IO[bytes], bounds: Bounds) -> None:
        self.child, self.read, self.log, self.bounds = child, read, log, bounds
        # The child begins as a copy of this process: what they share is not its own.
        self.base, _ = _own_memory(os.getpid())
        self.peak = 0
        self.events: list[dict[str, Any]] = []
        self.exceeded: tuple[str, str] | None = None
        self._text = b""
        self._open = True
        self._doing, self._deadline = "the load", time.monotonic() + bounds.seconds

    def wait(self, asker: int | None) -> None:
        while True:
            if asker is not None and os.getppid() != asker:
                raise EOFError("the process that asked has ended")
            gone = _is_gone(self.child)
            self._listen(0.0 if gone else POLL_SECONDS)
            self.peak = max(self.peak, _own_memory(self.child)[1] - self.base)
            if gone:
                return  # what it told before it ended has been read: a pipe keeps it
            if os.fstat(self.log.fileno()).st_size > _MOST_LOG_BYTES:
                _cut(self.log)
            self.exceeded = self._exceeded()
            if self.exceeded:
                return

    def _exceeded(self) -> tuple[str, str] | None:
        if time.monotonic() > self._deadline:
            seconds = self.bounds.seconds if self._doing == "the load" else self.bounds.run_seconds
            return "timeout", f"timeout: {self._doing} was not done after {seconds:g} s, its limit"
        most = self.bounds.memory_bytes
        if self.peak > most:
            if self.bounds.is_machines:
                return "machine", f"it took {self.peak} bytes in {self._doing}; this machine has only {most} to give"
            return "memory", f"memory: {self._doing} took {self.peak} bytes, its limit is {most}"
        return None

    def _listen(self, seconds: float) -> None:
        """Read what is there; while nothing is, wait so long."""
        if not self._open:
            time.sleep(min(seconds, 0.001))  # it has told all it has to tell, and is about to end
            return
        while select.select([self.read], [], [], seconds)[0]:
            chunk = os.read(self.read, 1 << 16)
            if not chunk:
                self._open = False
                return
            *lines, self._text = (self._text + chunk).split(b"\n")
            for line in lines:
                self._hear(line)
            seconds = 0.0

    def _hear(self, line: bytes) -> None:
        with contextlib.suppress(ValueError):  # a line torn by a crash
            event = json.loads(line)
            self.events.append(event)
            if event["event"] != "refused":
                self._doing, self._deadline = "a run", time.monotonic() + self.bounds.run_seconds


def _is_gone(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _ended(status: int) -> tuple[str, str]:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        said = f"crashed: signal {number} ({signal.Signals(number).name})"
        hint = ", which is how a machine without memory ends a process" if number == signal.SIGKILL else ""
        return "crashed", said + hint
    if os.WEXITSTATUS(status):
        return "crashed", f"crashed: exit code {os.WEXITSTATUS(status)}"
    return "ok", ""


def _kill_group(child: int) -> None:
    """End the process with all that it started; it leads a group, unless it had no time for that yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def _own_memory(pid: int) -> tuple[int, int]:
    """Return a process's own memory in bytes, now and at most: without the files that it maps, TensorFlow's above all.

    The most is the kernel's own figure, so that nothing is missed between two looks.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0, 0  # gone, or no Linux
    kib = {name: int(value) for name, value in _SIZE.findall(status)}
    own, mapped = kib.get("RssAnon", 0), kib.get("RssFile", 0) + kib.get("RssShmem", 0)
    return own << 10, max(own, kib.get("VmHWM", 0) - mapped) << 10
