"""Plans as JSON and as classes, and every mistake in one report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tfx_savedmodel.errors import PlanError
from tfx_savedmodel.signatures.contract import planned_signatures
from tfx_savedmodel.signatures.kinds import Alias, Model, Preprocess, ServeExamples
from tfx_savedmodel.signatures.plan import Plan, read_plan

pytestmark = pytest.mark.unit

PARTS = {
    "serving_default": ServeExamples(outputs={"probabilities": "dense_2"}),
    "xai_model": Model(),
    "xai_preprocess": Preprocess(),
    "predict_images": Alias(of="serving_default"),
}


def test_classes_and_json_are_one_plan(tmp_path: Path) -> None:
    plan = read_plan(PARTS)
    assert read_plan(plan.to_json()) == plan
    assert read_plan({"signatures": PARTS}) == plan
    assert read_plan(Plan(signatures=PARTS)) == plan
    file = tmp_path / "plan.json"
    file.write_text(plan.to_json(), encoding="utf-8")
    assert read_plan(file) == plan
    assert json.loads(plan.to_json())["signatures"]["xai_preprocess"]["receiver"] == "features"


def test_every_mistake_at_once() -> None:
    wrong = {
        "version": 1,
        "kep": [],
        "signatures": {"a": {"kind": "modl"}, "b": {"kind": "alias"}, "c": {"kind": "model", "input": {}}, "d": {}},
    }
    with pytest.raises(PlanError) as caught:
        read_plan(wrong)
    found = {problem.where: problem.message for problem in caught.value.problems}
    assert found == {
        "kep": "no such field",
        "signatures.a": "no such kind",
        "signatures.b.of": "a field is missing",
        "signatures.c.input": "no such field",
        "signatures.d": "no kind",
    }
    assert "serve_examples, serve_features, preprocess, model, alias" in str(caught.value)


@pytest.mark.parametrize("text", ["{", '{"signatures": []}', "no/such/file.json"])
def test_what_is_no_plan(text: str) -> None:
    with pytest.raises(PlanError):
        read_plan(text)


def test_what_a_plan_promises_without_its_model() -> None:
    expected = planned_signatures(read_plan({"signatures": PARTS, "keep": ["old"]}))
    assert expected["old"] == {}
    assert expected["serving_default"]["inputs"] == {"examples": {"dtype": "string"}}
    assert expected["serving_default"]["outputs"] == {"probabilities": {}}
    assert "method_name" not in expected["predict_images"]


@pytest.mark.parametrize(
    ("document", "found"),
    [({"version": 1, "checks": {"SM101": {"level": "error"}}}, "checks, version"), ({"a": 1}, "a")],
)
def test_another_document_is_one_mistake(document: dict[str, object], found: str) -> None:
    for form in (document, json.dumps(document)):
        with pytest.raises(PlanError) as caught:
            read_plan(form)
        problems = [(problem.message, problem.found, problem.wanted) for problem in caught.value.problems]
        assert problems == [("this is no plan", found, "`signatures`, or signatures by key")]


def test_a_plan_may_only_keep() -> None:
    plan = read_plan({"keep": "all", "drop": ["a"]})
    assert (plan.keep, plan.drop, plan.signatures) == ("all", ("a",), {})
    with pytest.raises(PlanError, match="this is no plan"):
        read_plan({"drop": ["a"]})
