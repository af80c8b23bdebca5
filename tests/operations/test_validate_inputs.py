"""What `validate` is given beside the model: it has to be there, and what was given in vain is noted."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

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
from tfx_savedmodel.operations import selection
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.operations.validate import CheckVerdict, Policy, Verdict, validate
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.policy import Waiver
from tfx_savedmodel.validation.registry import CHECKS
from tfx_savedmodel.validation.result import Finding

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


@dataclasses.dataclass(frozen=True)
class Told(GraphCheck):
    """Says what it was told of the baseline, in place of SM106."""

    code: ClassVar[str] = "SM106"
    name: ClassVar[str] = "breaking-change"
    baseline: Mapping[str, Any] | None = None
    baseline_name: str = ""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        yield Finding(self.baseline_name, {"baseline": self.baseline})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue whose SM106 repeats what it is given."""
    monkeypatch.setattr(selection, "CHECKS", (*(check for check in CHECKS if check.code != "SM106"), Told))


@pytest.mark.usefixtures("told")
def test_a_baseline_is_a_model_a_contract_or_what_inspect_returns(model: Path, tmp_path: Path) -> None:
    contract = tmp_path / "contract.json"
    contract.write_text(json.dumps(inspect(model)), encoding="utf-8")
    signatures = inspect(model)["meta_graphs"][0]["signatures"]
    names = {str(model): model, str(contract): contract, "the contract given": inspect(model)}
    for name, baseline in names.items():
        (result,) = validate(model, baseline=baseline, select=["SM106"]).checks
        assert result.verdict is CheckVerdict.FAIL
        assert (result.findings[0].message, result.findings[0].where["baseline"]) == (name, signatures)


@pytest.mark.usefixtures("told")
def test_of_several_meta_graphs_that_with_the_models_tags_is_the_baseline(model: Path) -> None:
    contract = inspect(model)
    (only,) = contract["meta_graphs"]
    other = {**only, "tags": ["train"], "signatures": {}}
    several = {**contract, "meta_graphs": [other, only]}
    (result,) = validate(model, baseline=several, select=["SM106"]).checks
    assert result.findings[0].where["baseline"] == only["signatures"]
    # One alone counts whatever its tags: a contract of a model with others is still what clients use.
    (alone,) = validate(model, baseline={**contract, "meta_graphs": [other]}, select=["SM106"]).checks
    assert alone.findings[0].where["baseline"] == {}
    neither = {**contract, "meta_graphs": [other, {**other, "tags": ["eval"]}]}
    with pytest.raises(UsageError, match="no MetaGraph with the model's tags"):
        validate(model, baseline=neither, select=["SM106"])


@pytest.mark.parametrize(
    "baseline", [{}, {"schema_version": 1}, {"schema_version": 1, "fault": "no graph"}], ids=["none", "half", "bad"]
)
def test_a_contract_that_is_none_is_refused(model: Path, baseline: dict[str, Any]) -> None:
    with pytest.raises(UnreadableModelError):
        validate(model, baseline=baseline, select=["SM101"])
