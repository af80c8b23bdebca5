"""Finding a SavedModel, and publishing one whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.saved_model.graphs import save
from tfx_savedmodel.errors import DestinationError, UnreadableModelError, UsageError
from tfx_savedmodel.saved_model import leftovers
from tfx_savedmodel.saved_model.locate import find_saved_model
from tfx_savedmodel.saved_model.publish import check_destination, publishing

pytestmark = pytest.mark.unit


def test_finds_the_model_itself_in_an_artifact_and_one_version_below(tmp_path: Path) -> None:
    plain = save(tmp_path / "plain")
    serving = save(tmp_path / "artifact" / "Format-Serving")
    version = save(tmp_path / "versions" / "1700000000")
    assert find_saved_model(plain) == plain
    assert find_saved_model(tmp_path / "artifact") == serving
    assert find_saved_model(tmp_path / "versions") == version


def test_a_keras_file_is_to_be_exported(tmp_path: Path) -> None:
    (tmp_path / "model.H5").touch()
    for place in (tmp_path, tmp_path / "model.H5"):
        with pytest.raises(UnreadableModelError) as caught:
            find_saved_model(place)
        assert "tfx-savedmodel export MODEL DEST" in caught.value.next_step


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


def listing(folder: Path) -> list[str]:
    return sorted(str(child.relative_to(folder)) for child in folder.rglob("*") if child.is_file())


def write(target: Path, name: str, *, overwrite: bool = False) -> None:
    with publishing(target, overwrite=overwrite) as staged:
        (staged / name).touch()


def without_exchange(one: Path, other: Path) -> bool:
    """A file system that cannot exchange two paths."""
    return False


def test_what_a_live_run_writes_is_no_leftover(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with pytest.raises(DestinationError, match="exists"), publishing(target) as slow:
        (slow / "slow").touch()
        write(target, "quick")
        assert slow.is_dir()
    assert listing(tmp_path) == ["model/quick"]  # who ends first wins


def test_of_two_overwrites_the_last_to_end_stays(tmp_path: Path) -> None:
    target = tmp_path / "model"
    write(target, "old")
    with publishing(target, overwrite=True) as slow:
        (slow / "slow").touch()
        write(target, "quick", overwrite=True)
    assert listing(tmp_path) == ["model/slow"]


@pytest.mark.parametrize("name", ["model", "mod*", "m[o]del", "model?", "-model"])
def test_leftovers_are_told_by_their_whole_name(tmp_path: Path, name: str) -> None:
    names = ("mode", "modx", "mod", "other", f"{name}-b")
    others = [f"{leftovers.STAGED}{other}-0123abcd" for other in names]
    others += [f"{leftovers.STAGED}{name}-0123abcx", f"{leftovers.STAGED}{name}"]
    for child in (*others, f"{leftovers.STAGED}{name}-0123abcd"):
        (tmp_path / child).mkdir()
    write(tmp_path / name, "whole")
    assert sorted(child.name for child in tmp_path.iterdir()) == sorted([*others, name])


def test_a_destination_is_complete_in_every_moment_of_an_overwrite(tmp_path: Path) -> None:
    target = tmp_path / "model"
    write(target, "file")
    if not leftovers.exchange(tmp_path / "model", tmp_path / "model"):
        pytest.skip("this file system cannot exchange two paths")
    done, absent = threading.Event(), []

    def watch() -> None:
        while not done.is_set():
            absent.append(not (target / "file").exists())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(100):
        write(target, "file", overwrite=True)
    done.set()
    watcher.join()
    assert len(absent) > 100
    assert not any(absent)


def test_replaces_where_paths_cannot_be_exchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "exchange", without_exchange)
    write(tmp_path / "model", "old")
    write(tmp_path / "model", "new", overwrite=True)
    assert [child.name for child in tmp_path.iterdir()] == ["model"]
    assert listing(tmp_path) == ["model/new"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_kill_between_two_renames_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    target = tmp_path / "model"
    write(target, "old")
    # What the kill leaves: the old version aside, the new one still staged, nothing in its place.
    target.rename(leftovers.fresh(leftovers.ASIDE, target))
    (leftovers.fresh(leftovers.STAGED, target)).mkdir()
    if overwrite:
        write(target, "newer", overwrite=True)
        assert listing(tmp_path) == ["model/newer"]
    else:
        with pytest.raises(DestinationError, match="exists"):
            check_destination(target)
        assert listing(tmp_path) == ["model/old"]
    assert [child.name for child in tmp_path.iterdir()] == ["model"]


def test_an_old_version_that_is_held_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "model"
    old = leftovers.fresh(leftovers.ASIDE, target)
    old.mkdir()
    (old / "file").touch()
    lock = leftovers.hold(old)
    assert lock is not None
    check_destination(target)
    assert old.is_dir()
    os.close(lock)
    with pytest.raises(DestinationError):
        check_destination(target)


def test_without_locks_only_what_is_old_is_a_leftover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(leftovers.fcntl, "flock", refuse)
    target = tmp_path / "model"
    recent = leftovers.fresh(leftovers.STAGED, target)
    recent.mkdir()
    write(target, "first")
    assert recent.is_dir()
    tomorrow = leftovers.time.time() + 25 * 3600.0
    monkeypatch.setattr(leftovers.time, "time", lambda: tomorrow)
    write(target, "second", overwrite=True)
    assert [child.name for child in tmp_path.iterdir()] == ["model"]


def test_a_link_is_followed_and_a_file_replaced(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("versions/1")
    write(tmp_path / "current", "first")
    write(tmp_path / "current", "second", overwrite=True)
    assert (tmp_path / "current").is_symlink()
    assert listing(tmp_path / "versions") == ["1/second"]
    (tmp_path / "file").touch()
    with pytest.raises(DestinationError) as caught:
        write(tmp_path / "file", "third")
    assert caught.value.found == "a file"
    write(tmp_path / "file", "third", overwrite=True)
    assert sorted(child.name for child in tmp_path.iterdir()) == ["current", "file", "versions"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DestinationError, match="cannot be written"):
        write(tmp_path / "file" / "model", "whole")
