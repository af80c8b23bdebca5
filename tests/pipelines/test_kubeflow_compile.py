"""The penguin pipeline compiled for Vertex AI and Kubeflow v2: what stands in the job. Nothing of it is run here."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, require_module
from tfx_savedmodel.errors import UsageError

pytestmark = pytest.mark.tfx

IMAGE = "registry.example/project/images/tfx-savedmodel:1"
BUCKET = "gs://bucket/penguin"
WORKERS = "registry.example/project/images/workers:1"
ACCOUNT = "workers@project.iam.gserviceaccount.com"
DATAFLOW = [
    "--runner=DataflowRunner",
    "--project=project",
    "--region=europe-west4",
    "--temp_location=gs://bucket/tmp",
    f"--sdk_container_image={WORKERS}",
    f"--service_account_email={ACCOUNT}",
]
HEAVY = {"CsvExampleGen", "StatisticsGen", "Transform", "EstimatorModelValidator", "ExportedModelValidator"}
OWN = {
    "SignatureExporter": "tfx_savedmodel.signature_exporter.executor.Executor",
    "KerasToEstimatorConverter": "tfx_savedmodel.keras_to_estimator_converter.executor.Executor",
    "EstimatorModelValidator": "tfx_savedmodel.saved_model_validator.executor.Executor",
    "ExportedModelValidator": "tfx_savedmodel.saved_model_validator.executor.Executor",
}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that stands for gs://, as far as TFX's own file systems go, while this file's tests run."""
    require_module("kfp.pipeline_spec.pipeline_spec_pb2", "make install")
    from tfx.dsl.io import filesystem_registry

    from tests.pipelines import remote_root

    registry = filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY
    folder = tmp_path_factory.mktemp("bucket")
    try:
        filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY = copy.copy(registry)
        for name, value in vars(registry).items():
            if isinstance(value, dict):
                setattr(filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY, name, copy.deepcopy(value))
        remote_root.register(folder, "gs://")
        yield folder
    finally:
        filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY = registry


@pytest.fixture(scope="module")
def vertex(bucket: Path) -> dict[str, Any]:
    from pipelines.kubeflow_v2 import Resources, Settings, compile_penguin

    return compile_penguin(
        Settings(
            image=IMAGE,
            root=BUCKET,
            data="gs://bucket/data",
            push_to="gs://bucket/serving",
            resources={"Trainer": Resources(cpu=8, memory=32)},
            beam_args=DATAFLOW,
        )
    )


def containers(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    spec = job["pipelineSpec"]
    executors = spec["deploymentSpec"]["executors"]
    return {name: executors[part["executorLabel"]]["container"] for name, part in spec["components"].items()}


def test_the_job_is_what_the_protos_of_kubeflow_say(vertex: dict[str, Any]) -> None:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2 as protos

    json_format.ParseDict(vertex, protos.PipelineJob())
    spec = json_format.ParseDict(vertex["pipelineSpec"], protos.PipelineSpec())
    deployment = json_format.ParseDict(vertex["pipelineSpec"]["deploymentSpec"], protos.PipelineDeploymentConfig())
    assert (spec.schema_version, spec.pipeline_info.name) == ("2.1.0", "penguin")
    assert deployment.executors["Trainer_executor"].container.resources.cpu_limit == 8
    assert set(spec.root.dag.tasks) == {
        "CsvExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "ExampleValidator",
        "Transform",
        "Trainer",
        "SignatureExporter",
        "KerasToEstimatorConverter",
        "EstimatorModelValidator",
        "ExportedModelValidator",
        "Pusher",
    }


def test_nothing_of_this_machine_is_in_the_job(vertex: dict[str, Any], bucket: Path) -> None:
    text = json.dumps(vertex)
    for place in (str(ROOT), str(bucket), str(Path.home()), "/tmp/"):
        assert place not in text
    assert vertex["runtimeConfig"]["gcsOutputDirectory"] == BUCKET


def test_user_modules_are_wheels_under_the_root(vertex: dict[str, Any], bucket: Path) -> None:
    tasks = vertex["pipelineSpec"]["root"]["dag"]["tasks"]
    for name in ("Transform", "Trainer"):
        parameters = tasks[name]["inputs"]["parameters"]
        module, _, wheel = parameters["module_path"]["runtimeValue"]["constant"].partition("@")
        assert module == "penguin_module" and wheel.startswith(f"{BUCKET}/_wheels/")
        assert (bucket / wheel.removeprefix("gs://")).is_file()
        assert "module_file" not in parameters


def test_every_step_runs_tfxs_entry_point_in_the_image(vertex: dict[str, Any]) -> None:
    for name, container in containers(vertex).items():
        assert container["image"] == IMAGE
        assert container["command"][:2] == ["python", "-m"]
        path = container["args"][container["args"].index("--executor_class_path") + 1]
        assert path == OWN.get(name, path) and path.partition(".")[0] == ("tfx_savedmodel" if name in OWN else "tfx")


def test_every_step_has_its_resources(vertex: dict[str, Any]) -> None:
    found = {
        name: tuple(container["resources"][key] for key in ("cpuLimit", "memoryLimit"))
        for name, container in containers(vertex).items()
    }
    # Of file-based ExampleGens TFX drops them.
    assert found["CsvExampleGen"] == found["Transform"] == (4, 16)
    assert found["Trainer"] == (8, 32)
    assert found["Pusher"] == found["SchemaGen"] == (1, 4)
    assert set(found) == set(vertex["pipelineSpec"]["root"]["dag"]["tasks"])


def test_heavy_steps_run_on_dataflow_and_the_others_in_themselves(vertex: dict[str, Any]) -> None:
    for name, container in containers(vertex).items():
        commands = [container["args"]]
        if name == "CsvExampleGen":
            commands.append(container["lifecycle"]["preCacheCheck"]["args"])
        for arguments in commands:
            runners = [argument for argument in arguments if argument.startswith("--runner=")]
            # The last one counts.
            assert runners[-1] == ("--runner=DataflowRunner" if name in HEAVY else "--runner=FnApiRunner"), name
            assert set(DATAFLOW) <= set(arguments) or name not in HEAVY
            assert f"--sdk_container_image={IMAGE}" in arguments


def test_what_beam_makes_of_the_arguments(vertex: dict[str, Any]) -> None:
    from apache_beam.options.pipeline_options import (
        GoogleCloudOptions,
        PipelineOptions,
        StandardOptions,
        WorkerOptions,
    )
    from tfx.utils import dependency_utils

    arguments = containers(vertex)["StatisticsGen"]["args"]
    flags = arguments[arguments.index("--runner=FnApiRunner") :]
    options = PipelineOptions(flags)
    assert options.view_as(StandardOptions).runner == "DataflowRunner"
    assert options.view_as(GoogleCloudOptions).temp_location == "gs://bucket/tmp"
    assert options.view_as(GoogleCloudOptions).service_account_email == ACCOUNT
    # Of two images the last one counts: the workers', after the one that every step names.
    assert flags.index(f"--sdk_container_image={IMAGE}") < flags.index(f"--sdk_container_image={WORKERS}")
    assert options.view_as(WorkerOptions).sdk_container_image == WORKERS
    # The image is all that workers need: TFX does not pack itself for them.
    assert dependency_utils.make_beam_dependency_flags(flags) == flags


def test_runtime_parameters_and_their_defaults(vertex: dict[str, Any]) -> None:
    root = vertex["pipelineSpec"]["root"]["inputDefinitions"]["parameters"]
    destination = {"filesystem": {"baseDirectory": "gs://bucket/serving"}}
    assert {name: spec["parameterType"] for name, spec in root.items()} == dict.fromkeys(
        ("data_path", "push_destination", "train_args"), "STRING"
    )
    defaults = {name: spec["defaultValue"] for name, spec in root.items()}
    assert defaults == vertex["runtimeConfig"]["parameterValues"]
    assert defaults["data_path"] == "gs://bucket/data" and defaults["train_args"] == "{}"
    assert json.loads(defaults["push_destination"]) == destination
    tasks = vertex["pipelineSpec"]["root"]["dag"]["tasks"]
    for task, key, name in (
        ("CsvExampleGen", "input_base", "data_path"),
        ("Trainer", "train_args", "train_args"),
        ("Pusher", "push_destination", "push_destination"),
    ):
        assert tasks[task]["inputs"]["parameters"][key] == {"componentInputParameter": name}


def test_types_are_the_ones_that_a_container_imports(vertex: dict[str, Any]) -> None:
    from tfx.orchestration.kubeflow.v2 import compiler_utils

    from pipelines.kubeflow.artifacts import type_name

    outputs = vertex["pipelineSpec"]["components"]["ExportedModelValidator"]["outputDefinitions"]["artifacts"]
    names = {key: type_name(spec["artifactType"]) for key, spec in outputs.items()}
    assert names == {"report": "tfx_savedmodel.ValidationReport", "blessing": "tfx.InfraBlessing"}
    assert names["report"] not in compiler_utils.TITLE_TO_CLASS_PATH


@pytest.mark.parametrize(("sabotage", "changed"), [("nan", {"Trainer"}), ("signature", {"SignatureExporter"})])
def test_a_sabotage_changes_one_step(bucket: Path, vertex: dict[str, Any], sabotage: str, changed: set[str]) -> None:
    from pipelines.kubeflow_v2 import Settings, compile_penguin

    broken = compile_penguin(Settings(IMAGE, BUCKET, "gs://bucket/data", sabotage=sabotage))
    before, after = (job["pipelineSpec"]["root"]["dag"]["tasks"] for job in (vertex, broken))
    assert {name for name in before if before[name] != after[name]} == changed
    parameters = broken["pipelineSpec"]["root"]["inputDefinitions"]["parameters"]
    assert "defaultValue" not in parameters["push_destination"]


def test_the_command_line_writes_a_job_for_either(bucket: Path, tmp_path: Path) -> None:
    import yaml

    from pipelines.kubeflow import load_job
    from pipelines.kubeflow_v2 import main

    common = ["--image", IMAGE, "--root", BUCKET, "--data", "gs://bucket/data", "--resources", "Trainer=8:32"]
    for name in ("penguin.json", "penguin.yaml"):
        assert main([*common, "--output", str(tmp_path / name), "--", *DATAFLOW]) == 0
        assert load_job(tmp_path / name).name == "penguin"
    job = json.loads((tmp_path / "penguin.json").read_text())
    assert yaml.safe_load((tmp_path / "penguin.yaml").read_text()) == job["pipelineSpec"]
    assert containers(job)["Trainer"]["resources"] == {"cpuLimit": 8, "memoryLimit": 32}
    assert "--runner=DataflowRunner" in containers(job)["Transform"]["args"]


@pytest.mark.parametrize("text", ["Trainer", "Trainer=4", "Trainer=0:4", "=1:1", "NoSuchStep=1:1"])
def test_resources_that_cannot_be_are_refused(
    bucket: Path, tmp_path: Path, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    from pipelines.kubeflow_v2 import main

    given = ["--image", IMAGE, "--root", BUCKET, "--output", str(tmp_path / "job.json"), "--resources", text]
    assert main(given) == 4
    assert "resources" in capfd.readouterr().err
    assert not (tmp_path / "job.json").exists()


def test_steps_are_rounded_up_to_epochs() -> None:
    import importlib.util

    path = ROOT / "pipelines" / "penguin" / "module" / "penguin_module.py"
    spec = importlib.util.spec_from_file_location("penguin_module_of_this_test", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert [module.epochs_for(steps, 230) for steps in (None, 0, 1, 8, 9, 150)] == [30, 30, 1, 1, 2, 19]


def test_a_default_of_no_parameter_is_refused(vertex: dict[str, Any]) -> None:
    from pipelines.kubeflow_v2 import set_defaults

    before = json.dumps(vertex)
    with pytest.raises(UsageError, match=r"no runtime parameter[\s\S]*found: dat_path[\s\S]*data_path"):
        set_defaults(vertex, {"dat_path": "x", "data_path": "y"})
    assert json.dumps(vertex) == before
