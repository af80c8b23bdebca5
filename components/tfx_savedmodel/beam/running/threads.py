"""How many threads a worker's TensorFlow may use, so that the workers of one machine share its cores."""

from __future__ import annotations

import os
from typing import Any

#: Dataflow runs one worker process for each core of a machine.
_ONE_FOR_EACH_CORE = "DataflowRunner"
#: Their option --sdk_worker_parallelism is the number of worker processes of a machine.
_PORTABLE = frozenset({"PortableRunner", "FlinkRunner", "SparkRunner"})


def threads_of(pipeline: Any) -> int:
    """Return the threads of each worker of a Beam pipeline, 0 for all that the machine has.

    A runner that does not say how many workers share a machine is taken to have one: there TF_NUM_INTRAOP_THREADS
    in the workers' environment sets it.
    """
    from apache_beam.options.pipeline_options import DirectOptions, PortableOptions

    runner = type(pipeline.runner).__name__
    if runner == _ONE_FOR_EACH_CORE:
        return 1
    if runner in _PORTABLE:
        workers = pipeline.options.view_as(PortableOptions).sdk_worker_parallelism
        return share(int(workers) or cores())
    direct = pipeline.options.view_as(DirectOptions)
    if direct.direct_running_mode != "multi_processing":
        return 0  # all workers share one process, which runs one batch at a time
    return share(direct.direct_num_workers or cores())


def share(workers: int) -> int:
    """Return the threads of each of so many workers, 0 for all that there are."""
    return 0 if workers < 2 else max(1, cores() // workers)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
