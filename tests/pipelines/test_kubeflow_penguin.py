"""The penguin pipeline, compiled for Kubeflow v2, and every step of the job run by its own command."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
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
    """A run of a compiled job, what each executor was given, and every command that ran."""

    run: JobRun
    job: Mapping[str, Any]
    given: Mapping[str, dict[str, Any]]
    commands: Sequence[Sequence[str]]

    def properties(self, task: str, key: str) -> dict[str, Any]:
        return dict(self.run.output(task, key).metadata)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_module("kfp.pipeline_spec.pipeline_spec_pb2", "make install")
    return tmp_path_factory.mktemp("kubeflow")


def run_penguin(root: Path, sabotage: str | None = None, where: Commands | None = None) -> Ran:
    """Compile for one root, and run under another; all runtime parameters are given at submission."""
    from pipelines.kubeflow_v2 import Settings, compile_penguin
    from pipelines.penguin.pipeline import DATA

    settings = Settings("image", str(root / "compiled"), push_to=str(root / "unused"), sabotage=sabotage)
    job = compile_penguin(settings)
    destination = json.dumps({"filesystem": {"base_directory": str(root / "serving")}})
    parameters = {"data_path": DATA, "push_destination": destination, "train_args": TRAIN_ARGS}
    commands = Recording(where or LocalCommands())
    run = run_job(job, root=root / "root", parameters=parameters, commands=commands)
    for step in run.failed:
        print(f"{step.name}: {step.reason}\n{step.log_end()}")
    return Ran(run, job, commands.given, commands.ran)


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


def test_the_root_of_compiling_holds_the_wheels_alone(clean: Ran, root: Path) -> None:
    assert [path.name for path in (root / "compiled").iterdir()] == ["_wheels"]
    assert not (root / "unused").exists()


def test_every_command_is_the_jobs_own(clean: Ran) -> None:
    executors = clean.job["pipelineSpec"]["deploymentSpec"]["executors"].values()
    containers = [executor["container"] for executor in executors]
    hooks = [container["lifecycle"]["preCacheCheck"] for container in containers if "lifecycle" in container]
    compiled = {(*part["command"], *part["args"]) for part in [*containers, *hooks]}
    # Word for word, but for the one placeholder that TFX writes: the whole ExecutorInput.
    ran = {tuple("{{$}}" if word.startswith('{"inputs": ') else word for word in words) for words in clean.commands}
    assert ran == compiled and len(hooks) == 1
    assert len(clean.commands) == len(compiled) == len(clean.run.steps) + 1


def test_what_executors_are_given_is_an_executor_input(clean: Ran) -> None:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2 as protos

    assert len(clean.given) == len(clean.run.steps) - 1, "the validators share an executor"
    for given in clean.given.values():
        message = json_format.ParseDict(given, protos.ExecutorInput())
        assert message.outputs.output_file and message.outputs.artifacts


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
    assert blessing["metadata"]["blessed"] == 1.0
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


@pytest.mark.full
def test_a_model_without_its_signatures_is_not_pushed(clean: Ran, root: Path) -> None:
    signature = run_penguin(root, "signature")
    assert signature.run.cached == {*BEFORE_TRAINER, "Trainer", "KerasToEstimatorConverter"}
    assert signature.run.failed == []
    assert signature.properties("Pusher", "pushed_model")["pushed"] == 0
    verdicts = {name: signature.properties(name, "report")["verdict"] for name in VALIDATORS}
    assert verdicts["ExportedModelValidator"] == "NOT_BLESSED"
    report = json.loads(
        (Path(signature.run.output("ExportedModelValidator", "report").uri) / "report.json").read_text()
    )
    assert "SM103" in [check["code"] for check in report["checks"] if check["verdict"] == "FAIL"]


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
