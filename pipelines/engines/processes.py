"""Processes that belong together: each with a log, all stopped at the end, and with whoever started them."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipelines.engines.jars import EngineError

ROOT = Path(__file__).resolve().parents[2]
_POLL_SECONDS = 0.2
#: Linux gives outgoing connections ports from 32768 on, others from 49152 on.
_BELOW_EPHEMERAL = range(20000, 32768)
_STOP_SECONDS = 5.0
_READY_SECONDS = 120.0
_LOG_END = 1500


class Processes:
    """Named processes, whose output goes to NAME.log in `folder`.

    Args:
      folder: is made where it is absent.
      outlive: whether they go on after this process has ended; else they end with it, however it ends.
    """

    def __init__(self, folder: Path, *, outlive: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._outlive = outlive
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def pids(self) -> Mapping[str, int]:
        """The processes by name."""
        return {name: process.pid for name, process in self._running.items()}

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a process in a session of its own."""
        setpriv = None if self._outlive else shutil.which("setpriv")  # not on every system; then `stop` has to do
        tied = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [*tied, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(environment),
                cwd=self.folder,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """End a process at once, as a machine that is lost does."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def wait(self, name: str, what: str, is_so: Callable[[], bool], seconds: float = _READY_SECONDS) -> None:
        """Return when it is so.

        Raises:
          EngineError: the process has ended, or it was not so in time.
        """
        deadline = time.monotonic() + seconds
        while not is_so():
            code = self._running[name].poll()
            if code is not None:
                raise EngineError(f"{name} ended with {code} before {what}:\n{self._end_of_log(name)}")
            if time.monotonic() > deadline:
                raise EngineError(f"no {what} within {seconds:.0f} s; {name} said:\n{self._end_of_log(name)}")
            time.sleep(_POLL_SECONDS)

    def wait_for_port(self, name: str, port: int) -> None:
        """Return when something listens there."""
        self.wait(name, f"a listener on port {port}", lambda: listens(port))

    def stop(self) -> None:
        """End all, the last one first, and what they started."""
        stop_groups([process.pid for process in reversed(self._running.values())])
        for process in self._running.values():
            process.wait()
        self._running.clear()

    def _end_of_log(self, name: str) -> str:
        file = self.folder / f"{name}.log"
        return f"{file.read_text(encoding='utf-8', errors='replace')[-_LOG_END:]}\n(the whole: {file})"


#: States of a process that has ended: a zombie, and one that is being removed.
_ENDED = ("Z", "X")


def stop_groups(leaders: Sequence[int]) -> None:
    """End the process groups of these leaders, by force those that do not end in time."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for leader in leaders:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(leader, number)
        deadline = time.monotonic() + _STOP_SECONDS
        while _group_runs(set(leaders)) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS / 4)


def is_running(pid: int) -> bool:
    """Tell whether a process is there and has not ended; one that nobody has waited for yet has."""
    return _stat(pid)[0] not in _ENDED


def _group_runs(groups: set[int]) -> bool:
    """Tell whether any process of these groups has not ended: a leader may end before those that it started."""
    everyone = (_stat(int(entry.name)) for entry in Path("/proc").glob("[0-9]*"))
    return any(state not in _ENDED and group in groups for state, group in everyone)


def _stat(pid: int) -> tuple[str, int]:
    """Return a process's state and group, as Linux shows them; ("X", 0) where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "X", 0
    state, _, group = stat.rpartition(")")[2].split()[:3]
    return state, int(group)


def listens(port: int) -> bool:
    """Tell whether something listens on a port of the loopback."""
    with contextlib.suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
        return True
    return False


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nobody listens on, and that no connection is given by chance meanwhile."""
    found: list[int] = []
    for port in random.sample(_BELOW_EPHEMERAL, len(_BELOW_EPHEMERAL)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise EngineError(f"{count} free ports are wanted between {_BELOW_EPHEMERAL[0]} and {_BELOW_EPHEMERAL[-1]}")


def python_environment() -> dict[str, str]:
    """Return the environment of Beam's Python workers: they start `python` from the path, and import what we do."""
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *(path or str(Path.cwd()) for path in sys.path)]),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
        # What packages say of the Python that they are imported by is no news here.
        "PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", "ignore::FutureWarning"),
    }
