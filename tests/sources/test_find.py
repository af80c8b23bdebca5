from __future__ import annotations

from pathlib import Path

import pytest

from tfx_savedmodel.errors import UnreadableModelError, UsageError
from tfx_savedmodel.sources.find import CHECKPOINT, GRAPH_FILE, KERAS_FILE, SAVED_MODEL, find_trained_model

pytestmark = pytest.mark.unit


def lay(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


@pytest.mark.parametrize(
    ("files", "asked", "form", "found"),
    [
        (["saved_model.pb", "variables/variables.index"], "", SAVED_MODEL, ""),
        (["saved_model.pb"], "saved_model.pb", SAVED_MODEL, ""),
        (["Format-Serving/saved_model.pb", "Format-TFMA/saved_model.pb"], "", SAVED_MODEL, "Format-Serving"),
        (["Format-Serving/1/saved_model.pb"], "", SAVED_MODEL, "Format-Serving/1"),
        (["Format-Serving/model.keras", "Format-TFMA/1/saved_model.pb"], "", KERAS_FILE, "Format-Serving/model.keras"),
        (["Format-Serving/ckpt-5.index", "Format-Serving/checkpoint"], "", CHECKPOINT, "Format-Serving/ckpt-5"),
        (["model.h5"], "", KERAS_FILE, "model.h5"),
        (["model.h5", "notes.txt"], "model.h5", KERAS_FILE, "model.h5"),
        (["ckpt-5.index", "ckpt-5.data-00000-of-00001"], "ckpt-5", CHECKPOINT, "ckpt-5"),
        (["ckpt-5.index", "ckpt-5.data-00000-of-00001"], "ckpt-5.index", CHECKPOINT, "ckpt-5"),
        (["ckpt-5.index", "ckpt-5.data-00000-of-00001"], "ckpt-5.data-00000-of-00001", CHECKPOINT, "ckpt-5"),
        (["ckpt-5.index"], "", CHECKPOINT, "ckpt-5"),
        (["saved_model.pb", "variables/variables.index"], "variables", CHECKPOINT, "variables/variables"),
        (["variables/variables.index"], "", CHECKPOINT, "variables/variables"),
        (["ckpt-5.index", "ckpt-5.meta", "graph.pbtxt"], "", CHECKPOINT, "ckpt-5"),
        (["ckpt-5.index", "ckpt-5.meta"], "ckpt-5.meta", CHECKPOINT, "ckpt-5"),
        (["frozen.pb"], "", GRAPH_FILE, "frozen.pb"),
        (["frozen.pbtxt", "frozen.pb"], "frozen.pbtxt", GRAPH_FILE, "frozen.pbtxt"),
        (["model.meta"], "model.meta", GRAPH_FILE, "model.meta"),
        (["frozen.pb", "model.h5"], "", KERAS_FILE, "model.h5"),
    ],
)
def test_what_lies_there_is_found(tmp_path: Path, files: list[str], asked: str, form: str, found: str) -> None:
    result = find_trained_model(lay(tmp_path, *files) / asked)
    assert (result.form, result.path) == (form, tmp_path / found)


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (["model.ckpt"], "model.ckpt"),
        (["model.ckpt-00000-of-00002", "model.ckpt-00001-of-00002"], "model.ckpt-?????-of-00002"),
    ],
    ids=["whole", "sharded"],
)
def test_a_checkpoint_of_old_has_no_index(tmp_path: Path, files: list[str], named: str) -> None:
    lay(tmp_path, "model.ckpt.meta")
    for name in files:
        (tmp_path / name).write_bytes(b"\0" * 40 + (0xDB4775248B80FB57).to_bytes(8, "little"))
    for asked in ("", "model.ckpt", named, files[0], "model.ckpt.meta"):
        result = find_trained_model(tmp_path / asked)
        assert (result.form, result.path) == (CHECKPOINT, tmp_path / "model.ckpt"), asked
    (tmp_path / "checkpoint").write_text(f'model_checkpoint_path: "{named}"\n', encoding="utf-8")
    assert find_trained_model(tmp_path).path == tmp_path / "model.ckpt"


@pytest.mark.parametrize("written", ["ckpt-2", "/elsewhere/ckpt-2"], ids=["relative", "moved"])
def test_the_state_file_names_the_latest_checkpoint(tmp_path: Path, written: str) -> None:
    lay(tmp_path, "ckpt-2.index", "ckpt-10.index")
    (tmp_path / "checkpoint").write_text(
        f'model_checkpoint_path: "{written}"\nall_model_checkpoint_paths: "ckpt-10"\n', encoding="utf-8"
    )
    for asked in (tmp_path, tmp_path / "checkpoint"):
        assert find_trained_model(asked).path == tmp_path / "ckpt-2"


@pytest.mark.parametrize("named", ["../secret/ckpt-1", "link/ckpt-1"])
def test_the_state_file_does_not_lead_out_of_its_directory(tmp_path: Path, named: str) -> None:
    model = lay(tmp_path / "model", "checkpoint")
    lay(tmp_path / "secret", "ckpt-1.index")
    (model / "link").symlink_to(tmp_path / "secret")
    (model / "checkpoint").write_text(f'model_checkpoint_path: "{named}"\n', encoding="utf-8")
    with pytest.raises(UnreadableModelError, match="leads out of its directory") as caught:
        find_trained_model(model)
    assert named in caught.value.found
    lay(model, "ckpt-1.index", "ckpt-2.index")
    assert find_trained_model(model).path == model / "ckpt-1"


@pytest.mark.parametrize(
    ("files", "asked", "said"),
    [
        ([], "nowhere", "no such path"),
        (["notes.txt"], "", "notes.txt"),
        (["notes.txt"], "notes.txt", "not a trained model"),
        (["a.h5", "b.keras"], "", "a.h5, b.keras"),
        (["a.h5", "ckpt-1.index"], "", "a.h5, ckpt-1"),
        (["1/saved_model.pb", "2/saved_model.pb"], "", "more than one"),
        (["ckpt-1.index", "ckpt-2.index"], "", "no state file"),
        (["Format-TFMA/saved_model.pb"], "", "no trained model"),
        (["a.pb", "b.pb"], "", "a.pb, b.pb"),
    ],
)
def test_nothing_and_too_much_are_said(tmp_path: Path, files: list[str], asked: str, said: str) -> None:
    with pytest.raises(UnreadableModelError, match=said.replace(".", r"\.")):
        find_trained_model(lay(tmp_path, *files) / asked)


def test_a_remote_path_is_for_the_caller_to_stage() -> None:
    with pytest.raises(UsageError, match="local"):
        find_trained_model("gs://bucket/model")
