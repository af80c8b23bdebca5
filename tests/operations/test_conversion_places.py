"""Where a conversion writes: what it may replace, and that its two places change together or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.saved_model.graphs import save
from tests.saved_model.storages import RecordedFileSystem, empty_storage
from tfx_savedmodel.errors import DestinationError, UsageError
from tfx_savedmodel.operations.conversion_places import check_checkpoint, check_places, publishing_both
from tfx_savedmodel.saved_model import leftovers
from tfx_savedmodel.saved_model import publish as publishing_room
from tfx_savedmodel.saved_model.local import is_remote
from tfx_savedmodel.saved_model.publish import check_destination

pytestmark = pytest.mark.unit

REMOTE = "recorded://bucket/run"
OURS = ("checkpoint", "model.ckpt-0.index", "model.ckpt-0.data-00000-of-00001")


def model_dir(folder: Path, *more: str) -> Path:
    for name in (*OURS, *more):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("old", encoding="utf-8")
    return folder


def listing(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def test_a_model_dir_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    trained = (
        "model.ckpt-20.meta",
        "graph.pbtxt",
        "events.out.tfevents.1700.host",
        "eval/events.out.tfevents.1701.host",
    )
    for place in (
        tmp_path / "absent",
        tmp_path / "empty",
        model_dir(tmp_path / "ours"),
        model_dir(tmp_path / "trained", *trained, "keras/checkpoint", "keras/keras_model.ckpt.index"),
    ):
        check_checkpoint(place, overwrite=True)
    with pytest.raises(DestinationError, match="exists"):
        check_checkpoint(tmp_path / "ours", overwrite=False)


@pytest.mark.parametrize(
    "name", ["thesis.txt", "eval/thesis.txt", "export/1700/saved_model.pb", "model.ckpt-0.index.txt", "data/checkpoint"]
)
def test_what_is_no_model_dir_is_never_replaced(tmp_path: Path, name: str) -> None:
    with pytest.raises(DestinationError, match="something else than a checkpoint") as caught:
        check_checkpoint(model_dir(tmp_path / "run", name), overwrite=True)
    assert (caught.value.found, caught.value.where) == (name, str(tmp_path / "run"))


def test_files_links_and_halves_of_a_model_dir_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (model_dir(tmp_path / "linked") / "more").symlink_to(tmp_path)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "checkpoint").touch()
    for name, found in {"file": "a file", "linked": "more", "half": "checkpoint"}.items():
        with pytest.raises(DestinationError, match="something else") as caught:
            check_checkpoint(tmp_path / name, overwrite=True)
        assert caught.value.found == found


def test_no_place_lies_in_the_model_or_in_another(tmp_path: Path) -> None:
    model = save(tmp_path / "model")
    inside, outside = model / "variables" / "out", tmp_path / "out"
    with pytest.raises(DestinationError, match="the destination lies inside the model"):
        check_places(model, str(model), inside, None, overwrite=False)
    with pytest.raises(DestinationError, match="the destination lies inside the model") as caught:
        check_places(model, str(model), outside, inside, overwrite=False)
    assert caught.value.where == str(inside)
    with pytest.raises(UsageError, match="the checkpoint lies in the destination"):
        check_places(model, str(model), outside, outside / "checkpoint", overwrite=False)
    with pytest.raises(UsageError, match="the model lies in the destination"):
        check_places(model, str(model), model, None, overwrite=True)
    check_places(model, str(model), outside, tmp_path / "checkpoint", overwrite=False)


def publish(folder: Path, checkpoint: Path | str, *, fails: bool = False) -> None:
    with publishing_both(folder / "model", checkpoint, overwrite=True) as (export, run):
        (export / "new").touch()
        (run / "new").touch()
        if fails:  # the checkpoint is published first, and then there is nothing to publish as the model
            shutil.rmtree(export)


@pytest.mark.parametrize("exchanges", [True, False])
def test_the_old_checkpoint_comes_back_where_the_model_cannot_be_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    if not exchanges:
        monkeypatch.setattr(leftovers, "exchange", lambda one, other: False)
    save(tmp_path / "model")
    before = listing(tmp_path / "model")
    model_dir(tmp_path / "run")
    with pytest.raises(DestinationError, match="cannot be written"):
        publish(tmp_path, tmp_path / "run", fails=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "run"]
    assert (listing(tmp_path / "run"), listing(tmp_path / "model")) == (sorted(OURS), before)
    publish(tmp_path, tmp_path / "run")
    assert listing(tmp_path) == ["model/new", "run/new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "run"]


def test_an_interrupt_while_old_versions_are_removed_leaves_both_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = leftovers.remove
    for number in range(2):  # the old model's removal is interrupted, then the old checkpoint's
        removed: list[Path] = []

        def interrupted(path: Path, number: int = number, removed: list[Path] = removed) -> None:
            removed.append(path)
            if len(removed) == number + 1:
                raise KeyboardInterrupt
            remove(path)

        folder = tmp_path / str(number)
        save(folder / "model")
        model_dir(folder / "run")
        with monkeypatch.context() as patched:
            patched.setattr(leftovers, "remove", interrupted)
            with pytest.raises(KeyboardInterrupt):
                publish(folder, folder / "run")
        assert len(removed) == 2
        assert (listing(folder / "run"), listing(folder / "model")) == (["new"], ["new"])
        publish(folder, folder / "run")
        assert sorted(path.name for path in folder.iterdir()) == ["model", "run"]


@pytest.mark.parametrize("place", ["model", "run"])
def test_an_interrupt_right_after_an_exchange_leaves_both_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    save(tmp_path / "model")
    before = listing(tmp_path / "model")
    model_dir(tmp_path / "run")
    move = publishing_room._move

    def interrupted(staged: Path, target: Path, **more: Any) -> None:
        move(staged, target, **more)
        if target.name == place:
            raise KeyboardInterrupt

    monkeypatch.setattr(publishing_room, "_move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path, tmp_path / "run")
    assert (listing(tmp_path / "run"), listing(tmp_path / "model")) == (sorted(OURS), before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "run"]


def test_an_interrupt_after_both_leaves_a_remote_checkpoint_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage: type[RecordedFileSystem] = empty_storage()
    storage().pipe_file("/bucket/run/checkpoint", b"old")
    save(tmp_path / "model")

    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tfx_savedmodel.saved_model.publish.leftovers.remove", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path, REMOTE)
    assert (set(storage.store), listing(tmp_path / "model")) == ({"/bucket/run/new"}, ["new"])


@pytest.mark.parametrize("name", [".tfx-savedmodel-notes", ".tfx-savedmodel-a-0123abcd", ".tfx-savedmodel.old-a/b"])
def test_a_file_that_is_named_nearly_like_ours_is_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / "run" / name).parent.mkdir(parents=True)
    (tmp_path / "run" / name).touch()
    with pytest.raises(DestinationError, match="something else than a checkpoint"):
        check_checkpoint(tmp_path / "run", overwrite=True)
    with pytest.raises(DestinationError, match="something else than a model"):
        check_destination(tmp_path / "run", overwrite=True)


def test_what_killed_runs_to_places_in_it_left_is_ours(tmp_path: Path) -> None:
    for kind in (leftovers.STAGED, leftovers.ASIDE):
        model_dir(tmp_path / "run" / f"{kind}a-0123abcd")
    check_checkpoint(tmp_path / "run", overwrite=True)
    check_destination(tmp_path / "run", overwrite=True)


def test_an_absent_checkpoint_is_absent_again_and_an_empty_one_empty(tmp_path: Path) -> None:
    save(tmp_path / "model")
    (tmp_path / "empty").mkdir()
    for name in ("absent", "empty"):
        with pytest.raises(DestinationError, match="cannot be written"):
            publish(tmp_path, tmp_path / name, fails=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "model"]
    assert not any((tmp_path / "empty").iterdir())


def test_what_another_run_put_there_meanwhile_stays(tmp_path: Path) -> None:
    save(tmp_path / "model")
    model_dir(tmp_path / "run")
    theirs = tmp_path / "theirs"

    def meanwhile() -> None:
        theirs.mkdir()
        (theirs / "theirs").touch()
        assert leftovers.exchange(theirs, tmp_path / "run")

    with pytest.raises(RuntimeError), publishing_both(tmp_path / "model", tmp_path / "run", True) as (_, run):
        (run / "new").touch()
        meanwhile()
        raise RuntimeError
    assert listing(tmp_path / "run") == ["theirs"]


def test_where_no_checkpoint_was_made_the_old_one_stays(tmp_path: Path) -> None:
    model_dir(tmp_path / "run")
    before = listing(tmp_path / "run")
    with publishing_both(tmp_path / "model", tmp_path / "run", overwrite=True) as (export, run):
        (export / "new").touch()
        assert run.is_dir()
    assert listing(tmp_path / "run") == before and listing(tmp_path / "model") == ["new"]


def test_a_kill_between_the_two_leaves_whole_versions_at_both(tmp_path: Path) -> None:
    save(tmp_path / "model")
    before = listing(tmp_path / "model")
    model_dir(tmp_path / "run")
    code = (
        "import os, pathlib, signal, sys\n"
        "from tfx_savedmodel.operations.conversion_places import publishing_both\n"
        "from tfx_savedmodel.saved_model import publish\n"
        "folder, move = pathlib.Path(sys.argv[1]), publish._move\n"
        "def moved(staged, target, **more):\n"
        "    if target.name == 'model': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    move(staged, target, **more)\n"
        "publish._move = moved\n"
        "with publishing_both(folder / 'model', folder / 'run', True) as (export, run):\n"
        "    (export / 'new').touch(); (run / 'new').touch()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "components")}
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (listing(tmp_path / "run"), listing(tmp_path / "model")) == (["new"], before)
    publish(tmp_path, tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "run"]
    assert listing(tmp_path) == ["model/new", "run/new"]


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("old", [True, False])
def test_remote_checkpoints_come_back_too(tmp_path: Path, fails: bool, old: bool) -> None:
    storage: type[RecordedFileSystem] = empty_storage()
    assert is_remote(REMOTE)
    files = {f"/bucket/run/{name}" for name in OURS} if old else set()
    for name in files:
        storage().pipe_file(name, b"old")
    check_checkpoint(REMOTE, overwrite=True)
    save(tmp_path / "model")
    if fails:
        with pytest.raises(DestinationError, match="cannot be written"):
            publish(tmp_path, REMOTE, fails=True)
    else:
        publish(tmp_path, REMOTE)
    assert set(storage.store) == (files if fails else {"/bucket/run/new"})
    assert not fails or all(storage().cat_file(name) == b"old" for name in files)


def test_a_remote_folder_of_others_is_not_replaced() -> None:
    empty_storage()().pipe_file("/bucket/run/thesis.txt", b"")
    with pytest.raises(DestinationError, match="something else") as caught:
        check_checkpoint(REMOTE, overwrite=True)
    assert caught.value.found == "thesis.txt"
