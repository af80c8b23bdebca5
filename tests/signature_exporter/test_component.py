"""What SignatureExporter accepts and refuses when a pipeline is defined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import PlanError, UsageError

pytestmark = pytest.mark.tfx

SIGNATURES = {"serving_default": {"kind": "serve_examples"}, "xai_model": {"kind": "model"}}


def exporter(**arguments: Any) -> Any:
    from tfx import types
    from tfx.types import standard_artifacts

    from tfx_savedmodel import SignatureExporter

    return SignatureExporter(model=types.Channel(type=standard_artifacts.Model), **arguments)


def plan_of(component: Any) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads(component.spec.exec_properties["plan"])
    return plan


def test_every_form_of_a_plan_gives_the_same_execution_property(tmp_path: Path) -> None:
    from tfx_savedmodel import Model, Plan, ServeExamples

    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"version": 1, "signatures": SIGNATURES}))
    parts = {"xai_model": Model(), "serving_default": ServeExamples()}
    wanted = plan_of(exporter(signatures=SIGNATURES))
    assert list(wanted["signatures"]) == ["serving_default", "xai_model"]
    for arguments in ({"signatures": parts}, {"signatures": Plan(signatures=parts)}, {"plan_file": str(file)}):
        assert plan_of(exporter(**arguments)) == wanted


def test_plan_file_goes_in_by_content(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"signatures": SIGNATURES}))
    before = exporter(plan_file=file).spec.exec_properties
    file.write_text(json.dumps({"signatures": {"serving_default": {"kind": "model"}}}))
    assert exporter(plan_file=file).spec.exec_properties != before


def test_our_version_is_part_of_the_cache_key() -> None:
    from tfx_savedmodel import __version__

    assert exporter(signatures=SIGNATURES).spec.exec_properties["tfx_savedmodel_version"] == __version__


def test_keep_and_drop_join_the_plan() -> None:
    assert plan_of(exporter(keep="all", drop=["classify"])) | {"keep": "all", "drop": ["classify"]} == plan_of(
        exporter(signatures={"signatures": {}, "keep": "all", "drop": ["classify"]})
    )
    assert plan_of(exporter(signatures=SIGNATURES, keep=["score"]))["keep"] == ["score"]


def test_every_mistake_of_a_plan_is_named_at_construction() -> None:
    mistaken = {"a": {"kind": "serve_example"}, "b": {"kind": "alias"}, "c": {"kind": "model", "output": {}}}
    with pytest.raises(PlanError) as caught:
        exporter(signatures=mistaken)
    assert len(caught.value.problems) == 3
    assert all(any(f"signatures.{key}" in problem.where for problem in caught.value.problems) for key in mistaken)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"signatures": SIGNATURES, "plan_file": "plan.json"},
        {"signatures": {"signatures": {}, "keep": "all"}, "keep": ["a"]},
    ],
    ids=["no plan", "two plans", "keep twice"],
)
def test_refuses_combinations_that_say_nothing_or_two_things(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        exporter(**arguments)


def test_plan_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        exporter(plan_file=tmp_path / "plan.json")
    assert "plan.json" in str(caught.value)
