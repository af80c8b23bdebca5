"""A compiled job (a PipelineJob, or the PipelineSpec in it) as plain data, refused where it is not understood."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.kubeflow.condition import Condition, parse_condition
from tfx_savedmodel.errors import UsageError

#: The only one that Kubeflow's own backend takes; Vertex AI takes it too.
SCHEMA_VERSION = "2.1.0"
COMPLETED = "ALL_UPSTREAM_TASKS_COMPLETED"
_STRATEGIES = ("", "TRIGGER_STRATEGY_UNSPECIFIED", "ALL_UPSTREAM_TASKS_SUCCEEDED", COMPLETED)
_EXECUTORS = ("container", "importer", "resolver")
_TASK_FIELDS = {"taskInfo", "componentRef", "inputs", "dependentTasks", "cachingOptions", "triggerPolicy"}


@dataclasses.dataclass(frozen=True)
class Task:
    """A step: how each input is found, what it gives, what runs.

    `parameters` holds an InputParameterSpec for each input parameter, `parameter_types` its type; `artifacts` the
    task and the output key that an input artifact comes from; `outputs` an ArtifactSpec for each output;
    `executor` the one of container, importer and resolver that it is, as `kind` says.
    """

    name: str
    component: str
    parameters: Mapping[str, Any]
    parameter_types: Mapping[str, str]
    artifacts: Mapping[str, tuple[str, str]]
    outputs: Mapping[str, Any]
    output_parameters: Mapping[str, str]
    kind: str
    executor: Mapping[str, Any]
    after: frozenset[str]
    condition: Condition | None
    runs_after_failures: bool
    enable_cache: bool


@dataclasses.dataclass(frozen=True)
class Job:
    """A compiled job: `tasks` in an order in which they can run, `values` what it gives its own parameters."""

    name: str
    root: str | None
    tasks: Mapping[str, Task]
    parameters: Mapping[str, Mapping[str, Any]]
    values: Mapping[str, Any]


def load_job(path: Path) -> Job:
    """Read a job from the file that the compiler wrote: JSON, or YAML where it is named so.

    Raises:
      UsageError: there is no such file, it is no job, or one that is not understood.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError("no job can be read", where=str(path), found=str(error)) from error
    try:
        document = _yaml(text) if path.suffix in (".yaml", ".yml") else json.loads(text)
    except ValueError as error:
        raise UsageError("no job can be read", where=str(path), found=str(error), wanted="JSON or YAML") from error
    return read_job(document if isinstance(document, dict) else {})


def read_job(document: Mapping[str, Any]) -> Job:
    """Return a PipelineJob, or a PipelineSpec alone, as a `Job`.

    Raises:
      UsageError: it is neither, or has something that is not understood.
    """
    if not {"pipelineSpec", "root"} & set(document):
        raise UsageError("this is no compiled job", wanted="a PipelineJob or a PipelineSpec")
    spec = document.get("pipelineSpec", document)
    _check_schema(spec)
    try:
        return _job(spec, document.get("runtimeConfig", {}))
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            "the compiled job is broken",
            found=f"{type(error).__name__}: {error}",
            wanted="what KubeflowV2DagRunner writes",
        ) from error


def _job(spec: Mapping[str, Any], runtime: Mapping[str, Any]) -> Job:
    root = spec["root"]
    tasks = {name: _task(name, task, spec) for name, task in root["dag"]["tasks"].items()}
    return Job(
        name=spec["pipelineInfo"]["name"],
        root=runtime.get("gcsOutputDirectory") or spec.get("defaultPipelineRoot"),
        tasks=_in_order(tasks),
        parameters=root.get("inputDefinitions", {}).get("parameters", {}),
        values=runtime.get("parameterValues", {}),
    )


def _yaml(text: str) -> Any:
    import yaml

    try:
        return next(iter(yaml.safe_load_all(text)), None)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _check_schema(spec: Mapping[str, Any]) -> None:
    version = spec.get("schemaVersion")
    if version != SCHEMA_VERSION:
        raise UsageError(
            "the job has another schema",
            where="schemaVersion",
            found=str(version),
            wanted=SCHEMA_VERSION,
            next_step="compile with KubeflowV2DagRunnerConfig(use_pipeline_spec_2_1=True)",
        )


def _task(name: str, task: Mapping[str, Any], spec: Mapping[str, Any]) -> Task:
    where = f"task {name}"
    _refuse_others(where, task, _TASK_FIELDS)
    component_name = task["componentRef"]["name"]
    component = spec["components"][component_name]
    label = component.get("executorLabel")
    if label is None:
        raise UsageError("a pipeline within the pipeline is not understood", where=where, wanted="a component")
    executor = spec["deploymentSpec"]["executors"][label]
    kinds = [kind for kind in _EXECUTORS if kind in executor]
    if len(kinds) != 1 or set(executor) != set(kinds):
        raise UsageError(
            "an executor is not understood", where=where, found=", ".join(executor), wanted=" or ".join(_EXECUTORS)
        )
    trigger = task.get("triggerPolicy", {})
    strategy = trigger.get("strategy", "")
    if strategy not in _STRATEGIES:
        raise UsageError("a trigger strategy is not understood", where=where, found=strategy)
    inputs, outputs = component.get("inputDefinitions", {}), component.get("outputDefinitions", {})
    artifacts = {key: _source(where, value) for key, value in task.get("inputs", {}).get("artifacts", {}).items()}
    parameters = task.get("inputs", {}).get("parameters", {})
    producers = {value["taskOutputParameter"]["producerTask"] for value in _outputs_in(parameters)}
    return Task(
        name=name,
        component=component_name,
        parameters=parameters,
        parameter_types={key: value["parameterType"] for key, value in inputs.get("parameters", {}).items()},
        artifacts=artifacts,
        outputs=outputs.get("artifacts", {}),
        output_parameters={key: value["parameterType"] for key, value in outputs.get("parameters", {}).items()},
        kind=kinds[0],
        executor=executor[kinds[0]],
        after=frozenset(task.get("dependentTasks", [])) | producers | {producer for producer, _ in artifacts.values()},
        condition=parse_condition(trigger["condition"], where) if trigger.get("condition") else None,
        runs_after_failures=strategy == COMPLETED,
        enable_cache=bool(task.get("cachingOptions", {}).get("enableCache")),
    )


def _source(where: str, value: Mapping[str, Any]) -> tuple[str, str]:
    if set(value) != {"taskOutputArtifact"}:
        raise UsageError(
            "an input artifact is not understood",
            where=where,
            found=", ".join(value),
            wanted="taskOutputArtifact",
        )
    source = value["taskOutputArtifact"]
    return source["producerTask"], source["outputArtifactKey"]


def _outputs_in(parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (value for value in parameters.values() if "taskOutputParameter" in value)


def _refuse_others(where: str, found: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        raise UsageError(
            "the job has something that is not understood",
            where=where,
            found=", ".join(unknown),
            wanted=", ".join(sorted(known)),
        )


def _in_order(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Return the tasks so that each comes after those that it needs, else by name."""
    for task in tasks.values():
        missing = sorted(task.after - set(tasks))
        if missing:
            raise UsageError("a task that is not in the job", where=f"task {task.name}", found=", ".join(missing))
    ordered: dict[str, Task] = {}
    while len(ordered) < len(tasks):
        ready = sorted(name for name, task in tasks.items() if name not in ordered and task.after <= set(ordered))
        if not ready:
            raise UsageError("tasks wait for each other", found=", ".join(sorted(set(tasks) - set(ordered))))
        ordered.update({name: tasks[name] for name in ready})
    return ordered
