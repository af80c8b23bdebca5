from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tfx_savedmodel.saved_model import temporary
from tfx_savedmodel.saved_model.temporary import temporary_folder

pytestmark = pytest.mark.unit

HOLDER = """
import sys
from tfx_savedmodel.saved_model.temporary import temporary_folder
with temporary_folder() as folder:
    (__import__("pathlib").Path(folder) / "half").write_text("written")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_goes_with_its_block(own_directory: Path) -> None:
    with pytest.raises(OSError, match="full"), temporary_folder() as folder:
        assert Path(folder).parent == own_directory
        (Path(folder) / "model").mkdir()
        raise OSError("the disk is full")
    assert list(own_directory.iterdir()) == []


def test_the_folder_of_a_killed_run_goes_with_the_next_one_and_that_of_a_live_run_stays(own_directory: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "components"), "TMPDIR": str(own_directory)}
    others = [own_directory / "tfx-savedmodel.tmp-notours-at-all", own_directory / "tfx-savedmodel-abcdefgh"]
    for other in others:
        other.mkdir()
    (own_directory / f"{temporary.PREFIX}link5678").symlink_to(others[0])
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with temporary_folder():
            assert (left / "half").is_file()
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert left.is_dir()
    with temporary_folder() as folder:
        assert not left.exists()
        assert Path(folder).is_dir()
    assert all(other.is_dir() for other in others)
    assert (own_directory / f"{temporary.PREFIX}link5678").is_symlink()


def test_a_folder_that_is_taken_before_it_is_held_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def hold(path: Path) -> int | None:
        if not taken:
            taken.append(path)
            path.rmdir()
        return held(path)

    held = temporary.hold
    monkeypatch.setattr(temporary, "hold", hold)
    with temporary_folder() as folder:
        assert Path(folder).is_dir()
        assert Path(folder) != taken[0]
