"""Runs a compiled job on this machine: every step in its turn, as Kubeflow would run it."""

from __future__ import annotations

import concurrent.futures
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipelines.kubeflow.commands import Commands, LocalCommands
from pipelines.kubeflow.inputs import job_values
from pipelines.kubeflow.job import Job, Task, read_job
from pipelines.kubeflow.results import JobRun, State, StepResult
from pipelines.kubeflow.step import StepRunner
from pipelines.kubeflow.store import Store
from tfx_savedmodel.errors import UsageError

STORE = "store.sqlite"
Told = Callable[[StepResult], None]
Begun = Callable[[str], None]
Run = Callable[[Task, Mapping[str, StepResult]], StepResult]


def run_job(
    job: Job | Mapping[str, Any],
    *,
    root: Path | str | None = None,
    parameters: Mapping[str, Any] | None = None,
    commands: Commands | None = None,
    parallel: int = 2,
    tell: Told | None = None,
    begin: Begun | None = None,
) -> JobRun:
    """Run a job and return what came of it; a step that fails is in the result, and what does not need it goes on.

    What is written lies under `root`/<pipeline>/<run>/<task>; `root`/store.sqlite remembers it, so that a later run
    takes from the cache what has the same container, parameters and inputs, and resolvers find earlier artifacts.

    Args:
      job: a PipelineJob or PipelineSpec, as `KubeflowV2DagRunner.run` returns it, or what `load_job` read.
      root: the pipeline root, a folder of this machine; the job's own where none is given.
      parameters: values of the job's runtime parameters.
      commands: where the commands run; without a word in this Python's environment.
      parallel: how many steps run at a time.
      tell: is called with each step when it has ended.
      begin: is called with the name of each step when it begins, in the step's own thread.

    Raises:
      UsageError: the job, a parameter or the root cannot be used; nothing was run.
    """
    job = job if isinstance(job, Job) else read_job(job)
    values = job_values(job, parameters or {})
    folder = _folder(job, root)
    run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
    place = folder / job.name / run_id
    commands = commands or LocalCommands()
    steps = StepRunner(job.name, place, values, Store(folder / STORE), commands)
    started = time.monotonic()

    def run(task: Task, upstream: Mapping[str, StepResult]) -> StepResult:
        if begin:
            begin(task.name)
        return steps.run(task, upstream)

    results = _run_all(job.tasks, run, commands, parallel, tell or (lambda _: None))
    return JobRun(run_id, place, results, time.monotonic() - started)


def _folder(job: Job, root: Path | str | None) -> Path:
    named = str(root) if root is not None else job.root
    if not named or "://" in named:
        raise UsageError(
            "the pipeline root is no folder of this machine",
            where=job.name,
            found=named or "none",
            wanted="a local path",
            next_step="give another root: root=… here, --root on the command line",
        )
    folder = Path(named).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            "the pipeline root cannot be made", where=job.name, found=str(error), next_step="give another root"
        ) from error
    return folder


def _run_all(
    tasks: Mapping[str, Task], run: Run, commands: Commands, parallel: int, tell: Told
) -> dict[str, StepResult]:
    results: dict[str, StepResult] = {}
    running: dict[concurrent.futures.Future[StepResult], str] = {}

    def end(result: StepResult) -> None:
        results[result.name] = result
        tell(result)

    with concurrent.futures.ThreadPoolExecutor(max_workers=parallel) as pool:
        try:
            while len(results) < len(tasks):
                for task in _ready(tasks, results, set(running.values())):
                    hindered = _hindrance(task, results)
                    if hindered:
                        end(StepResult(task.name, State.UNSCHEDULABLE, reason=hindered))
                    else:
                        running[pool.submit(run, task, dict(results))] = task.name
                for future in concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                    del running[future]
                    end(future.result())
        except BaseException:
            for future in running:
                future.cancel()
            commands.stop()
            raise
    return results


def _ready(tasks: Mapping[str, Task], results: Mapping[str, StepResult], running: set[str]) -> list[Task]:
    return [
        task
        for name, task in tasks.items()
        if name not in results and name not in running and task.after <= results.keys()
    ]


def _hindrance(task: Task, results: Mapping[str, StepResult]) -> str:
    """Return why a task cannot run after what came of those before it, "" where it can."""
    if task.runs_after_failures:
        return ""
    missing = sorted(name for name in task.after if not results[name].state.has_outputs)
    return ", ".join(f"{name} is {results[name].state.value}" for name in missing)
