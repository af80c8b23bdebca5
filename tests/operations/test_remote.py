"""Operations on remote paths: what they read, what they write, and how they name it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.saved_model.graphs import node, save, tensor
from tests.saved_model.storages import RecordedFileSystem, empty_storage, put
from tfx_savedmodel.errors import DestinationError, UnreadableModelError, UsageError
from tfx_savedmodel.operations.diff import diff
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.operations.present import render_json
from tfx_savedmodel.operations.reports import write_reports
from tfx_savedmodel.operations.validate import CheckVerdict, Verdict, validate

pytestmark = pytest.mark.unit

MODEL = "recorded://bucket/model"
SIGNATURES = {"serving_default": {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("y:0")}}}


@pytest.fixture(autouse=True)
def storage() -> Iterator[type[RecordedFileSystem]]:
    yield empty_storage()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    nodes = [node("x", "Placeholder", dtype=1), node("y", "Identity", "x", T=1)]
    return save(tmp_path / "model", nodes, signatures=SIGNATURES, assets={"words": "words.txt"})


def test_inspect_and_diff_take_remote_models_and_contracts(model: Path, storage: type[RecordedFileSystem]) -> None:
    put(model, "memory://bucket/artifact/Format-Serving")
    facts, local = inspect("memory://bucket/artifact"), inspect(model)
    assert facts["uri"] == "memory://bucket/artifact/Format-Serving"
    assert {**facts, "uri": ""} == {**local, "uri": ""}
    storage().pipe_file("/bucket/contract.json", render_json(facts).encode())
    found = diff("recorded://bucket/contract.json", "memory://bucket/artifact")
    assert (found.old, found.new) == ("recorded://bucket/contract.json", "memory://bucket/artifact")
    assert not any(item.changes for item in found.meta_graphs)


def test_diff_names_the_contract_that_cannot_be_read(model: Path, storage: type[RecordedFileSystem]) -> None:
    storage().pipe_file("/bucket/contract.json", b"{}")
    with pytest.raises(UnreadableModelError, match="no contract") as caught:
        diff("recorded://bucket/contract.json", model)
    assert caught.value.where.startswith("recorded://bucket/contract.json: ")


def test_a_remote_model_is_validated_under_its_own_name(model: Path, storage: type[RecordedFileSystem]) -> None:
    (model / "variables").mkdir()
    (model / "variables" / "variables.data-00000-of-00001").write_bytes(b"weights")
    put(model, MODEL)
    report = validate(MODEL, select=["SM101", "SM102", "SM103"])
    assert report.model["uri"] == MODEL
    assert report.checks[0].verdict is CheckVerdict.FAIL  # weights without an index
    assert report.model["sizes"]["variables"] == len(b"weights")
    assert "/tmp" not in json.dumps(report.to_json())
    assert not [path for what, path in storage.log if what == "get" and "data-0" in path]
    assert validate(MODEL, select=["SM102", "SM103"]).verdict is Verdict.BLESSED


def test_a_remote_model_that_is_none_is_named_as_it_was_given(storage: type[RecordedFileSystem]) -> None:
    with pytest.raises(UnreadableModelError) as caught:
        validate("recorded://bucket/nowhere", select=["SM1"])
    assert caught.value.where == "recorded://bucket/nowhere"
    with pytest.raises(UsageError, match="nothing here reads") as refused:
        inspect("nonsense://bucket/model")
    assert refused.value.where == "nonsense://bucket/model"


def test_a_report_is_written_beside_what_is_there(model: Path, storage: type[RecordedFileSystem]) -> None:
    storage().pipe_file("/bucket/report/notes.txt", b"")
    report = validate(model, select=["SM103"])
    written = write_reports(report, "recorded://bucket/report/")
    assert (written.json, written.html) == (
        "recorded://bucket/report/report.json",
        "recorded://bucket/report/report.html",
    )
    assert sorted(storage.store) == [f"/bucket/report/{name}" for name in ("notes.txt", "report.html", "report.json")]
    storage.fails_on = "report.json"
    with pytest.raises(DestinationError) as caught:
        write_reports(report, "recorded://bucket/report")
    assert caught.value.where == "recorded://bucket/report"
