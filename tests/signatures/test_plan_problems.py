"""Mistakes in a plan's form, in words that a plan's author can act on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import PlanError, Problem
from tfx_savedmodel.signatures.plan import read_plan

pytestmark = pytest.mark.unit


def problems(plan: Any) -> list[Problem]:
    with pytest.raises(PlanError) as caught:
        read_plan(plan)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("plan", "where", "next_step"),
    [
        ({"signatures": {}, "exclude_feature": ["x"]}, "exclude_feature", "did you mean 'exclude_features'?"),
        ({"signature": {"a": {"kind": "model"}}}, "signature", "did you mean 'signatures'?"),
        ({"a": {"kind": "serve_exmples"}}, "signatures.a", "did you mean 'serve_examples'?"),
        ({"a": {"kind": "model", "outpts": {}}}, "signatures.a.outpts", "did you mean 'outputs'?"),
        ({"signatures": {}, "source": {"tag": ["x"]}}, "source.tag", "did you mean 'tags'?"),
        ({"a": {"kind": "model", "zzz": 1}}, "signatures.a.zzz", "remove or correct it"),
        (
            {"a": {"kind": "function", "inputs": {"x": {"dtype": "int32", "shape": [], "shap": 1}}}},
            "signatures.a.inputs.x.shap",
            "did you mean 'shape'?",
        ),
        (
            {"a": {"kind": "classify", "of": "b", "scores": "s", "classes": {"vocabulari": "v", "file": "f"}}},
            "signatures.a.classes.vocabulari",
            "did you mean 'vocabulary'?",
        ),
    ],
)
def test_what_is_nearly_right_is_named(plan: Any, where: str, next_step: str) -> None:
    (found,) = [problem for problem in problems(plan) if problem.where == where]
    assert found.next_step == next_step


@pytest.mark.parametrize(
    ("plan", "where", "wanted"),
    [
        ({"signatures": {}, "tags": "serve"}, "tags", "a list"),
        ({"signatures": {}, "warmup": {"requests": "many"}}, "warmup.requests", "a whole number"),
        ({"signatures": {"a": 3}}, "signatures.a", "an object"),
        ({"signatures": {}, "version": 2}, "version", "1"),
        ({"a": {"kind": "alias", "of": 1}}, "signatures.a.of", "text"),
    ],
)
def test_a_value_of_another_type(plan: Any, where: str, wanted: str) -> None:
    (found,) = problems(plan)
    assert (found.where, found.wanted) == (where, wanted)
    assert "pydantic" not in str(found) and "Input should" not in str(found)


def test_a_dtype_is_a_matter_of_form() -> None:
    (found,) = problems({"a": {"kind": "function", "inputs": {"x": {"dtype": "flaot32", "shape": None}}}})
    assert found.where == "signatures.a.inputs.x.dtype"
    assert "no such dtype" in found.message and "float32" in found.message


def test_a_key_that_is_there_twice(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text('{"signatures": {"a": {"kind": "model"}, "a": {"kind": "alias", "of": "b"}}}')
    (found,) = problems(file)
    assert "the key 'a' is there twice" in found.message


def test_classes_without_labels() -> None:
    (found,) = problems({"a": {"kind": "classify", "of": "b", "scores": "s", "classes": {"labels": []}}})
    assert "at least one label" in found.message
