"""Kubeflow jobs with every step in a container of the built image: the penguin pipeline, and a gate of conditions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.kubeflow.image import ImageCommands
from tests.conftest import require_module
from tests.image.containers import require_image
from tests.operations.models import save_keras
from tests.packaged import stack
from tests.pipelines.test_kubeflow_gates import push_one_and_refuse_the_next
from tests.pipelines.test_kubeflow_penguin import BEFORE_TRAINER, run_penguin

pytestmark = [pytest.mark.tfx, pytest.mark.full, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kubeflow-image")


@pytest.fixture(scope="module")
def commands(root: Path) -> Iterator[ImageCommands]:
    require_module("kfp.pipeline_spec.pipeline_spec_pb2", "make install")
    from pipelines.penguin.pipeline import DATA

    image = require_image(stack())
    with ImageCommands([root, Path(DATA)], image.name) as running:
        yield running


def test_commands_run_in_the_image_and_see_what_is_mounted(commands: ImageCommands, root: Path) -> None:
    log = root / "log"
    (root / "seen").write_text("of this machine")
    text = f"import os, sys; print(sys.prefix, os.environ['WORD'], open({str(root / 'seen')!r}).read()); sys.exit(5)"
    assert commands.run("another", ["python", "-c", text], {"WORD": "a b"}, log).code == 5
    printed = log.read_text().splitlines()[0]
    assert printed == "/opt/tfx-savedmodel a b of this machine" and sys.prefix != "/opt/tfx-savedmodel"


def test_the_good_model_is_pushed_and_the_sabotaged_one_is_not(commands: ImageCommands, root: Path) -> None:
    clean = run_penguin(root, where=commands)
    assert clean.run.failed == []
    assert clean.properties("ExportedModelValidator", "report")["verdict"] == "BLESSED"
    assert clean.properties("ExportedModelValidator", "blessing")["blessed"] == 1.0
    pushed = clean.properties("Pusher", "pushed_model")
    assert pushed["pushed"] == 1 and (Path(pushed["pushed_destination"]) / "saved_model.pb").is_file()
    nan = run_penguin(root, "nan", where=commands)
    assert (nan.run.failed, nan.run.cached) == ([], BEFORE_TRAINER)
    assert nan.properties("Pusher", "pushed_model")["pushed"] == 0
    assert len(list((root / "serving").iterdir())) == 1


def test_only_what_breaks_no_clients_is_pushed(commands: ImageCommands, root: Path) -> None:
    save_keras(root / "trained" / "Format-Serving")
    push_one_and_refuse_the_next(root / "trained", root / "gates", commands)
