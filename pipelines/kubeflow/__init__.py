"""A backend for compiled Kubeflow v2 jobs without a cluster: every step is run, as Kubeflow's driver and launcher do.

    python -m pipelines.kubeflow run JOB.json [--root DIR] [-p NAME=VALUE …]

or, from Python, `run_job`. docs/kubeflow.md says what is as on a cluster and what is not.
"""

from pipelines.kubeflow.backend import run_job
from pipelines.kubeflow.commands import Commands, Ended, LocalCommands
from pipelines.kubeflow.job import Job, load_job, read_job
from pipelines.kubeflow.results import JobRun, State, StepResult

__all__ = [
    "Commands",
    "Ended",
    "Job",
    "JobRun",
    "LocalCommands",
    "State",
    "StepResult",
    "load_job",
    "read_job",
    "run_job",
]
