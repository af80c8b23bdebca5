"""What a person is told of a job that runs, and of what came of it."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipelines.kubeflow.artifacts import Artifact
from pipelines.kubeflow.progress import Progress
from pipelines.kubeflow.results import JobRun, State, StepResult
from pipelines.kubeflow.summary import print_summary

pytestmark = pytest.mark.unit

FINDING = {"message": "NaN in probabilities"}
FAILED_CHECK = {"code": "SM302", "name": "finite-outputs", "verdict": "FAIL", "severity": "error"}


def gave(folder: Path, step: str, key: str, title: str, **metadata: Any) -> StepResult:
    place = folder / f"{step}_1" / key
    place.mkdir(parents=True)
    artifact = Artifact("name", str(place), {"schemaTitle": title}, metadata)
    return StepResult(step, State.SUCCEEDED, {key: [artifact]})


def told(run: JobRun) -> str:
    file = io.StringIO()
    print_summary(run, Console(file=file, highlight=False, width=60))
    return file.getvalue()


def run_of(folder: Path, *steps: StepResult) -> JobRun:
    return JobRun("run", folder, {step.name: step for step in steps}, 61.4)


def judged(folder: Path, verdict: str, checks: list[Mapping[str, Any]]) -> StepResult:
    step = gave(folder, "Judge", "report", "tfx_savedmodel.ValidationReport", verdict=verdict)
    (folder / "Judge_1" / "report" / "report.json").write_text(json.dumps({"verdict": verdict, "checks": checks}))
    return step


def push(folder: Path, destination: str) -> StepResult:
    return gave(folder, "Pusher", "pushed_model", "tfx.PushedModel", pushed=1.0, pushed_destination=destination)


def test_a_blessed_model_that_was_pushed(tmp_path: Path) -> None:
    passed = {**FAILED_CHECK, "verdict": "PASS", "findings": []}
    shared = tmp_path / "serving" / "7"
    shared.mkdir(parents=True)
    pushed = push(tmp_path, str(shared))
    shown = told(run_of(tmp_path, judged(tmp_path, "BLESSED", [passed]), pushed))
    assert shown.splitlines()[1:] == [
        "Outputs, from the run's folder where no whole path stands:",
        "Judge.report         tfx_savedmodel.ValidationReport  Judge_1/report",
        "Pusher.pushed_model  tfx.PushedModel  Pusher_1/pushed_model",
        "",
        f"Run     {tmp_path}",
        "Took    61 s",
        f"Report  {tmp_path}/Judge_1/report/report.html",
        "Verdict BLESSED, Judge",
        f"Pushed  {shared}",
    ]


def test_a_model_that_was_pushed_into_a_container_is_said_to_be_lost(tmp_path: Path) -> None:
    shown = told(run_of(tmp_path, push(tmp_path, str(tmp_path / "serving" / "7"))))
    assert "not on this machine" in shown and "--mount" in shown
    shown = told(run_of(tmp_path, push(tmp_path / "other", "gs://bucket/serving/7")))
    assert shown.splitlines()[-1] == "Pushed  gs://bucket/serving/7"


def test_a_model_that_was_removed_since_it_was_pushed_is_said_to_be(tmp_path: Path) -> None:
    cached = dataclasses.replace(push(tmp_path, str(tmp_path / "serving" / "7")), state=State.SKIPPED)
    shown = told(run_of(tmp_path, cached))
    assert "by an earlier run" in shown and "--mount" not in shown


def test_a_model_that_was_not_pushed_and_why(tmp_path: Path) -> None:
    warned = {**FAILED_CHECK, "code": "SM108", "severity": "warning", "findings": [FINDING]}
    failed = {**FAILED_CHECK, "findings": [FINDING] * 5}
    pushed = gave(tmp_path, "Pusher", "pushed_model", "tfx.PushedModel", pushed=0.0)
    shown = told(run_of(tmp_path, judged(tmp_path, "NOT_BLESSED", [warned, failed]), pushed))
    assert shown.partition("Verdict ")[2].splitlines() == [
        "NOT_BLESSED, Judge",
        "  ✗ SM302 finite-outputs",
        *["      NaN in probabilities"] * 3,
        "      and 2 more",
        "Pushed  nothing",
    ]


def test_what_failed_and_what_an_earlier_run_gave(tmp_path: Path) -> None:
    earlier = gave(tmp_path / "earlier", "a", "thing", "tests.Thing")
    shown = told(run_of(tmp_path / "now", earlier, StepResult("b", State.FAILED)))
    assert f"a.thing  tests.Thing  {tmp_path}/earlier/a_1/thing\n" in shown
    assert shown.endswith("Failed  b\n") and "Pushed" not in shown and "Verdict" not in shown


def test_a_report_that_is_not_there_leaves_its_verdict(tmp_path: Path) -> None:
    step = gave(tmp_path, "Judge", "report", "tfx_savedmodel.ValidationReport", verdict="NOT_BLESSED")
    assert told(run_of(tmp_path, step)).endswith("Verdict NOT_BLESSED, Judge\n")


def test_a_terminal_shows_what_runs_and_a_file_what_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    log = tmp_path / "b.log"
    log.write_text("first\nlast [bold]\n")
    shown = {}
    for is_terminal in (True, False):
        file = io.StringIO()
        with Progress(Console(file=file, force_terminal=is_terminal, highlight=False, width=80)) as progress:
            progress.begin("a")
            progress.begin("b")
            progress.end(StepResult("a", State.SKIPPED, seconds=0.1, peak_bytes=2**30))
            progress.end(StepResult("b", State.FAILED, seconds=2.0, reason="exit code 1", log=log))
        shown[is_terminal] = file.getvalue()
    assert "running b" in shown[True]
    assert shown[False].splitlines() == [
        f"{'a':<28} {'cached':<13}    0.1 s   1024 MB",
        f"{'b':<28} {'FAILED':<13}    2.0 s ",
        "    exit code 1",
        f"    the end of {log}:",
        "",
        "    | first",
        "    | last [bold]",
    ]
