"""Small compiled jobs made by hand, and commands that are functions of this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.kubeflow import Commands, Ended

THING = {"schemaTitle": "tests.Thing"}
Function = Callable[[dict[str, Any]], None]


class Functions:
    """Commands of which the first word names a function, which is given ExecutorInput; `ran` holds those words."""

    def __init__(self, **functions: Function) -> None:
        self._functions = functions
        self._lock = threading.Lock()
        self.ran: list[str] = []
        self.was_stopped = False

    def run(self, image: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Ended:
        name, executor_input = command
        with self._lock:
            self.ran.append(name)
        try:
            self._functions[name](json.loads(executor_input))
        except ArithmeticError as error:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{name} says {error}\n")
            return Ended(3)
        return Ended(0)

    def stop(self) -> None:
        self.was_stopped = True


def says(parameters: Mapping[str, Any] | None = None, **metadata: Any) -> Function:
    """Return a step that writes this metadata of its output `thing`, and these output parameters."""

    def step(executor_input: dict[str, Any]) -> None:
        artifacts = {"thing": {"artifacts": [{"metadata": metadata}]}} if metadata else {}
        write_output(executor_input, {"artifacts": artifacts, "parameterValues": dict(parameters or {})})

    return step


def fails(_: dict[str, Any]) -> None:
    """A step that fails."""
    raise ArithmeticError("no")


def write_output(executor_input: dict[str, Any], output: Mapping[str, Any]) -> None:
    Path(executor_input["outputs"]["outputFile"]).write_text(json.dumps(output), encoding="utf-8")


def job(tasks: Mapping[str, Mapping[str, Any]], parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a PipelineJob of tasks that `step`, `importer` and `resolver` made; `parameters` are ParameterSpecs."""
    spec = {
        "pipelineInfo": {"name": "small"},
        "schemaVersion": "2.1.0",
        "components": {name: task["component"] | {"executorLabel": f"{name}_run"} for name, task in tasks.items()},
        "deploymentSpec": {"executors": {f"{name}_run": task["executor"] for name, task in tasks.items()}},
        "root": {
            "inputDefinitions": {"parameters": dict(parameters or {})},
            "dag": {"tasks": {name: task["task"] | {"componentRef": {"name": name}} for name, task in tasks.items()}},
        },
    }
    return {"pipelineSpec": spec}


def step(
    function: str,
    *,
    after: Mapping[str, str] | Sequence[str] = (),
    parameters: Mapping[str, tuple[str, Any]] | None = None,
    outputs: Sequence[str] = ("thing",),
    output_parameters: Mapping[str, str] | None = None,
    hook: str | None = None,
    trigger: Mapping[str, str] | None = None,
    is_cached: bool = True,
) -> dict[str, Any]:
    """Return a container's task.

    Args:
      after: the tasks that it waits for, or whose `thing` it reads, by its own key.
      parameters: for each its type and its InputParameterSpec.
    """
    read = after if isinstance(after, Mapping) else {}
    container: dict[str, Any] = {"image": "image", "command": [function], "args": ["{{$}}"]}
    if hook:
        container["lifecycle"] = {"preCacheCheck": {"command": [hook], "args": ["{{$}}"]}}
    kinds = {name: {"parameterType": kind} for name, (kind, _) in (parameters or {}).items()}
    given = {name: spec for name, (_, spec) in (parameters or {}).items()}
    sources = {
        key: {"taskOutputArtifact": {"producerTask": producer, "outputArtifactKey": "thing"}}
        for key, producer in read.items()
    }
    return {
        "component": {
            "inputDefinitions": {"parameters": kinds},
            "outputDefinitions": {
                "artifacts": {key: {"artifactType": THING} for key in outputs},
                "parameters": {key: {"parameterType": kind} for key, kind in (output_parameters or {}).items()},
            },
        },
        "executor": {"container": container},
        "task": {
            "inputs": {"parameters": given, "artifacts": sources},
            "dependentTasks": sorted(after.values() if isinstance(after, Mapping) else after),
            "cachingOptions": {"enableCache": is_cached},
            "triggerPolicy": dict(trigger or {}),
        },
    }


def constant(value: Any) -> dict[str, Any]:
    return {"runtimeValue": {"constant": value}}


def importer(uri: str, metadata: Mapping[str, Any], *, reimport: bool = False) -> dict[str, Any]:
    executor = {"artifactUri": {"constant": uri}, "typeSchema": THING, "metadata": metadata, "reimport": reimport}
    outputs = {"artifacts": {"thing": {"artifactType": THING}}}
    return {"component": {"outputDefinitions": outputs}, "executor": {"importer": executor}, "task": {}}


def resolver(query: str, *, after: Mapping[str, str] | None = None) -> dict[str, Any]:
    sources = {
        key: {"taskOutputArtifact": {"producerTask": producer, "outputArtifactKey": "thing"}}
        for key, producer in (after or {}).items()
    }
    outputs = {"artifacts": {"thing": {"artifactType": THING}}}
    executor = {"outputArtifactQueries": {"thing": {"filter": query}}}
    task = {"inputs": {"artifacts": sources}}
    return {"component": {"outputDefinitions": outputs}, "executor": {"resolver": executor}, "task": task}


class Recording:
    """Passes commands on to others, and keeps the last ExecutorInput that each executor class was given."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self.given: dict[str, dict[str, Any]] = {}
        self.ran: list[Sequence[str]] = []

    def run(self, image: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Ended:
        self.ran.append(command)
        name = executor_of(command)
        if name:
            self.given[name] = executor_input_of(command)
        return self._commands.run(image, command, environment, log)

    def stop(self) -> None:
        self._commands.stop()


def executor_of(command: Sequence[str]) -> str:
    """Return the class path of the executor that TFX's entry point is to run, "" for a hook."""
    return command[command.index("--executor_class_path") + 1] if "--executor_class_path" in command else ""


def executor_input_of(command: Sequence[str]) -> dict[str, Any]:
    """Return the ExecutorInput among the arguments of TFX's entry points."""
    found: dict[str, Any] = json.loads(command[command.index("--json_serialized_invocation_args") + 1])
    return found
