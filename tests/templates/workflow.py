"""The workflow of a made repository, run without a server: the commands of its steps, in order, as a runner would."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tests.templates.conftest import call

#: Whether a step runs after what came before; a condition that is not here is a KeyError.
RUNS = {
    None: lambda failed: not failed,
    "success() || failure()": lambda failed: True,
    "always()": lambda failed: True,
}


@dataclasses.dataclass(frozen=True)
class Ran:
    """What came of a job: each step that ran (its name, else its command) with its exit code, and all that was said."""

    codes: dict[str, int]
    said: str
    summary: str
    uploads: tuple[Path, ...]

    @property
    def failed(self) -> list[str]:
        return [name for name, code in self.codes.items() if code]


def run_job(repository: Path, job: dict[str, Any], *, base: str) -> Ran:
    """Run the commands of a job for a pull request against the branch `base`; actions of others are left out."""
    summary = repository / "build" / "summary.md"
    summary.parent.mkdir(exist_ok=True)
    summary.write_text("")
    codes: dict[str, int] = {}
    said, uploads = "", []
    for step in job["steps"]:
        if not RUNS[step.get("if")](any(codes.values())):
            continue
        if step.get("uses", "").startswith("actions/upload-artifact@"):
            uploads += [repository / path for path in step["with"]["path"].split()]
        if "run" in step:
            variables = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_BASE_REF": base, "CI": "true"}
            done = call("bash", "-e", "-c", step["run"], cwd=repository, **variables)
            codes[step.get("name", step["run"])] = done.returncode
            said += done.stdout
    return Ran(codes, said, summary.read_text(), tuple(uploads))
