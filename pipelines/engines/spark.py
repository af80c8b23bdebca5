"""Spark in the process of Beam's job server for it."""

from __future__ import annotations

from typing import ClassVar

from pipelines.engines.engine import Engine


class Spark(Engine):
    """Beam's job server with a Spark master of two cores inside."""

    name: ClassVar[str] = "spark"

    def start(self) -> None:
        self.start_pool()
        self.start_job_server("org.apache.beam.runners.spark.SparkJobServerDriver", ["--spark-master-url=local[2]"])
        self.processes.wait_for_port("job-server", self.job_port)
        self.processes.wait_for_port("worker-pool", self.pool_port)
