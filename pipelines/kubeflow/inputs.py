"""What a step is given: its parameters and artifacts, found as the job says, in the form of ExecutorInput."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.kubeflow.artifacts import Artifact, as_struct
from pipelines.kubeflow.job import Job, Task
from pipelines.kubeflow.placeholders import as_text
from pipelines.kubeflow.results import StepResult
from tfx_savedmodel.errors import UsageError

_NUMBERS = ("NUMBER_INTEGER", "NUMBER_DOUBLE")
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_NUMBERS, (int, float)),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}


def job_values(job: Job, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each of the job's parameters: what is given, else what the job has, else its default.

    Raises:
      UsageError: one has no value, is not the job's, or is of another type.
    """
    unknown = sorted(set(given) - set(job.parameters))
    if unknown:
        raise UsageError(
            "the job has no such parameter",
            where=job.name,
            found=", ".join(unknown),
            wanted=", ".join(sorted(job.parameters)) or "none: it has no parameters",
        )
    values = {}
    for name, spec in job.parameters.items():
        defaults = {"": spec["defaultValue"]} if "defaultValue" in spec else {}
        found = [source[key] for source, key in ((given, name), (job.values, name), (defaults, "")) if key in source]
        if found:
            values[name] = _submitted(found[0], spec["parameterType"], f"parameter {name} of the job")
        elif not spec.get("isOptional"):
            raise UsageError("a parameter of the job has no value", where=job.name, found=name)
    return values


def _submitted(value: Any, parameter_type: str, where: str) -> Any:
    """Return a parameter of the job; nothing becomes a string by itself there, as in Kubeflow's server."""
    if parameter_type == "STRING" and not isinstance(value, str):
        raise UsageError(
            "a parameter is of another type",
            where=where,
            found=repr(value),
            wanted=parameter_type,
            next_step="give a message of TFX as the text of its JSON form",
        )
    return typed(value, parameter_type, where)


def parse_value(text: str, parameter_type: str, where: str) -> Any:
    """Return what somebody wrote on a command line, or a step into a file, as a parameter of this type."""
    if parameter_type == "STRING":
        return text
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError("this is no value of its type", where=where, found=text, wanted=parameter_type) from error
    return typed(value, parameter_type, where)


def typed(value: Any, parameter_type: str, where: str) -> Any:
    """Return the value as a parameter of this type has it; whatever becomes a string where that is wanted."""
    if parameter_type == "STRING":
        return as_text(as_struct(value))
    kinds = _KINDS.get(parameter_type)
    is_stray_bool = isinstance(value, bool) and parameter_type in _NUMBERS
    is_part = parameter_type == "NUMBER_INTEGER" and isinstance(value, float) and not value.is_integer()
    if kinds is None or not isinstance(value, kinds) or is_stray_bool or is_part:
        raise UsageError("a parameter is of another type", where=where, found=repr(value), wanted=parameter_type)
    return as_struct(value)


def step_parameters(task: Task, values: Mapping[str, Any], upstream: Mapping[str, StepResult]) -> dict[str, Any]:
    """Return the parameters of a step by name.

    Raises:
      UsageError: one cannot be found.
    """
    found = {}
    for name, spec in task.parameters.items():
        where = f"task {task.name}, parameter {name}"
        kind, source = _kind(spec, where)
        if kind == "constant":
            value = source
        elif kind == "taskOutputParameter":
            value = upstream[source["producerTask"]].parameters[source["outputParameterKey"]]
        elif source in values:
            value = values[source]
        else:
            raise UsageError("a parameter that the job does not have", where=where, found=str(source))
        found[name] = typed(value, task.parameter_types[name], where)
    return found


def step_artifacts(task: Task, upstream: Mapping[str, StepResult]) -> dict[str, Sequence[Artifact]]:
    """Return the artifacts of a step by input key; none where a resolver found none."""
    return {key: upstream[producer].artifacts.get(output, ()) for key, (producer, output) in task.artifacts.items()}


def _kind(spec: Mapping[str, Any], where: str) -> tuple[str, Any]:
    if "componentInputParameter" in spec:
        return "parameter", spec["componentInputParameter"]
    if "taskOutputParameter" in spec:
        return "taskOutputParameter", spec["taskOutputParameter"]
    runtime = spec.get("runtimeValue", {})
    if "constant" in runtime:
        return "constant", runtime["constant"]
    if "runtimeParameter" in runtime:
        return "parameter", runtime["runtimeParameter"]
    raise UsageError(
        "an input parameter is not understood",
        where=where,
        found=", ".join(spec),
        wanted="a constant, a parameter of the job, or an output of another task",
    )
