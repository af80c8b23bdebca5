"""Every mistake at once: of the plan's form, against the model, and in what is given beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.errors import DestinationError, PlanError, UsageError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.inspect import inspect

pytestmark = pytest.mark.unit


@pytest.fixture
def model(tmp_path: Path) -> Path:
    nodes = [node("x", "Placeholder", dtype=1), node("y", "Identity", "x", T=1)]
    signature = {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("y:0")}}
    return save(tmp_path / "model", nodes, signatures={"serving_default": signature})


def places(model: Any, out: Path, plan: Any, **given: Any) -> list[str]:
    with pytest.raises(PlanError) as caught:
        export(model, out, plan=plan, **given)
    assert not out.exists()
    return sorted(problem.where for problem in caught.value.problems)


def test_form_and_model(model: Path, tmp_path: Path) -> None:
    plan = {
        "keep": ["nope"],
        "signatures": {
            "a": {"kind": "modle"},
            "b": {"kind": "alias", "of": "serving_default", "outputs": {"p": "probz"}},
            "c": {"kind": "alias", "of": "nothing"},
        },
    }
    found = places(model, tmp_path / "out", plan)
    assert found == ["keep", "signatures.a", "signatures.b.outputs.p", "signatures.c.of"]


def test_a_kept_key_hides_nothing(model: Path, tmp_path: Path) -> None:
    alias = {"kind": "alias", "of": "serving_default", "outputs": {"p": "probz"}}
    found = places(model, tmp_path / "out", {"keep": "all", "signatures": {"serving_default": alias}})
    assert found == ["signatures.serving_default", "signatures.serving_default.outputs.p"]


def test_form_and_what_is_given(model: Path, tmp_path: Path) -> None:
    plan = {"warmup": {}, "signatures": {"a": {"kind": "modle"}, "b": {"kind": "alias", "of": "nope"}}}
    given = {"transform_graph": tmp_path / "no transform", "schema": tmp_path / "no schema.pbtxt"}
    found = places(tmp_path / "no model", tmp_path / "out", plan, **given)
    assert "signatures.a" in found
    assert len(found) == 5  # the model, the Transform graph, the schema, the examples


def test_a_missing_resource_hides_no_mistake_against_the_model(model: Path, tmp_path: Path) -> None:
    plan = {
        "keep": ["nope"],
        "nonsense": 1,
        "warmup": {"requests": 3},
        "signatures": {
            "served": {"kind": "serve_examples"},
            "made": {"kind": "module", "function": "make"},
            "typo": {"kind": "model", "inpts": {}},
            "alias": {"kind": "alias", "of": "serving_default", "outputs": {"q": "nosuch"}},
        },
    }
    given = {name: str(tmp_path / f"no {name}") for name in ("schema", "module_file", "examples", "statistics")}
    found = places(model, tmp_path / "out", plan, **given)
    assert {"keep", "nonsense", "signatures.typo.inpts", "signatures.alias.outputs.q"} <= set(found)
    assert len(found) == 4 + len(given)
    for name, path in given.items():
        alone = {"keep": ["nope"], "signatures": {"a": {"kind": "alias", "of": "serving_default"}}}
        assert len(places(model, tmp_path / "out", alone, **{name: path})) == 2


def test_a_missing_schema_does_not_hide_that_the_model_is_unsafe(tmp_path: Path) -> None:
    nodes = [node("x", "Placeholder", dtype=7), node("y", "ReadFile", "x")]
    signature = {"inputs": {"x": tensor("x:0", "string")}, "outputs": {"y": tensor("y:0", "string")}}
    model = save(tmp_path / "model", nodes, signatures={"serving_default": signature})
    plan = {"signatures": {"a": {"kind": "model"}}}
    with pytest.raises(PlanError) as caught:
        export(model, tmp_path / "out", plan=plan, schema=tmp_path / "no schema")
    assert "SM120" in str(caught.value) and "no schema here" in str(caught.value)


def test_a_malformed_source_is_not_judged_by_another(model: Path, tmp_path: Path) -> None:
    plan = {"source": {"tags": 7}, "keep": ["nope"], "signatures": {"a": {"kind": "alias", "of": "nowhere"}}}
    assert places(model, tmp_path / "out", plan, schema=tmp_path / "no schema") == [
        str(tmp_path / "no schema"),
        "source.tags",
    ]


def test_form_and_tags(model: Path, tmp_path: Path) -> None:
    plan = {"source": {"tags": ["train"]}, "signatures": {"a": {"kind": "modle"}}}
    assert len(places(model, tmp_path / "out", plan)) == 2


def test_one_fault_alone_is_told_as_it_is(model: Path, tmp_path: Path) -> None:
    plan = {"warmup": {}, "signatures": {"a": {"kind": "alias", "of": "serving_default"}}}
    with pytest.raises(UsageError, match="no examples"):
        export(model, tmp_path / "out", plan=plan)


def test_a_destination_inside_the_model(model: Path) -> None:
    before = sorted(model.rglob("*"))
    with pytest.raises(DestinationError, match="inside the model"):
        export(model, model / "sub", plan={"keep": "all"})
    assert sorted(model.rglob("*")) == before


def test_the_model_itself_may_be_replaced(model: Path) -> None:
    export(model, model, plan={"again": {"kind": "alias", "of": "serving_default"}}, overwrite=True)
    assert list(inspect(model)["meta_graphs"][0]["signatures"]) == ["again"]


def test_the_plans_file_is_named(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text('{"signatures": {"a": {"kind": "alias", "of": "nope"}}}')
    with pytest.raises(PlanError) as caught:
        export(model, tmp_path / "out", plan=file)
    assert caught.value.where == str(file)
