"""What came of a run: each step's state and outputs."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.kubeflow.artifacts import Artifact


class State(str, enum.Enum):
    """The final states of a task, named as Kubeflow names them."""

    SUCCEEDED = "SUCCEEDED"
    #: A step with the same inputs ran before: its outputs are taken.
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    #: Its trigger condition does not hold.
    NOT_TRIGGERED = "NOT_TRIGGERED"
    #: What it needs did not succeed.
    UNSCHEDULABLE = "UNSCHEDULABLE"

    @property
    def has_outputs(self) -> bool:
        return self in (State.SUCCEEDED, State.SKIPPED)


@dataclasses.dataclass(frozen=True)
class StepResult:
    """What came of a step: `reason` says why it did not run or failed, `log` is what its commands printed."""

    name: str
    state: State
    artifacts: Mapping[str, Sequence[Artifact]] = dataclasses.field(default_factory=dict)
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    peak_bytes: int | None = None
    reason: str = ""
    log: Path | None = None

    def log_end(self, lines: int = 40) -> str:
        """Return the last lines of the log, "" where there is none."""
        if self.log is None or not self.log.is_file():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


@dataclasses.dataclass(frozen=True)
class JobRun:
    """What came of a job: its steps by name, in the order in which they ended; `folder` is below the root."""

    run_id: str
    folder: Path
    steps: Mapping[str, StepResult]
    seconds: float

    @property
    def failed(self) -> list[StepResult]:
        """The steps that failed; what depended on them is UNSCHEDULABLE."""
        return [step for step in self.steps.values() if step.state is State.FAILED]

    @property
    def cached(self) -> set[str]:
        """The names of the steps whose outputs are those of an earlier run."""
        return {step.name for step in self.steps.values() if step.state is State.SKIPPED}

    def output(self, task: str, key: str) -> Artifact:
        """Return the one artifact that a step gave under this key.

        Raises:
          LookupError: it gave none.
        """
        step = self.steps[task]
        if len(step.artifacts.get(key, ())) != 1:
            raise LookupError(f"{task} is {step.state.value} and has no output {key!r}: {step.reason}")
        return step.artifacts[key][0]
