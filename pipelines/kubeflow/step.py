"""One step of a job: what Kubeflow's driver and launcher do around the command of its container."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.kubeflow.artifacts import Artifact, as_lists, as_struct
from pipelines.kubeflow.commands import Commands
from pipelines.kubeflow.executor_output import read_executor_output
from pipelines.kubeflow.inputs import parse_value, step_artifacts, step_parameters
from pipelines.kubeflow.job import Task
from pipelines.kubeflow.placeholders import fill_in
from pipelines.kubeflow.results import State, StepResult
from pipelines.kubeflow.store import Store
from tfx_savedmodel.errors import UsageError

_OUTPUT_FILE = "executor_output.json"
_NAMES = "projects/local/locations/local/metadataStores/default/artifacts"


@dataclasses.dataclass(frozen=True)
class Execution:
    """What a step is given and has to write: the two sides of ExecutorInput, and where its files go.

    `folder` is the task's own, below the run's.
    """

    folder: Path
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Sequence[Artifact]]
    outputs: Mapping[str, Artifact]
    output_parameters: Sequence[str] = ()

    @property
    def output_file(self) -> Path:
        return self.folder / _OUTPUT_FILE

    def parameter_file(self, name: str) -> Path:
        return self.folder / "parameters" / name

    def to_json(self) -> dict[str, Any]:
        """Return ExecutorInput in its JSON form."""
        files = {name: {"outputFile": str(self.parameter_file(name))} for name in self.output_parameters}
        return {
            "inputs": {"parameterValues": dict(self.parameters), "artifacts": as_lists(self.inputs)},
            "outputs": {
                "parameters": files,
                "artifacts": as_lists({key: [item] for key, item in self.outputs.items()}),
                "outputFile": str(self.output_file),
            },
        }


class StepRunner:
    """Runs steps of one run of a job; `folder` is that run's, and steps may be run from several threads."""

    def __init__(
        self, pipeline: str, folder: Path, values: Mapping[str, Any], store: Store, commands: Commands
    ) -> None:
        self._pipeline, self._folder, self._values = pipeline, folder, values
        self._store, self._commands = store, commands

    def run(self, task: Task, upstream: Mapping[str, StepResult]) -> StepResult:
        """Run a step, or take what it gave before; whatever is wrong with it is in the result."""
        started = time.monotonic()
        log = self._folder / "logs" / f"{task.name}.log"
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            result = self._run(task, upstream, log)
        except (UsageError, OSError) as error:  # a full disk, a folder that a step has taken away
            result = StepResult(task.name, State.FAILED, reason=str(error))
        return dataclasses.replace(result, seconds=time.monotonic() - started, log=log if log.exists() else None)

    def _run(self, task: Task, upstream: Mapping[str, StepResult], log: Path) -> StepResult:
        execution = Execution(
            # A number of its own for each execution, as there: the path differs even where all else is the same.
            folder=self._folder / f"{task.name}_{uuid.uuid4().hex[:12]}",
            parameters=step_parameters(task, self._values, upstream),
            inputs=step_artifacts(task, upstream),
            outputs={},
            output_parameters=tuple(task.output_parameters),
        )
        if task.condition is not None and not task.condition.holds(execution.to_json()):
            return StepResult(task.name, State.NOT_TRIGGERED, reason=f"{task.condition.text} does not hold")
        if task.kind == "importer":
            return self._import(task, execution)
        if task.kind == "resolver":
            return self._resolve(task, execution)
        return self._contain(task, self._with_outputs(task, execution), log)

    def _with_outputs(self, task: Task, execution: Execution) -> Execution:
        outputs = {
            key: Artifact(
                name=f"{_NAMES}/{uuid.uuid4().hex}",
                uri=str(execution.folder / key),
                type=spec["artifactType"],
                metadata=as_struct(spec.get("metadata", {})),
            )
            for key, spec in task.outputs.items()
        }
        return dataclasses.replace(execution, outputs=outputs)

    def _import(self, task: Task, execution: Execution) -> StepResult:
        address = task.executor["artifactUri"]
        uri = address.get("constant") or execution.parameters.get(address.get("runtimeParameter", ""))
        if not isinstance(uri, str):
            raise UsageError("an importer has no address", where=f"task {task.name}", found=json.dumps(address))
        (key,) = task.outputs
        metadata = as_struct(task.executor.get("metadata", {}))
        new = Artifact(f"{_NAMES}/{uuid.uuid4().hex}", uri, task.executor["typeSchema"], metadata)
        known = None if task.executor.get("reimport") else self._store.imported(self._pipeline, new)
        self._store.add(self._pipeline, [] if known else [new])
        return StepResult(task.name, State.SUCCEEDED, {key: [known or new]})

    def _resolve(self, task: Task, execution: Execution) -> StepResult:
        found: dict[str, list[Artifact]] = {}
        for key, query in task.executor["outputArtifactQueries"].items():
            # The second of two resolvers asks for what the first has found, and finds nothing where that is nothing.
            lacks_input = any(not items for items in execution.inputs.values())
            where = f"task {task.name}, output {key}"
            text = "" if lacks_input else fill_in(query["filter"], execution.to_json(), where)
            artifact = None if lacks_input else self._store.latest(self._pipeline, text)
            found[key] = [artifact] if artifact else []
        empty = sorted(key for key, items in found.items() if not items)
        return StepResult(task.name, State.SUCCEEDED, found, reason=f"found no {', '.join(empty)}" if empty else "")

    def _contain(self, task: Task, execution: Execution, log: Path) -> StepResult:
        """Run a container: its hook, what the cache has, its command."""
        execution.folder.mkdir(parents=True)
        for name in execution.output_parameters:
            execution.parameter_file(name).parent.mkdir(exist_ok=True)
        hook = task.executor.get("lifecycle", {}).get("preCacheCheck")
        if hook:
            result = self._command(task, hook, execution, log)
            if result.state is State.FAILED:
                return dataclasses.replace(result, reason=f"the hook before the cache: {result.reason}")
            execution = _updated(execution)
        fingerprint = _fingerprint(task, execution)
        known = self._store.outputs(self._pipeline, fingerprint) if task.enable_cache else None
        if known is not None:
            _remove_unused(execution)
            return StepResult(task.name, State.SKIPPED, *known)
        result = self._command(task, task.executor, execution, log)
        if result.state is State.FAILED:
            return result
        execution = _updated(execution)
        artifacts = {key: [item] for key, item in execution.outputs.items()}
        parameters = _output_parameters(task, execution)
        self._store.add(self._pipeline, list(execution.outputs.values()))
        self._store.keep(self._pipeline, fingerprint, artifacts, parameters)
        return dataclasses.replace(result, artifacts=artifacts, parameters=parameters)

    def _command(self, task: Task, container: Mapping[str, Any], execution: Execution, log: Path) -> StepResult:
        where = f"task {task.name}"
        whole = [*container.get("command", []), *container.get("args", [])]
        if not container.get("command"):
            raise UsageError("a container without a command", where=where, wanted="what runs, not the image's own")
        command = [fill_in(part, execution.to_json(), where) for part in whole]
        environment = {item["name"]: item.get("value", "") for item in task.executor.get("env", [])}
        ended = self._commands.run(task.executor["image"], command, environment, log)
        state = State.SUCCEEDED if ended.code == 0 else State.FAILED
        return StepResult(
            task.name,
            state,
            peak_bytes=ended.peak_bytes,
            reason=f"exit code {ended.code}" if ended.code else "",
            log=log,
        )


def _updated(execution: Execution) -> Execution:
    """Return the execution with what a command wrote of it into ExecutorOutput."""
    written = read_executor_output(execution.output_file)
    outputs = {}
    for key, item in execution.outputs.items():
        new = written.artifact(key)
        outputs[key] = item.merged(new.uri, new.metadata)
    values = {key: as_struct(value) for key, value in written.parameter_values.items()}
    own = {key: value for key, value in values.items() if key not in execution.output_parameters}
    return dataclasses.replace(execution, outputs=outputs, parameters={**execution.parameters, **own})


def _output_parameters(task: Task, execution: Execution) -> dict[str, Any]:
    written = read_executor_output(execution.output_file).parameter_values
    found = {}
    for name, kind in task.output_parameters.items():
        where = f"task {task.name}, output parameter {name}"
        if name in written:
            found[name] = as_struct(written[name])
            continue
        try:
            text = execution.parameter_file(name).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise UsageError("an output parameter was not written", where=where, wanted=str(error.filename)) from error
        found[name] = parse_value(text, kind, where)
    return found


def _fingerprint(task: Task, execution: Execution) -> str:
    """Return what two executions have in common that give the same: as there, inputs count by their names."""
    container = {key: task.executor.get(key) for key in ("image", "command", "args", "env")}
    said = {
        "container": container,
        "parameters": execution.parameters,
        "artifacts": {key: [item.name for item in items] for key, items in execution.inputs.items()},
        "outputs": {key: [item.type, item.metadata] for key, item in execution.outputs.items()},
        "output_parameters": task.output_parameters,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _remove_unused(execution: Execution) -> None:
    """Remove what was made for a command that need not run."""
    for name in execution.output_parameters:
        with contextlib.suppress(OSError):
            execution.parameter_file(name).parent.rmdir()
    execution.output_file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        execution.folder.rmdir()
