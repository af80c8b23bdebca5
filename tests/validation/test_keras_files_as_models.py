"""A Keras file, or what is left of some other model, given where a SavedModel is wanted: judged, never an exception."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, save
from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.operations.validate import Report, validate
from tfx_savedmodel.report.summary import because
from tfx_savedmodel.saved_model.read_model import read_model
from tfx_savedmodel.validation.checks.structure import Structure
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Verdict

pytestmark = pytest.mark.unit

h5py = pytest.importorskip("h5py")

MODEL = {"class_name": "Sequential", "config": {"name": "s", "layers": []}}
NO_GRAPH = "a Keras file has no graph: export it first (tfx-savedmodel export)"


def keras_file(path: Path, weights: bool = True) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(MODEL))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.8.0"}))
        if weights:
            with h5py.File(path.with_suffix(".weights"), "w") as file:
                file.create_group("layers")
            archive.write(path.with_suffix(".weights"), "model.weights.h5")
            path.with_suffix(".weights").unlink()
    return path


def h5_file(path: Path, model: Any = MODEL, group: str = "model_weights") -> Path:
    with h5py.File(path, "w") as file:
        if model is not None:
            file.attrs["model_config"] = json.dumps(model)
        file.create_group(group)
    return path


def of(report: Report, code: str) -> CheckResult:
    return next(check for check in report.checks if check.code == code)


@pytest.mark.parametrize("make", [keras_file, h5_file])
def test_a_whole_file_passes_and_what_needs_a_graph_is_skipped(tmp_path: Path, make: Any) -> None:
    path = make(tmp_path / ("m.keras" if make is keras_file else "m.h5"))
    report = validate(path)
    verdicts = {check.code: check.verdict for check in report.checks}
    assert (verdicts.pop("SM101"), verdicts.pop("SM121")) == (CheckVerdict.PASS, CheckVerdict.PASS)
    assert set(verdicts.values()) == {CheckVerdict.SKIP}
    assert of(report, "SM201").reason == of(report, "SM103").reason == NO_GRAPH
    assert report.model["format"] == "keras"
    assert because(report).startswith("It is a Keras file, which has no graph, so SM201 native-load, ")
    # It may be loaded without harm, but nobody has seen it run.
    assert validate(path, policy="untrusted").verdict is Verdict.BLESSED
    assert {validate(path, policy=policy).verdict for policy in ("default", "serving", "strict")} == {Verdict.UNDECIDED}
    assert of(report, "SM101").measurements["form"] in ("a .keras file", "an H5 model")


def test_a_check_that_is_required_leaves_the_verdict_open(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "m.keras")
    assert validate(path, select=["SM101", "SM201"]).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("folder", ["", "Format-Serving"])
def test_in_an_artifacts_directory(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    keras_file(tmp_path / folder / "model.keras")
    assert of(validate(tmp_path, select=["SM1"]), "SM101").verdict is CheckVerdict.PASS
    h5_file(tmp_path / folder / "model.h5")
    with pytest.raises(UnreadableModelError, match="more than one Keras file"):
        validate(tmp_path, select=["SM1"])


def test_a_saved_model_beside_it_counts(tmp_path: Path) -> None:
    keras_file(tmp_path / "model.keras")
    save(tmp_path / "Format-Serving", [node("y", "NoOp")])
    assert validate(tmp_path, select=["SM1"]).model["format"] == "pb"


def lfs_pointer(path: Path) -> Path:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", encoding="utf-8")
    return path


def doubled(path: Path) -> Path:
    keras_file(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of what is meant here
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("config.json", json.dumps(MODEL))
    return path


def climbing(path: Path) -> Path:
    keras_file(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("assets/../../x", b"")
    return path


def cut(path: Path) -> Path:
    keras_file(path)
    path.write_bytes(path.read_bytes()[:-40])
    return path


def linked(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(MODEL)
        file.create_group("model_weights")["kernel"] = h5py.ExternalLink("/etc/hostname", "/x")
    return path


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("m.keras", lfs_pointer, "Git LFS"),
        ("m.h5", lfs_pointer, "Git LFS"),
        ("m.keras", doubled, "twice"),
        ("m.keras", climbing, "names leave it"),
        ("m.keras", cut, "cannot be read"),
        ("m.h5", linked, "other files"),
        ("m.h5", lambda path: h5_file(path, None, "layers"), "weights and no model"),
        ("m.keras", lambda path: keras_file(path, weights=False), "a model and no weights"),
        ("m.h5", lambda path: h5_file(path, group="other"), "a model and no weights"),
        ("m.keras", h5_file, "the bytes are HDF5"),
        ("m.h5", keras_file, "the bytes are a .keras archive"),
        ("m.h5", lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"x" * 500) and path, "cannot be read"),
        ("m.keras", lambda path: (path.write_bytes(b"") and path) or path, "not a Keras file"),
    ],
)
def test_damaged_files_are_findings(tmp_path: Path, name: str, make: Any, said: str) -> None:
    report = validate(make(tmp_path / name))
    assert report.verdict is Verdict.NOT_BLESSED
    assert said in " ".join(finding.message for finding in of(report, "SM101").findings)


def test_a_members_checksum_is_verified_on_request(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "m.keras")
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("metadata.json")
    data = bytearray(path.read_bytes())
    data[member.header_offset + 30 + len(member.filename) + 2] ^= 1
    # The member that is not read otherwise: a model's assets.
    path.write_bytes(bytes(data).replace(b"metadata.json", b"metadatb.json"))
    assert list(Structure().check(read_model(path))) == []
    (finding,) = Structure(checksums=True).check(read_model(path))
    assert finding.where["member"] == "metadatb.json"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("export.meta", "SessionBundle"),
        ("variables/variables.index", "whose graph is missing"),
        ("keras_metadata.pb", "whose graph is missing"),
        ("model.tflite", "TensorFlow Lite"),
        ("model.onnx", "ONNX"),
        ("frozen.pb", "a graph file"),
        ("model.ckpt.index", "a checkpoint"),
    ],
)
def test_what_a_directory_is_instead_is_a_finding(tmp_path: Path, file: str, said: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_bytes(b"x")
    report = validate(tmp_path)
    assert report.verdict is Verdict.NOT_BLESSED
    assert said in of(report, "SM101").findings[0].message


@pytest.mark.parametrize("file", ["notes.txt", ""])
def test_without_any_sign_of_a_model_it_is_the_callers_mistake(tmp_path: Path, file: str) -> None:
    if file:
        (tmp_path / file).write_text("x", encoding="utf-8")
    with pytest.raises(UnreadableModelError, match="no SavedModel here"):
        validate(tmp_path)
    with pytest.raises(UnreadableModelError, match="no such path"):
        validate(tmp_path / "absent")
