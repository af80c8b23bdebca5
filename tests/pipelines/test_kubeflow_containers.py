"""Commands in containers, with a stand-in for buildah that notes what it is asked and runs commands where it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipelines.kubeflow.__main__ import main
from pipelines.kubeflow.image import ImageCommands
from tests.pipelines.kubeflow_jobs import job, step
from tfx_savedmodel.errors import UsageError

pytestmark = pytest.mark.unit

BUILDAH = """#!/bin/sh
echo "$@" >>"$ASKED"
case $1 in
from)
    [ "$3" != absent ] || { echo "no such image" >&2; exit 125; }
    echo "$3-working-container" ;;
run)
    while [ "$1" != -- ]; do shift; done
    shift
    exec "$@" ;;
esac
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of what buildah was asked, a line a call."""
    program = tmp_path / "bin" / "buildah"
    program.parent.mkdir()
    program.write_text(BUILDAH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    return tmp_path / "asked"


def small(folder: Path, image: str = "registry/image:1") -> Path:
    tasks: dict[str, Any] = {"a": step("echo"), "b": step("echo", after=["a"])}
    for name, task in tasks.items():
        task["executor"]["container"].update(image=image, args=[name])
    (folder / "job.json").write_text(
        json.dumps({**job(tasks), "runtimeConfig": {"gcsOutputDirectory": str(folder / "compiled")}})
    )
    return folder / "job.json"


def test_each_command_runs_in_the_container_of_its_image(tmp_path: Path, asked: Path) -> None:
    (tmp_path / "compiled").mkdir()
    given = ["--in-image", "--root", str(tmp_path / "root"), "--mount", str(tmp_path / "data")]
    assert main(["run", str(small(tmp_path)), *given]) == 0
    made, *runs, removed = asked.read_text().splitlines()
    container = "registry/image:1-working-container"
    assert (made, removed) == ("from --pull-never registry/image:1", f"rm {container}")
    folders = [tmp_path / name for name in ("data", "root", "compiled")]
    volumes = " ".join(f"--volume={folder}:{folder}" for folder in folders)
    user = f"--user={os.getuid()}:{os.getgid()}"
    assert runs == [f"run --isolation chroot {volumes} {user} {container} -- echo {name}" for name in ("a", "b")]
    assert sorted(log.read_text() for log in (tmp_path / "root").rglob("*.log")) == ["a\n", "b\n"]


def test_another_image_and_a_root_of_another_machine(tmp_path: Path, asked: Path) -> None:
    given = ["--image", "mine", "--root", str(tmp_path / "root")]
    assert main(["run", str(small(tmp_path)), *given]) == 0
    assert "from --pull-never mine\n" in asked.read_text()
    # The root that the job was compiled for is not here, and is not made.
    assert "compiled" not in asked.read_text() and not (tmp_path / "compiled").exists()


def test_no_folder_is_mounted_twice(tmp_path: Path, asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compiled").mkdir()
    monkeypatch.chdir(tmp_path)
    given = ["--in-image", "--root", "compiled", "--mount", "./compiled"]
    assert main(["run", str(small(tmp_path)), *given]) == 0
    assert asked.read_text().splitlines()[1].count("--volume=") == 1


def test_an_image_that_is_not_there_is_said(tmp_path: Path, asked: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(small(tmp_path, "absent")), "--in-image", "--root", str(tmp_path)]) == 1
    shown = capfd.readouterr().out
    assert "no such image" in shown and "make image" in shown and "Failed  a" in shown


def test_without_buildah_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="buildah"):
        ImageCommands([tmp_path])
