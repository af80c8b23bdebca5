"""What `validate` is given beside the model: it has to be there, and what was given in vain is noted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.models import write_model
from tfx_savedmodel.errors import (
    ExamplesError,
    PlanError,
    SchemaError,
    TfxSavedModelError,
    TransformGraphError,
    UnreadableModelError,
    UsageError,
)
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.operations.validate import CheckVerdict, Policy, Verdict, validate
from tfx_savedmodel.validation.policy import Waiver

pytestmark = pytest.mark.unit


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("schema", "nope", SchemaError),
        ("transform_graph", "nope", TransformGraphError),
        ("reference", "nope", UnreadableModelError),
        ("baseline", "nope", UnreadableModelError),
        ("examples", "nope*", ExamplesError),
        ("plan", '{"signature": {}}', PlanError),
        ("target", "tf-2.99", UsageError),
    ],
)
def test_what_is_mistyped_is_refused_also_where_no_check_looks_at_it(
    model: Path, name: str, value: str, error: type[TfxSavedModelError]
) -> None:
    arguments: dict[str, Any] = {name: value}
    with pytest.raises(error):
        validate(model, select=["SM101"], **arguments)


def test_what_is_given_in_vain_is_noted(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    report = validate(
        model,
        select=["SM101"],
        examples=str(tmp_path / "file"),
        schema=tmp_path / "file",
        transform_graph=tmp_path,
        reference=model,
        target="tf-2.7",
    )
    assert report.verdict is Verdict.BLESSED
    names = [note.partition(" given")[0] for note in report.notes]
    assert names == ["examples", "schema", "transform graph", "reference", "target"]
    assert report.to_json()["notes"] == list(report.notes)
    assert validate(model, select=["SM101", "SM110"], target="tf-2.7").notes == ()


def test_a_waiver_that_matches_nothing_is_noted(model: Path) -> None:
    waivers = (
        Waiver("SM103", "used", {"signature": "predict"}),
        Waiver("SM103", "mended since", {"signature": "gone"}),
        Waiver("SM201", "not made here"),
    )
    policy = Policy(waive=waivers, parameters={"SM103": {"required": ["predict"]}})
    report = validate(model, policy=policy, select=["SM103"])
    assert report.verdict is Verdict.BLESSED
    assert [waived.reason for waived in report.checks[0].waived] == ["used"]
    assert [note for note in report.notes if "matched nothing" in note] == list(report.notes)
    assert len(report.notes) == 1
    assert "SM103 at signature 'gone'" in report.notes[0]


def test_names_that_no_signature_has_are_noted(model: Path) -> None:
    policy = Policy(features={"features": "a", "featurs": "b"}, outputs={"scores": "a", "score": "b"})
    notes = validate(model, policy=policy, select=["SM101"]).notes
    assert [note.split("names ")[1].split(",")[0] for note in notes] == ["'featurs'", "'score'"]


def told(model: Path, baseline: Any) -> tuple[str, list[str]]:
    """Return what SM106 is told of a baseline: its name, and the signatures that the model has lost."""
    (result,) = validate(model, baseline=baseline, select=["SM106"]).checks
    assert result.verdict in (CheckVerdict.PASS, CheckVerdict.FAIL)
    return result.measurements["baseline"], [finding.where["signature"] for finding in result.findings]


def test_a_baseline_is_a_model_a_contract_or_what_inspect_returns(model: Path, tmp_path: Path) -> None:
    before = write_model(tmp_path / "before", signature="predict")
    contract = tmp_path / "contract.json"
    contract.write_text(json.dumps(inspect(before)), encoding="utf-8")
    names = {str(before): before, str(contract): contract, "the contract given": inspect(before)}
    for name, baseline in names.items():
        assert told(model, baseline) == (name, ["predict"])
    assert told(model, model) == (str(model), [])


def test_a_baseline_has_to_be_answered(model: Path, tmp_path: Path) -> None:
    before = write_model(tmp_path / "before", signature="predict")
    assert validate(model, baseline=before, select=["SM1"]).verdict is Verdict.NOT_BLESSED
    assert validate(model, baseline=model, select=["SM1"]).verdict is Verdict.BLESSED
    assert validate(model, baseline=model, select=["SM101"]).notes == (
        "baseline given, and no selected check looks at it",
    )
    (tmp_path / "model" / "saved_model.pbtxt").write_text("no graph")
    report = validate(model, baseline=before, select=["SM106"])
    assert (report.verdict, report.undecided_by) == (Verdict.UNDECIDED, ("SM106",))


def test_of_several_meta_graphs_that_with_the_models_tags_is_the_baseline(model: Path) -> None:
    contract = inspect(model)
    (only,) = contract["meta_graphs"]
    other = {**only, "tags": ["train"], "signatures": {"trained": only["signatures"]["serving_default"]}}
    assert told(model, {**contract, "meta_graphs": [other, only]})[1] == []
    # One alone counts whatever its tags: a contract of a model with others is still what clients use.
    assert told(model, {**contract, "meta_graphs": [other]})[1] == ["trained"]
    neither = {**contract, "meta_graphs": [other, {**other, "tags": ["eval"]}]}
    with pytest.raises(UsageError, match="no MetaGraph with the model's tags"):
        validate(model, baseline=neither, select=["SM106"])


@pytest.mark.parametrize(
    "baseline", [{}, {"schema_version": 1}, {"schema_version": 1, "fault": "no graph"}], ids=["none", "half", "bad"]
)
def test_a_contract_that_is_none_is_refused(model: Path, baseline: dict[str, Any]) -> None:
    with pytest.raises(UnreadableModelError):
        validate(model, baseline=baseline, select=["SM101"])
