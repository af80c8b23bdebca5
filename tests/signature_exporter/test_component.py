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


def test_the_graph_that_a_plan_names_goes_in_by_content(tmp_path: Path) -> None:
    graph = tmp_path / "graph.meta"
    plan = {"source": {"graph": str(graph)}, "signatures": SIGNATURES}
    absent = exporter(signatures=plan).spec.exec_properties
    digests = [absent.get("source_graph_sha256")]
    for content in (b"one", b"other"):
        graph.write_bytes(content)
        digests.append(exporter(signatures=plan).spec.exec_properties["source_graph_sha256"])
    assert digests[0] is None and len(set(digests)) == 3
    assert exporter(signatures=SIGNATURES).spec.exec_properties.get("source_graph_sha256") is None


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
        {"signatures": {"signatures": SIGNATURES, "warmup": {}}, "warmup": {"requests": 2}},
        {"signatures": SIGNATURES, "warmup": {}},
        {"signatures": {"a": {"kind": "module", "function": "make"}}},
    ],
    ids=["no plan", "two plans", "keep twice", "warmup twice", "warmup of nothing", "no module"],
)
def test_refuses_combinations_that_say_nothing_or_two_things(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        exporter(**arguments)


def test_plan_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        exporter(plan_file=tmp_path / "plan.json")
    assert "plan.json" in str(caught.value)


def test_explanation_and_warmup_join_the_plan() -> None:
    from tfx import types
    from tfx.types import standard_artifacts

    from tfx_savedmodel import Explanation, Warmup

    channel = types.Channel(type=standard_artifacts.Examples)
    whole = {"signatures": SIGNATURES, "explanation": {"output": "p"}, "warmup": {"requests": 3}}
    beside = exporter(
        signatures=SIGNATURES, explanation=Explanation(output="p"), warmup=Warmup(requests=3), examples=channel
    )
    assert plan_of(beside) == plan_of(exporter(signatures=whole, examples=channel))


def test_files_of_classes_go_in_by_content(tmp_path: Path) -> None:
    file = tmp_path / "species.txt"
    file.write_text("Adelie\nGentoo\n", encoding="utf-8")
    classify = {"kind": "classify", "of": "serving_default", "scores": "p", "classes": {"file": str(file)}}
    plan = plan_of(exporter(signatures={**SIGNATURES, "classify": classify}))
    assert plan["signatures"]["classify"]["classes"]["labels"] == ["Adelie", "Gentoo"]
    file.unlink()
    with pytest.raises(UsageError, match=r"species\.txt"):
        exporter(signatures={**SIGNATURES, "classify": classify})


def test_a_module_file_is_packaged_as_a_wheel(tmp_path: Path) -> None:
    from tfx_savedmodel.artifacts.user_module import user_module

    folder = tmp_path / "user"
    folder.mkdir()
    (folder / "functions.py").write_text("from sibling import WORD\n", encoding="utf-8")
    (folder / "sibling.py").write_text("WORD = 'there'\n", encoding="utf-8")
    made = exporter(signatures={"a": {"kind": "module", "function": "make"}}, module_file=str(folder / "functions.py"))
    (dependency,) = made._pip_dependencies
    dependency.resolve(str(tmp_path / "root"))
    properties = made.spec.exec_properties
    assert properties["module_file"] is None
    assert "@" in properties["module_path"]
    with user_module(properties) as file:
        assert file is not None
        assert {path.name for path in Path(file).parent.iterdir()} >= {"functions.py", "sibling.py"}


def test_a_target_joins_the_plan() -> None:
    assert plan_of(exporter(signatures=SIGNATURES, target="tf-2.7"))["target"] == "tf-2.7"
    with pytest.raises(UsageError, match="target is said twice"):
        exporter(signatures={"signatures": SIGNATURES, "target": "tf-2.4"}, target="tf-2.7")
    with pytest.raises(PlanError, match=r"did you mean 'tf-2\.7'"):
        exporter(signatures=SIGNATURES, target="2.7")
