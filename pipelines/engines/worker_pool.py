"""Beam's pool of Python workers, for a cluster whose task managers share one machine.

Run as `python -m pipelines.engines.worker_pool PORT`. Task managers number their workers alike, and a pool stops a
worker by that number: Beam's own, shared by two of them, ends the worker of the one that still works when the other
has done. Here a worker ends when its task manager lets go of it, or is lost.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer


class SharedPool(BeamFnExternalWorkerPoolServicer):
    """Starts a worker for whoever asks, and leaves its end to the connection that it serves."""

    def StopWorker(self, stop_worker_request: Any, unused_context: Any) -> Any:
        return beam_fn_api_pb2.StopWorkerResponse()


def main() -> None:
    _, server = SharedPool.start(use_process=True, port=int(sys.argv[1]))  # it stops when nobody holds it
    threading.Event().wait()
    server.stop(0)


if __name__ == "__main__":
    main()
