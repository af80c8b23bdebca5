"""A Flink cluster: a job manager and task managers, each a process of its own, with Beam's job server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pipelines.engines.engine import Engine
from pipelines.engines.processes import free_ports

_ENTRY = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_JOB_SERVER = "org.apache.beam.runners.flink.FlinkJobServerDriver"

#: Every part of a task manager's memory: Flink's shell scripts, which would work them out, are not in the jars.
_MEMORY = {
    "taskmanager.memory.framework.heap.size": "128m",
    "taskmanager.memory.framework.off-heap.size": "128m",
    "taskmanager.memory.task.heap.size": "256m",
    "taskmanager.memory.task.off-heap.size": "64m",
    # Each edge between two tasks holds buffers: the hundreds that Transform's statistics make would take 1 GB in
    # segments of 32 KB, the default.
    "taskmanager.memory.segment-size": "4kb",
    "taskmanager.memory.network.min": "128m",
    "taskmanager.memory.network.max": "128m",
    "taskmanager.memory.managed.size": "128m",
    "taskmanager.memory.jvm-metaspace.size": "192m",
    "taskmanager.memory.jvm-overhead.min": "128m",
    "taskmanager.memory.jvm-overhead.max": "128m",
}
_JVM = ("-Xmx384m", "-XX:MaxDirectMemorySize=384m", "-XX:MaxMetaspaceSize=192m")


class FlinkCluster(Engine):
    """A session cluster with two task managers, either of which can take the whole job when the other is lost."""

    name: ClassVar[str] = "flink"
    TASK_MANAGERS: ClassVar[int] = 2
    SLOTS: ClassVar[int] = 2

    def __init__(self, folder: Path, *, outlive: bool = False) -> None:
        super().__init__(folder, outlive=outlive)
        self.rest_port, self._rpc_port, self._blob_port = free_ports(3)
        self._started = 0

    @property
    def beam_args(self) -> list[str]:
        return [*super().beam_args, "--parallelism=2"]

    def start(self) -> None:
        self._write_settings()
        conf = str(self.processes.folder)
        self.java("job-manager", _ENTRY, ["--configDir", conf])
        for _ in range(self.TASK_MANAGERS):
            self.start_task_manager()
        self.start_pool()
        self.start_job_server(
            _JOB_SERVER, ["--flink-master", f"http://localhost:{self.rest_port}", "--flink-conf-dir", conf]
        )
        self.wait_for_task_managers(self.TASK_MANAGERS)
        self.processes.wait_for_port("job-server", self.job_port)
        self.processes.wait_for_port("worker-pool", self.pool_port)

    def start_task_manager(self) -> str:
        """Start one more task manager and return its name."""
        self._started += 1
        name = f"task-manager-{self._started}"
        work = f"-Dio.tmp.dirs={self.processes.folder / name}"
        Path(self.processes.folder / name).mkdir()
        arguments = ["--configDir", str(self.processes.folder), f"-Dtaskmanager.resource-id={name}", work]
        self.java(name, _TASK_MANAGER, arguments, memory=_JVM)
        return name

    def wait_for_task_managers(self, count: int) -> None:
        """Return when the job manager knows exactly so many."""

        def are_there() -> bool:
            return bool(self.rest("/overview").get("taskmanagers") == count)

        self.processes.wait("job-manager", f"{count} task managers", are_there)

    def rest(self, path: str) -> Mapping[str, Any]:
        """Return what the job manager answers to GET, nothing where it is not up yet."""
        try:
            with urllib.request.urlopen(f"http://localhost:{self.rest_port}{path}", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (urllib.error.URLError, OSError):
            return {}

    def _write_settings(self) -> None:
        settings = {
            "jobmanager.rpc.address": "localhost",
            "jobmanager.rpc.port": self._rpc_port,
            "jobmanager.bind-host": "localhost",
            "jobmanager.memory.process.size": "1024m",
            "blob.server.port": self._blob_port,
            "rest.address": "localhost",
            "rest.bind-address": "localhost",
            "rest.port": self.rest_port,
            "taskmanager.host": "localhost",
            "taskmanager.bind-host": "localhost",
            "taskmanager.numberOfTaskSlots": self.SLOTS,
            "taskmanager.cpu.cores": self.SLOTS,
            "cluster.evenly-spread-out-slots": "true",
            "parallelism.default": 2,
            # The job's classes are those of the cluster itself.
            "classloader.resolve-order": "parent-first",
            # A task manager that is lost is noticed within seconds, and its work begun again elsewhere.
            "heartbeat.interval": 500,
            "heartbeat.timeout": 10000,
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": 5,
            "restart-strategy.fixed-delay.delay": "1 s",
            **_MEMORY,
        }
        text = "".join(f"{name}: {value}\n" for name, value in settings.items())
        (self.processes.folder / "flink-conf.yaml").write_text(text, encoding="utf-8")
