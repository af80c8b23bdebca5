"""Beam's pool of Python workers, for a cluster whose task managers share one machine.

Run as `python -m pipelines.engines.worker_pool PORT`; what jobs bring goes to the folder `jobs` where it is run. It
differs from Beam's own in two things. Task managers number their workers alike, and a pool stops a worker by that
number: Beam's, shared by two of them, ends the worker of the one that still works when the other has done. Here a
worker ends when its task manager lets go of it, or is lost. And Beam's leaves what a job brings to the boot program of
its container, which is not in a wheel; here the pool installs it, and says to the engine where that fails. It listens
on the loopback only: it runs what it is told to.
"""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
)
from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor
from google.protobuf import json_format, text_format

from pipelines.engines.job_packages import installed

_WORKER = "apache_beam.runners.worker.sdk_worker_main"
#: Task managers ask for workers at the same time, and packages take a moment.
_THREADS = 8


class SharedPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts a worker for whoever asks, and leaves its end to the connection that it serves."""

    def __init__(self) -> None:
        self._workers: list[subprocess.Popen[bytes]] = []

    def StartWorker(self, start_worker_request: Any, unused_context: Any) -> Any:
        try:
            environment = worker_environment(start_worker_request, Path("jobs"))
            self._workers = [worker for worker in self._workers if worker.poll() is None]
            self._workers.append(subprocess.Popen([sys.executable, "-m", _WORKER], env=environment))
        except Exception:
            return beam_fn_api_pb2.StartWorkerResponse(error=traceback.format_exc())
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, stop_worker_request: Any, unused_context: Any) -> Any:
        return beam_fn_api_pb2.StopWorkerResponse()


def worker_environment(request: Any, folder: Path) -> dict[str, str]:
    """Return the variables that Beam's boot program gives a worker, with what the job brings on its path.

    Raises:
      PackageError: what it brings cannot be installed.
      grpc.RpcError: the engine does not answer.
    """
    worker = WorkerIdInterceptor(request.worker_id)
    with grpc.insecure_channel(request.provision_endpoint.url) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(grpc.intercept_channel(channel, worker))
        info = service.GetProvisionInfo(beam_provision_api_pb2.GetProvisionInfoRequest()).info
    with grpc.insecure_channel(request.artifact_endpoint.url) as channel:
        job = installed(info.dependencies, grpc.intercept_channel(channel, worker), folder.resolve())
    return {
        **os.environ,
        "WORKER_ID": request.worker_id,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(request.logging_endpoint),
        "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(request.control_endpoint),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
        "SEMI_PERSISTENT_DIRECTORY": str(job.folder),
        "PYTHONPATH": os.pathsep.join([str(job.packages), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS))
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(SharedPool(), server)
    server.add_insecure_port(f"localhost:{int(sys.argv[1])}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
