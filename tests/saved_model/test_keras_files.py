from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import corpus_index
from tfx_savedmodel.errors import UnreadableModelError, UnsafeModelError
from tfx_savedmodel.saved_model.keras_files import (
    H5_MODEL,
    H5_WEIGHTS,
    KERAS_ZIP,
    V3_WEIGHTS,
    is_keras_file,
    read_keras_file,
)

pytestmark = pytest.mark.unit

h5py = pytest.importorskip("h5py")

KERAS = [entry for entry in corpus_index() if str(entry["main_file"]).endswith((".keras", ".h5"))]


def keras_zip(path: Path, config: Any, metadata: Any = None, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config if isinstance(config, (str, bytes)) else json.dumps(config))
        archive.writestr("metadata.json", json.dumps(metadata or {"keras_version": "3.1.0"}))
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_keras_archive_says_its_version_and_configuration(tmp_path: Path) -> None:
    config = {"class_name": "Sequential", "config": {}, "compile_config": {"optimizer": "adam"}}
    file = read_keras_file(keras_zip(tmp_path / "m.keras", config))
    assert (file.form, file.keras_version, file.config) == (KERAS_ZIP, "3.1.0", config)
    assert (file.has_optimizer, file.has_weights) == (True, False)
    assert file.described == "a .keras file of Keras 3.1.0"


def test_bytes_count_and_names_do_not(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {}})
        file.attrs["keras_version"] = "2.11.0"
        file.create_group("model_weights")
    found = read_keras_file(path)
    assert (found.form, found.keras_version, found.has_weights) == (H5_MODEL, "2.11.0", True)


@pytest.mark.parametrize(("name", "form"), [("layer_names", H5_WEIGHTS), ("layers", V3_WEIGHTS), ("vars", V3_WEIGHTS)])
def test_weights_alone_are_told_by_their_layout(tmp_path: Path, name: str, form: str) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        if form == H5_WEIGHTS:
            file.attrs[name] = [b"dense"]
        else:
            file.create_group(name)
    found = read_keras_file(tmp_path / "w.h5")
    assert (found.form, found.config) == (form, None)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{", "cannot be read"),
        ("[1]", "no configuration"),
        ("[" * 100_000, "cannot be read"),
    ],
    ids=["broken", "a list", "deep"],
)
def test_a_broken_configuration_is_not_taken_for_a_harmless_one(tmp_path: Path, config: str, said: str) -> None:
    with pytest.raises(UnreadableModelError, match=said):
        read_keras_file(keras_zip(tmp_path / "m.keras", config))


def test_a_configuration_in_another_encoding_is_read_as_keras_reads_it(tmp_path: Path) -> None:
    config = {"class_name": "Lambda", "config": {}}
    assert read_keras_file(keras_zip(tmp_path / "m.keras", json.dumps(config).encode("utf-16"))).config == config


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_twice_is_refused(tmp_path: Path) -> None:
    path = keras_zip(tmp_path / "m.keras", {"class_name": "Sequential", "config": {}})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(UnreadableModelError, match="twice"):
        read_keras_file(path)


def test_an_archive_that_unpacks_to_far_more_than_itself_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfx_savedmodel.saved_model.keras_files._LARGEST_UNCOMPARED", 1 << 20)
    path = keras_zip(tmp_path / "m.keras", {"class_name": "Sequential", "config": {}}, zeros=bytes(4 << 20))
    with pytest.raises(UnreadableModelError, match="unpacks to far more"):
        read_keras_file(path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS"),
        (b"PK\x03\x04" + bytes(40), "archive cannot be read"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "cannot be read"),
        (b"\x08\x01saved model", "not a Keras file"),
        (b"", "not a Keras file"),
    ],
    ids=["pointer", "zip", "hdf5", "other", "empty"],
)
def test_what_is_no_keras_file_is_said(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(data)
    assert is_keras_file(path)
    with pytest.raises(UnreadableModelError, match=said):
        read_keras_file(path)


def test_an_archive_of_something_else_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UnreadableModelError, match=r"no config\.json among readme\.txt"):
        read_keras_file(tmp_path / "m.keras")


@pytest.mark.parametrize("outside", ["link", "dataset"])
def test_weights_in_other_files_are_refused(tmp_path: Path, outside: str) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        group = file.create_group("layers/dense/vars")
        file["layers/again"] = file["layers"]
        if outside == "link":
            group["0"] = h5py.ExternalLink("/etc/passwd", "/")
        else:
            group.create_dataset("0", (4,), "u1", external=[("/etc/passwd", 0, 4)])
    with pytest.raises(UnsafeModelError, match="other files"):
        read_keras_file(tmp_path / "w.h5")


@pytest.mark.parametrize("entry", KERAS, ids=lambda entry: entry["name"])
def test_every_keras_file_of_the_corpus_is_read_or_said_to_be_broken(corpus: Path, entry: dict[str, Any]) -> None:
    path = corpus / entry["dir"] / entry["main_file"]
    if entry["format"].startswith("unreadable"):
        with pytest.raises(UnreadableModelError):
            read_keras_file(path)
        return
    file = read_keras_file(path)
    if entry["produced_by"].startswith("Keras "):
        assert file.keras_version == entry["produced_by"].removeprefix("Keras ")
    top = (entry.get("keras") or {}).get("top_class")
    assert (file.config or {}).get("class_name") == top
    assert (file.config is None) == ("weights only" in entry["format"])
