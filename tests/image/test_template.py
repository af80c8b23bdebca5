"""The image of a repository that `tfx-savedmodel new` made: its own Dockerfile, on top of what `make image` built."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.containers import ISOLATION, Image, build_repository, image
from tests.templates.repositories import make

__all__ = ["image"]

pytestmark = [pytest.mark.tfx, pytest.mark.full]

BUILT = "localhost/tfx-savedmodel-test:template"


def buildah(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["buildah", *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def container(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    repository = make(tmp_path_factory.mktemp("template"))
    build_repository(repository, image, BUILT)
    made = buildah("from", "--pull-never", BUILT)
    assert made.returncode == 0, made.stderr
    yield made.stdout.strip()
    buildah("rm", made.stdout.strip())
    buildah("rmi", BUILT)


def said(container: str, *command: str) -> str:
    ended = buildah("run", *ISOLATION, container, "--", *command)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_it_starts_steps_as_a_user_of_its_own(container: str) -> None:
    config = json.loads(buildah("inspect", container).stdout)["OCIv1"]["config"]
    module = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
    assert config["Entrypoint"] == ["python", "-m", module]
    assert (config["User"], config["WorkingDir"]) == ("10001", "/pipeline")
    assert said(container, "id", "-un") == "pipeline"
    # Of a step that is given nothing the executor asks for what it needs: it was found, and started.
    ended = buildah("run", *ISOLATION, container, "--", *config["Entrypoint"])
    assert "--executor_class_path" in ended.stderr


def test_the_modules_of_the_repository_are_imported_where_a_step_runs(container: str) -> None:
    text = """
import importlib, json, os
from tfx.utils import import_utils
names = ["configs", "pipeline", "transforming.preprocessing", "training.model", "runners.kubeflow_v2"]
files = [os.path.relpath(importlib.import_module(name).__file__, "/pipeline") for name in names]
import tfx_savedmodel
found = [import_utils.import_class_by_path(f"tfx_savedmodel.{each}.executor.Executor")
         for each in ("signature_exporter", "saved_model_validator", "keras_to_estimator_converter")]
print(json.dumps([files, tfx_savedmodel.__file__]))
"""
    files, package = json.loads(said(container, "python", "-c", text).splitlines()[-1])
    assert files == [
        "configs.py", "pipeline.py", "transforming/preprocessing.py", "training/model.py", "runners/kubeflow_v2.py",
    ]  # fmt: skip
    assert package.startswith("/opt/tfx-savedmodel/")
