"""The job of a repository that `tfx-savedmodel new` made, each step in a container of that repository's own image."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.kubeflow import load_job, run_job
from pipelines.kubeflow.image import ImageCommands
from tests.conftest import require_module
from tests.image.containers import build_repository, require_image
from tests.packaged import stack
from tests.templates.repositories import HOUSES, make

pytestmark = [pytest.mark.tfx, pytest.mark.full, pytest.mark.timeout(2700)]

BUILT = "localhost/tfx-savedmodel-test:houses"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One whose image is built, for a CSV file that is in there."""
    require_module("kfp.pipeline_spec.pipeline_spec_pb2", "make install")
    base = require_image(stack())
    made = make(tmp_path_factory.mktemp("repository"), HOUSES, "price", "houses")
    build_repository(made, base, BUILT)
    yield made
    subprocess.run(["buildah", "rmi", BUILT], check=False)


def test_the_model_of_the_data_in_the_image_is_blessed_and_pushed(repository: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    command = [sys.executable, "-m", "runners.kubeflow_v2", "--image", BUILT, "--root", str(root)]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "job.json")], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with ImageCommands([root]) as commands:
        run = run_job(load_job(tmp_path / "job.json"), commands=commands)
    assert run.failed == [], "\n".join(step.log_end() for step in run.failed)
    assert run.output("SavedModelValidator", "blessing").metadata["blessed"] == 1.0
    pushed = run.output("Pusher", "pushed_model").metadata["pushed_destination"]
    assert Path(pushed).is_relative_to(root / "serving" / "houses") and (Path(pushed) / "saved_model.pb").is_file()
