"""Finding a SavedModel, and publishing one whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.saved_model.graphs import save
from tfx_savedmodel.errors import DestinationError, UnreadableModelError, UsageError
from tfx_savedmodel.saved_model.locate import find_saved_model
from tfx_savedmodel.saved_model.publish import publishing

pytestmark = pytest.mark.unit


def test_finds_the_model_itself_in_an_artifact_and_one_version_below(tmp_path: Path) -> None:
    plain = save(tmp_path / "plain")
    serving = save(tmp_path / "artifact" / "Format-Serving")
    version = save(tmp_path / "versions" / "1700000000")
    assert find_saved_model(plain) == plain
    assert find_saved_model(tmp_path / "artifact") == serving
    assert find_saved_model(tmp_path / "versions") == version


def test_says_what_is_there_instead(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UnreadableModelError, match="no SavedModel here") as caught:
        find_saved_model(tmp_path)
    assert caught.value.found == "notes.txt"
    with pytest.raises(UnreadableModelError, match="not a directory"):
        find_saved_model(tmp_path / "notes.txt")
    with pytest.raises(UnreadableModelError, match="no such path"):
        find_saved_model(tmp_path / "absent")
    save(tmp_path / "1")
    save(tmp_path / "2")
    with pytest.raises(UnreadableModelError, match="more than one"):
        find_saved_model(tmp_path)


@pytest.mark.parametrize("path", ["gs://bucket/model", "gs:/bucket/model", "s3://bucket/model"])
def test_a_remote_path_is_not_taken_for_a_folder(path: str) -> None:
    with pytest.raises(UsageError, match="must be on a local disk"):
        find_saved_model(path)


def test_publishes_on_success_only(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with pytest.raises(RuntimeError, match="half way"), publishing(target) as staged:
        (staged / "half").touch()
        raise RuntimeError("half way")
    assert not target.exists()
    with publishing(target) as staged:
        (staged / "whole").touch()
        assert not target.exists()
    assert [child.name for child in target.parent.iterdir()] == ["model"]
    assert (target / "whole").exists()


def test_replaces_only_where_allowed(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    with publishing(target) as staged:  # an empty folder is TFX's own
        (staged / "first").touch()
    with pytest.raises(DestinationError, match="exists"), publishing(target):
        pass
    with pytest.raises(RuntimeError), publishing(target, overwrite=True):
        raise RuntimeError
    assert (target / "first").exists()
    with publishing(target, overwrite=True) as staged:
        (staged / "second").touch()
    assert [child.name for child in target.iterdir()] == ["second"]
    assert [child.name for child in tmp_path.iterdir()] == ["model"]


def test_a_killed_run_leaves_no_model_and_the_next_cleans_up(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time\n"
        "from tfx_savedmodel.saved_model.publish import publishing\n"
        "with publishing(pathlib.Path(sys.argv[1])) as staged:\n"
        "    (staged / 'half').touch(); print('staged', flush=True); time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "components")}
    command = [sys.executable, "-c", code, str(tmp_path / "model")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "staged\n"
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "model").exists()
    assert len(list(tmp_path.iterdir())) == 1
    with publishing(tmp_path / "model") as staged:
        (staged / "whole").touch()
    assert [child.name for child in tmp_path.iterdir()] == ["model"]
