"""How many threads a worker's TensorFlow may use, so that the workers of one machine share its cores."""

from __future__ import annotations

import os
from typing import Any

#: One worker process for each core of a machine.
EACH_CORE = 0
_DATAFLOW = frozenset({"DataflowRunner", "TestDataflowRunner"})
#: The experiment that gives a machine of Dataflow one process in place of one for each core.
_ONE_CONTAINER = "no_use_multiple_sdk_containers"
#: Their option --sdk_worker_parallelism is the number of worker processes of a machine.
_PORTABLE = frozenset({"PortableRunner", "FlinkRunner", "SparkRunner"})


def processes_of(pipeline: Any) -> int:
    """Return how many worker processes of a Beam pipeline share a machine, or EACH_CORE.

    A runner that does not say is taken to have one: there TF_NUM_INTRAOP_THREADS in the workers' environment sets
    their threads.
    """
    from apache_beam.options.pipeline_options import DebugOptions, DirectOptions, PortableOptions

    runner = type(pipeline.runner).__name__
    if runner in _DATAFLOW:
        is_one = _ONE_CONTAINER in (pipeline.options.view_as(DebugOptions).experiments or ())
        return 1 if is_one else EACH_CORE
    if runner in _PORTABLE:
        return int(pipeline.options.view_as(PortableOptions).sdk_worker_parallelism)
    direct = pipeline.options.view_as(DirectOptions)
    if direct.direct_running_mode != "multi_processing":
        return 1  # all workers share one process, which runs one batch at a time
    return direct.direct_num_workers or EACH_CORE


def threads_for(processes: int) -> int:
    """Return the threads of each of so many processes on this machine, 0 for all that it has.

    The launcher may have other cores than its workers, so each worker asks for itself.
    """
    count = cores() if processes == EACH_CORE else processes
    return 0 if count < 2 else max(1, cores() // count)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
