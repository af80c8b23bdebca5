"""Where the commands of containers run: in this environment, or wherever else `Commands` is written for."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pipelines.engines.processes import stop_groups


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, and the most memory that one process of it had, where that is known."""

    code: int
    peak_bytes: int | None = None


class Commands(Protocol):
    """Runs the commands of containers; steps call it from several threads."""

    def run(self, image: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Ended:
        """Run a command to its end, all that it prints appended to `log`."""

    def stop(self) -> None:
        """End what still runs: the job was interrupted."""


class Processes:
    """Processes of this machine, each in a group of its own."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._lock = threading.Lock()
        self._is_stopped = False

    def run(self, command: Sequence[str], environment: Mapping[str, str], folder: str, log: Path) -> Ended:
        """Run a command in a folder, without standard input."""
        with log.open("ab") as file, self._lock:
            if self._is_stopped:
                return Ended(-1)
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    env=dict(environment),
                    cwd=folder,
                    start_new_session=True,
                )
            except OSError as error:
                file.write(f"{error}\n".encode())
                return Ended(127)
            self._running.add(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        with self._lock:
            self._running.discard(process.pid)
        return Ended(process.returncode, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))

    def stop(self) -> None:
        """End them all, and start no more."""
        with self._lock:
            self._is_stopped = True
            running = list(self._running)
        stop_groups(running)


class LocalCommands:
    """Runs commands in this Python's environment, whatever image they want.

    `python` is the interpreter that runs this, and what it can import a step can import, but for the folder
    that it was started in: a step works in an empty one, as in a container.
    """

    def __init__(self, python: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        """Prepare; nothing is started yet.

        Args:
          python: the interpreter of another environment.
          environment: variables beside those of this process, or in their place.
        """
        self._python = python or Path(sys.executable)
        self._variables = {**os.environ, **(environment or {})}
        self._processes = Processes()

    def run(self, image: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Ended:
        with tempfile.TemporaryDirectory(prefix="kubeflow-step-") as folder:
            return self._processes.run(command, {**self._environment(), **environment}, folder, log)

    def stop(self) -> None:
        self._processes.stop()

    def _environment(self) -> dict[str, str]:
        paths = [path for path in self._variables.get("PYTHONPATH", "").split(os.pathsep) if path]
        return {
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **self._variables,
            "PATH": os.pathsep.join([str(self._python.parent), self._variables.get("PATH", os.defpath)]),
            "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in paths),
        }
