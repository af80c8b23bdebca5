"""What an engine is: processes with a Beam job server among them, and the arguments that send a pipeline there."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from pipelines.engines.jars import class_path, tool
from pipelines.engines.processes import Processes, free_ports, python_environment

#: What the libraries reach into that Java 17 has closed.
_OPENED = (
    "java.lang java.lang.invoke java.lang.reflect java.io java.math java.net java.nio java.text java.time java.util "
    "java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks sun.net.util sun.nio.ch "
    "sun.security.action"
).split()
#: Of slf4j-simple, which writes to standard error; Beam's runner prints each bundle's metrics at level INFO.
_LOGGING = [
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.log.org.apache.beam=warn",
]


class Engine:
    """An engine that runs while the block does, on free ports of the loopback.

    Args:
      folder: gets logs, settings and what is staged.
      outlive: see `Processes`.
    """

    name: ClassVar[str]

    def __init__(self, folder: Path, *, outlive: bool = False) -> None:
        self.processes = Processes(folder.resolve(), outlive=outlive)
        self.job_port, self.artifact_port, self.expansion_port, self.pool_port = free_ports(4)

    @property
    def beam_args(self) -> list[str]:
        """Beam's arguments that run a pipeline here: two workers at once, each a process of the pool."""
        return [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{self.job_port}",
            "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{self.pool_port}",
            # Else each stage of a pipeline starts its own Python.
            "--environment_cache_millis=60000",
        ]

    def __enter__(self) -> Engine:
        try:
            self.start()
        except BaseException:
            self.processes.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.processes.stop()

    def start(self) -> None:
        """Start everything and return when it is ready.

        Raises:
          EngineError: it cannot be had or started.
        """
        raise NotImplementedError

    def java(self, process: str, main: str, arguments: Sequence[str], memory: Sequence[str] = ("-Xmx512m",)) -> None:
        """Start a Java program of the engine's jars."""
        opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]
        # Short-lived: what the second compiler would gain is less than what it takes.
        command = [tool("java"), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *memory, *opened, *_LOGGING]
        command += ["-cp", str(class_path(self.name)), main, *arguments]
        self.processes.start(process, command, dict(os.environ))

    def start_job_server(self, main: str, arguments: Sequence[str]) -> None:
        """Start Beam's job server, which takes pipelines over gRPC."""
        ports = ["--job-port", str(self.job_port), "--artifact-port", str(self.artifact_port)]
        ports += ["--expansion-port", str(self.expansion_port), "--job-host", "localhost"]
        staged = ["--artifacts-dir", str(self.processes.folder / "staged")]
        self.java("job-server", main, [*ports, *staged, *arguments])

    def start_pool(self) -> None:
        """Start the process that starts Beam's Python workers when the engine asks it to."""
        command = [sys.executable, "-m", "pipelines.engines.worker_pool", str(self.pool_port)]
        self.processes.start("worker-pool", command, python_environment())
