"""Importer, resolver and condition as TFX compiles them for Kubeflow v2: the last pushed model gates the next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipelines.kubeflow import Commands, Ended, JobRun, LocalCommands, State, run_job
from tests.conftest import require_module
from tests.pipelines.kubeflow_jobs import Recording, executor_input_of, executor_of, write_output
from tests.pipelines.test_gates import RENAMED, SERVED, baseline_components

pytestmark = pytest.mark.tfx

VALIDATOR = "tfx_savedmodel.saved_model_validator.executor.Executor"
CONDITION = "(inputs.artifacts['infra_blessing'].artifacts[0].metadata['blessed'] == 1.0)"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.operations.models import save_keras

    require_module("kfp.pipeline_spec.pipeline_spec_pb2", "make install")
    folder = tmp_path_factory.mktemp("trained")
    save_keras(folder / "Format-Serving")
    return folder


def compiled(trained: Path, folder: Path, signatures: dict[str, Any]) -> dict[str, Any]:
    from tfx.orchestration import pipeline

    from pipelines.kubeflow_v2 import beam_args, compile_job

    definition = pipeline.Pipeline(
        pipeline_name="gates",
        pipeline_root=str(folder / "root"),
        components=baseline_components(trained, folder, signatures),
        enable_cache=True,
        beam_pipeline_args=beam_args("image"),
    )
    return compile_job(definition, "image", {}, {})


class Judges:
    """In place of the containers: a validator that blesses what it is told to, and others that write nothing."""

    def __init__(self, *, blessed: bool) -> None:
        self._blessed = blessed

    def run(self, image: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Ended:
        said = {}
        if executor_of(command) == VALIDATOR:
            said = {"blessing": {"artifacts": [{"metadata": {"blessed": int(self._blessed)}}]}}
        write_output(executor_input_of(command), {"artifacts": said})
        return Ended(0)

    def stop(self) -> None:
        """Nothing runs."""


def baselines(commands: Recording) -> list[str]:
    """Return the URIs that the validator was given as its baseline."""
    artifacts = commands.given[VALIDATOR]["inputs"]["artifacts"]
    return [item["uri"] for key, listed in artifacts.items() if "baseline" in key for item in listed["artifacts"]]


def test_only_a_blessed_model_is_pushed_and_found_again(trained: Path, tmp_path: Path) -> None:
    def run(signatures: dict[str, Any], *, blessed: bool) -> tuple[JobRun, list[str]]:
        commands = Recording(Judges(blessed=blessed))
        return run_job(compiled(trained, tmp_path, signatures), commands=commands), baselines(commands)

    job = compiled(trained, tmp_path, SERVED)
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    assert tasks["Pusher"]["triggerPolicy"] == {"condition": CONDITION}
    bad, before = run(SERVED, blessed=False)
    assert (bad.steps["Pusher"].state, before) == (State.NOT_TRIGGERED, [])
    assert bad.output("Trained", "result").uri == str(trained)
    good, before = run(RENAMED, blessed=True)
    assert (good.steps["Pusher"].state, before) == (State.SUCCEEDED, [])
    # Another baseline, so the validator runs again, and is given what was pushed.
    last, before = run(RENAMED, blessed=False)
    assert before == [good.output("Pusher", "pushed_model").uri]
    assert last.cached == {"SignatureExporter"}
    assert last.steps["Pusher"].state is State.NOT_TRIGGERED


@pytest.mark.full
def test_a_model_that_breaks_clients_of_the_last_pushed_one_is_not_pushed(trained: Path, tmp_path: Path) -> None:
    push_one_and_refuse_the_next(trained, tmp_path, LocalCommands())


def push_one_and_refuse_the_next(trained: Path, folder: Path, commands: Commands) -> None:
    """Run the job twice, each step by its own command: the second model lacks what clients of the first ask for."""

    def run(signatures: dict[str, Any]) -> JobRun:
        found = run_job(compiled(trained, folder, signatures), commands=commands)
        assert found.failed == [], [step.log_end() for step in found.failed]
        return found

    first, second = run(SERVED), run(RENAMED)
    assert first.output("Pusher", "pushed_model").metadata["pushed"] == 1
    assert second.steps["Pusher"].state is State.NOT_TRIGGERED
    report = json.loads((Path(second.output("SavedModelValidator", "report").uri) / "report.json").read_text())
    (check,) = (item for item in report["checks"] if item["code"] == "SM106")
    places = [finding["where"] for finding in check["findings"]]
    assert (report["verdict"], check["verdict"]) == ("NOT_BLESSED", "FAIL")
    assert {"signature": "again", "input": "bill"} in places
    assert len(list((folder / "serving").iterdir())) == 1
