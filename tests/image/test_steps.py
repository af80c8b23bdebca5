"""The image at work: it judges models, and runs steps of pipelines, as its user, with what is mounted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.image.containers import Image, image, shared

__all__ = ["image", "shared"]

pytestmark = pytest.mark.tfx

#: The command of every step that KubeflowV2DagRunner compiles, and of the drivers of file-based ExampleGens.
STEP = ("python", "-m", "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor")
#: Of TFX, what other pipelines than ours are made of.
OTHER_EXECUTORS = (
    *("components.bulk_inferrer", "components.evaluator", "components.infra_validator", "components.tuner"),
    *("extensions.google_cloud_ai_platform.trainer", "extensions.google_cloud_big_query.example_gen"),
)
#: What else is imported where a pipeline runs.
MODULES = ("apache_beam.runners.dataflow.dataflow_runner", "apache_beam.runners.worker.worker_pool_main", "keras_tuner")
DRIVER = "tfx.orchestration.kubeflow.v2.file_based_example_gen.driver"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good model and one that lost its weights, readable for everybody."""
    import tensorflow as tf

    class Scale(tf.Module):
        def __init__(self) -> None:
            self.factor = tf.Variable(2.0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def serve(self, x: Any) -> dict[str, Any]:
            return {"y": self.factor * x}

    folder = tmp_path_factory.mktemp("models")
    module = Scale()
    tf.saved_model.save(module, str(folder / "good"), signatures={"serving_default": module.serve})
    shutil.copytree(folder / "good", folder / "bad")
    (folder / "bad" / "variables" / "variables.data-00000-of-00001").unlink()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@pytest.mark.parametrize(("model", "code", "verdict"), [("good", 0, "BLESSED"), ("bad", 1, "NOT_BLESSED")])
def test_validate_judges_a_mounted_model(
    image: Image, models: Path, shared: Path, model: str, code: int, verdict: str
) -> None:
    ended = image.start(
        "validate",
        f"/models/{model}",
        "--format=json",
        "--report=/shared/report",
        volumes={models: "/models:ro", shared: "/shared"},
    )
    assert ended.returncode == code, ended.stderr
    assert json.loads(ended.stdout)["verdict"] == verdict
    assert json.loads((shared / "report" / "report.json").read_text(encoding="utf-8"))["verdict"] == verdict
    assert (shared / "report" / "report.html").stat().st_uid == 1000


def test_the_executors_of_every_pipeline_are_found(image: Image, tmp_path: Path) -> None:
    from pipelines.penguin.pipeline import create_pipeline

    components = create_pipeline(tmp_path).components
    paths = {component.id: component.executor_spec.class_path for component in components}
    assert {path.split(".")[0] for path in paths.values()} == {"tfx", "tfx_savedmodel"}
    paths |= {name: f"tfx.{name}.executor.Executor" for name in OTHER_EXECUTORS}
    text = (
        "import importlib, json, sys\n"
        "from tfx.utils import import_utils\n"
        f"for module in {(DRIVER, *MODULES)}: importlib.import_module(module)\n"
        "found = {key: import_utils.import_class_by_path(path) for key, path in json.loads(sys.argv[1]).items()}\n"
        "print(json.dumps({key: f'{each.__module__}.{each.__qualname__}' for key, each in found.items()}))"
    )
    said = image.said("python", "-c", text, json.dumps(paths))
    assert json.loads(said.splitlines()[-1]) == paths


def test_a_step_of_kubeflow_blesses_a_model(image: Image, models: Path, shared: Path) -> None:
    from tfx.types import channel_utils, standard_artifacts

    from tfx_savedmodel import SavedModelValidator

    model = channel_utils.as_channel([standard_artifacts.Model()])
    validator = SavedModelValidator(model=model)
    shutil.copytree(models / "good", shared / "model" / "Format-Serving")
    given = {
        "inputs": {
            "artifacts": {"model": _artifacts("1", "/shared/model", "tfx.Model")},
            "parameters": {key: _value(value) for key, value in validator.exec_properties.items() if value is not None},
        },
        "outputs": {
            "artifacts": {
                "report": _artifacts("2", "/shared/report", "tfx_savedmodel.ValidationReport"),
                "blessing": _artifacts("3", "/shared/blessing", "tfx.InfraBlessing"),
            },
            "outputFile": "/shared/step/executor_output.json",
        },
    }
    path = validator.executor_spec.class_path
    arguments = ("--executor_class_path", path, "--json_serialized_invocation_args", json.dumps(given))
    ended = image.run(*STEP, *arguments, "--runner=FnApiRunner", volumes={shared: "/shared"})
    assert ended.returncode == 0, ended.stderr
    written = json.loads((shared / "step" / "executor_output.json").read_text(encoding="utf-8"))
    assert written["artifacts"]["blessing"]["artifacts"][0]["metadata"]["blessed"] == 1
    assert (shared / "blessing" / "INFRA_BLESSED").is_file()
    assert json.loads((shared / "report" / "report.json").read_text(encoding="utf-8"))["verdict"] == "BLESSED"


@pytest.mark.full
def test_the_whole_penguin_pipeline_runs_in_it(image: Image, shared: Path) -> None:
    """Everything that a step needs is still there: nothing of this machine but the pipeline's own files is."""
    mounts = {ROOT / "pipelines": "/repository/pipelines:ro", ROOT / "setup.py": "/repository/setup.py:ro"}
    run = "cd /repository && python -m pipelines.penguin.run --root /shared/penguin"
    ended = image.run("sh", "-c", run, volumes={**mounts, shared: "/shared"}, seconds=850)
    assert ended.returncode == 0, ended.stderr
    assert "Verdict BLESSED" in ended.stdout
    assert list((shared / "penguin" / "serving" / "penguin").glob("*/saved_model.pb"))


def _artifacts(name: str, uri: str, title: str) -> dict[str, Any]:
    return {"artifacts": [{"name": name, "uri": uri, "type": {"schemaTitle": title}}]}


def _value(value: Any) -> dict[str, Any]:
    return {"intValue": value} if isinstance(value, int) else {"stringValue": value}
