"""What came of a job, told to a person: outputs, reports with their verdicts, what was pushed and what failed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from pipelines.kubeflow.artifacts import Artifact
from pipelines.kubeflow.results import JobRun

REPORT_TYPE = "tfx_savedmodel.ValidationReport"
PUSHED_TYPE = "tfx.PushedModel"
_MOST_FINDINGS = 3


def print_summary(run: JobRun, console: Console) -> None:
    """Print it; the verdicts come last, and below them what was pushed, or which steps failed."""
    console.print()
    for line in _lines(run):
        console.print(line, soft_wrap=True)


def _lines(run: JobRun) -> Iterator[Text]:
    outputs = [(f"{step}.{key}", artifact) for step, key, artifact in _outputs(run)]
    width = max((len(name) for name, _ in outputs), default=0)
    if outputs:
        yield Text("Outputs, from the run's folder where no whole path stands:")
    for name, artifact in outputs:
        yield Text.assemble((f"{name:<{width}}", "bold"), f"  {artifact.type_name}  {_place(artifact, run.folder)}")
    yield Text()
    yield _line("Run", f"{run.folder}")
    yield _line("Took", f"{run.seconds:.0f} s")
    for step, _, artifact in _outputs(run):
        if artifact.type_name == REPORT_TYPE:
            yield from _report(step, artifact)
    for step, _, artifact in _outputs(run):
        if artifact.type_name == PUSHED_TYPE:
            yield from _pushed(artifact.metadata, is_cached=step in run.cached)
    if run.failed:
        yield _line("Failed", ", ".join(step.name for step in run.failed), "bold red")


def _outputs(run: JobRun) -> Iterator[tuple[str, str, Artifact]]:
    for step in run.steps.values():
        for key, artifacts in step.artifacts.items():
            for artifact in artifacts:
                yield step.name, key, artifact


def _place(artifact: Artifact, folder: Path) -> str:
    """Return where it is, from the run's folder; that of an earlier run, or an imported one, in full."""
    place = Path(artifact.uri)
    return str(place.relative_to(folder)) if place.is_relative_to(folder) else artifact.uri


def _line(name: str, what: str, style: str = "") -> Text:
    return Text.assemble((f"{name:<8}", "bold"), (what, style))


def _report(step: str, artifact: Artifact) -> Iterator[Text]:
    verdict = str(artifact.metadata.get("verdict", "unknown"))
    yield _line("Report", f"{artifact.uri}/report.html")
    yield _line("Verdict", f"{verdict}, {step}", "bold green" if verdict == "BLESSED" else "bold red")
    for check in _read(artifact).get("checks", []):
        if check["verdict"] == "FAIL" and check["severity"] == "error":
            yield Text.assemble("  ✗ ", (f"{check['code']} {check['name']}", "bold"))
            findings = [finding["message"] for finding in check["findings"]]
            yield from (Text(f"      {message}") for message in findings[:_MOST_FINDINGS])
            if len(findings) > _MOST_FINDINGS:
                yield Text(f"      and {len(findings) - _MOST_FINDINGS} more", "dim")


def _pushed(metadata: Mapping[str, Any], *, is_cached: bool) -> Iterator[Text]:
    if not metadata.get("pushed"):
        yield _line("Pushed", "nothing", "bold red")
        return
    place = str(metadata.get("pushed_destination", ""))
    is_gone = "://" not in place and not Path(place).exists()
    yield _line("Pushed", place, "bold red" if is_gone else "bold green")
    if is_gone and is_cached:
        yield Text("  ✗ by an earlier run, and no more on this machine. Under another --root nothing is cached")
    elif is_gone:
        yield Text("  ✗ not on this machine: what a container does not share goes with it (--mount FOLDER)")


def _read(artifact: Artifact) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads((Path(artifact.uri) / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # removed or cut off since, or kept elsewhere: the verdict is known anyway
        return {}
    return found
