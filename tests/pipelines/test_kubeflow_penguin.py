"""The penguin pipeline, compiled for Kubeflow v2, and every step of the job run by its own command."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines.kubeflow import Commands, JobRun, LocalCommands, State, run_job
from tests.conftest import require_module
from tests.pipelines.kubeflow_jobs import Recording

pytestmark = [pytest.mark.tfx, pytest.mark.timeout(2700)]  # a fixture runs twelve steps, each of which imports TFX

SIGNATURES = ["classify", "predict_penguin", "serve_raw", "serving_default", "xai_model", "xai_preprocess"]
BEFORE_TRAINER = {"CsvExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "Transform"}
VALIDATORS = ("ExportedModelValidator", "EstimatorModelValidator")
PUSHER = "tfx.components.pusher.executor.Executor"
TRAINER = "tfx.components.trainer.executor.GenericExecutor"
CSV = "tfx.components.example_gen.csv_example_gen.executor.Executor"
TRAIN_ARGS = '{"num_steps": 240}'


@dataclasses.dataclass(frozen=True)
class Ran:
    """A run, and what each executor was given."""

    run: JobRun
    given: Mapping[str, dict[str, Any]]

    def properties(self, task: str, key: str) -> dict[str, Any]:
        return dict(self.run.output(task, key).metadata)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_module("kfp.pipeline_spec.pipeline_spec_pb2", "make install")
    return tmp_path_factory.mktemp("kubeflow")


def run_penguin(root: Path, sabotage: str | None = None, where: Commands | None = None) -> Ran:
    """Compile for one root and run under it; the data path and the training are known at submission only."""
    from pipelines.kubeflow_v2 import Settings, compile_penguin
    from pipelines.penguin.pipeline import DATA

    settings = Settings("image", str(root / "root"), push_to=str(root / "serving"), sabotage=sabotage)
    job = compile_penguin(settings)
    commands = Recording(where or LocalCommands())
    run = run_job(job, parameters={"data_path": DATA, "train_args": TRAIN_ARGS}, commands=commands)
    for step in run.failed:
        print(f"{step.name}: {step.reason}\n{step.log_end()}")
    return Ran(run, commands.given)


@pytest.fixture(scope="module")
def clean(root: Path) -> Ran:
    return run_penguin(root)


@pytest.fixture(scope="module")
def nan(root: Path, clean: Ran) -> Ran:
    return run_penguin(root, "nan")


def test_every_step_ran(clean: Ran) -> None:
    assert {name: step.state for name, step in clean.run.steps.items()} == dict.fromkeys(
        [*BEFORE_TRAINER, "Trainer", "SignatureExporter", "KerasToEstimatorConverter", *VALIDATORS, "Pusher"],
        State.SUCCEEDED,
    )


def test_every_output_is_where_the_job_says(clean: Ran, root: Path) -> None:
    for step in clean.run.steps.values():
        for artifact in (item for items in step.artifacts.values() for item in items):
            assert Path(artifact.uri).is_relative_to(root / "root" / "penguin" / clean.run.run_id)
            assert Path(artifact.uri).is_dir(), step.name


def test_the_exported_model_was_pushed(clean: Ran, root: Path) -> None:
    pushed = clean.properties("Pusher", "pushed_model")
    assert pushed["pushed"] == 1
    destination = Path(pushed["pushed_destination"])
    assert destination.parent == root / "serving"
    exported = Path(clean.run.output("SignatureExporter", "exported_model").uri) / "Format-Serving"
    assert (destination / "saved_model.pb").read_bytes() == (exported / "saved_model.pb").read_bytes()


@pytest.mark.parametrize("validator", VALIDATORS)
def test_report_and_blessing(clean: Ran, validator: str) -> None:
    report = clean.run.output(validator, "report")
    assert report.type_name == "tfx_savedmodel.ValidationReport"
    written = json.loads((Path(report.uri) / "report.json").read_text())
    assert report.metadata["verdict"] == written["verdict"] == "BLESSED"
    counts = [check["verdict"] for check in written["checks"]]
    found = {key: report.metadata[f"checks_{key}"] for key in ("pass", "fail", "error", "skip")}
    assert found == {key: float(counts.count(key.upper())) for key in found} and found["pass"] >= 12
    blessing = clean.run.output(validator, "blessing")
    assert (blessing.type_name, blessing.metadata["blessed"]) == ("tfx.InfraBlessing", 1.0)
    assert (Path(blessing.uri) / "INFRA_BLESSED").is_file()


def test_custom_properties_arrive_downstream(clean: Ran) -> None:
    given = clean.given[PUSHER]["inputs"]["artifacts"]
    (model,), (blessing,) = (given[key]["artifacts"] for key in ("model", "infra_blessing"))
    # A whole number arrives as a float: so does it there.
    assert blessing["metadata"]["blessed"] == 1.0 and isinstance(blessing["metadata"]["blessed"], float)
    assert sorted(json.loads(model["metadata"]["signatures"])) == SIGNATURES
    report = clean.run.output("ExportedModelValidator", "report")
    judged = json.loads((Path(report.uri) / "report.json").read_text())
    # Of 256 bits: a number would have been changed on the way.
    assert model["metadata"]["fingerprint"] == judged["model"]["fingerprint"]
    # Read by the executor of the second validator, which ANDs it in.
    (upstream,) = judged["upstream"]
    assert upstream["uri"] == clean.run.output("EstimatorModelValidator", "blessing").uri
    assert upstream["blessed"] is True


def test_the_hook_of_example_gen_looked_at_the_data(clean: Ran) -> None:
    examples = clean.properties("CsvExampleGen", "examples")
    assert examples["input_fingerprint"].startswith("split:all,num_files:1,")
    # What it found was given to the executor after it.
    assert clean.given[CSV]["inputs"]["parameterValues"]["input_fingerprint"] == examples["input_fingerprint"]
    assert json.loads(examples["split_names"]) == ["train", "eval"]


def test_runtime_parameters_arrive(clean: Ran) -> None:
    assert clean.given[TRAINER]["inputs"]["parameterValues"]["train_args"] == TRAIN_ARGS
    metrics = Path(clean.run.output("Trainer", "model_run").uri) / "metrics.json"
    assert json.loads(metrics.read_text())["eval_accuracy"] > 0.95


def test_a_sabotaged_model_pushes_nothing(nan: Ran, root: Path) -> None:
    assert nan.run.cached == BEFORE_TRAINER
    assert nan.run.failed == []
    assert nan.properties("Pusher", "pushed_model")["pushed"] == 0
    assert len(list((root / "serving").iterdir())) == 1
    for validator in VALIDATORS:
        assert nan.properties(validator, "report")["verdict"] == "NOT_BLESSED"
        blessing = nan.run.output(validator, "blessing")
        assert blessing.metadata["blessed"] == 0
        assert (Path(blessing.uri) / "INFRA_NOT_BLESSED").is_file()
    report = json.loads((Path(nan.run.output("ExportedModelValidator", "report").uri) / "report.json").read_text())
    assert "SM302" in [check["code"] for check in report["checks"] if check["verdict"] == "FAIL"]
