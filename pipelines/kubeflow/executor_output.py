"""What a command writes of its step: ExecutorOutput, as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic

from tfx_savedmodel.errors import UsageError


class WrittenArtifact(pydantic.BaseModel):
    """What is new of an output: its place, where it is another, and properties."""

    uri: str = ""
    metadata: dict[str, Any] = {}


class WrittenArtifacts(pydantic.BaseModel):
    """The artifacts under one key; Kubeflow takes the first."""

    artifacts: list[WrittenArtifact] = []


class ExecutorOutput(pydantic.BaseModel):
    """Artifacts and parameters by key; other fields are passed over, as Kubeflow's launcher does."""

    artifacts: dict[str, WrittenArtifacts] = {}
    parameter_values: dict[str, Any] = pydantic.Field(default={}, alias="parameterValues")

    def artifact(self, key: str) -> WrittenArtifact:
        """Return what is new of this output, which may be nothing."""
        written = self.artifacts.get(key, WrittenArtifacts()).artifacts
        return written[0] if written else WrittenArtifact()


def read_executor_output(path: Path) -> ExecutorOutput:
    """Read it; a command that has nothing to say writes none.

    Raises:
      UsageError: it is none.
    """
    try:
        return ExecutorOutput.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return ExecutorOutput()
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(
            "a step wrote no ExecutorOutput",
            where=f"{path}{f', {place}' if place else ''}",
            found=first["msg"],
            wanted='JSON: {"artifacts": {KEY: {"artifacts": [{"uri": …, "metadata": {…}}]}}, "parameterValues": {…}}',
        ) from error
