"""SM110: what a consumer lacks of a model, as findings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.attribute_values import FLOAT, shape
from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.saved_model.reader import CONTRACT_FILE, read_saved_model
from tfx_savedmodel.validation.check import Skip
from tfx_savedmodel.validation.checks.consumer_ops import ConsumerOps
from tfx_savedmodel.validation.result import CheckVerdict, Report, Verdict

pytestmark = pytest.mark.unit


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model with the famous attribute, and an op of 2.10 in a function."""
    nodes = [
        node("x", "Placeholder", dtype=FLOAT),
        node("v", "VarHandleOp", dtype=FLOAT, shape=shape(2), debug_name="v"),
        node("y", "f", "x", "^v"),
    ]
    functions = {"f": {"arguments": ["a"], "nodes": [node("n", "DisableCopyOnRead", "a")]}}
    signature = {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("y:0")}}
    return save(tmp_path / "model", nodes, signatures={"serving_default": signature}, functions=functions)


def findings(model: Path, target: str | None) -> list[Any]:
    return list(ConsumerOps(target=target).check(read_saved_model(model)))


def test_findings_name_op_node_function_and_signature(model: Path) -> None:
    attribute, op = findings(model, "tf-2.4")
    reached = ["signature 'serving_default'"]
    assert attribute.where == {"op": "VarHandleOp", "node": "v", "attribute": "debug_name", "reached_by": reached}
    assert op.where == {"op": "DisableCopyOnRead", "node": "n", "function": "f", "reached_by": reached}
    assert op.message == "in tf-2.4 there is no op DisableCopyOnRead"
    assert "tf-2.10 or newer would do" in op.wanted
    assert [item.where["op"] for item in findings(model, "tf-2.7")] == ["DisableCopyOnRead"]
    assert findings(model, "tf-2.10") == []


def test_one_cause_is_one_finding_with_its_count_and_first_nodes(tmp_path: Path) -> None:
    variables = [node(f"v{n}", "VarHandleOp", dtype=FLOAT, shape=shape(2), debug_name=f"v{n}") for n in range(7)]
    same = [node(f"d{n}", "DisableCopyOnRead", f"v{n}") for n in range(2)]
    functions = {"f": {"arguments": ["a"], "nodes": [node("n", "DisableCopyOnRead", "a")]}}
    nodes = [*variables, *same, node("z", "f", "v0")]
    signatures = {
        key: {"inputs": {}, "outputs": {"y": tensor(f"{name}:0")}} for key, name in (("one", "d0"), ("two", "z"))
    }
    model = save(tmp_path / "model", nodes, signatures=signatures, functions=functions)
    *named, run, dead = findings(model, "tf-2.7")
    assert named == []  # from 2.5 on the name is ignored
    assert run.where == {"op": "DisableCopyOnRead", "reached_by": ["signature 'one'", "signature 'two'"]}
    assert run.found == (
        "DisableCopyOnRead in 2 nodes: 'd0', 'n' of function 'f', reached by signature 'one', signature 'two'"
    )
    assert dead.where == {"op": "DisableCopyOnRead", "node": "d1", "reached_by": ["whoever imports the graph"]}
    named, unused, *again = findings(model, "tf-2.4")
    assert named.where["attribute"] == unused.where["attribute"] == "debug_name"  # each is another one
    assert "node" not in unused.where
    assert unused.found.startswith("VarHandleOp in 6 nodes: 'v1', 'v2', 'v3', 'v4', 'v5', …, reached by whoever")
    assert [item.found for item in again] == [run.found, dead.found]


@pytest.mark.parametrize("place", [{"node": "d0"}, {"node": "d0", "op": "DisableCopyOnRead"}, {"function": "f"}])
def test_a_waiver_of_one_node_covers_no_other(tmp_path: Path, place: dict[str, Any]) -> None:
    def judged(count: int) -> Report:
        in_function = "function" in place
        names = [f"d{n}" for n in range(count)]
        copies = [node(name, "DisableCopyOnRead", "a" if in_function else "v") for name in names]
        held = [node("d0", "f", "v")] if in_function else copies
        outputs = {item["name"]: tensor(f"{item['name']}:0") for item in held}
        model = save(
            tmp_path / f"{count}",
            [node("v", "VarHandleOp", dtype=FLOAT, shape=shape(2)), *held],
            signatures={"serving_default": {"inputs": {}, "outputs": outputs}},
            functions={"f": {"arguments": ["a"], "nodes": copies}} if in_function else {},
        )
        waiver = {"code": "SM110", "where": place, "reason": "our server has it"}
        return validated(model, target="tf-2.7", policy={"waive": [waiver]}, select=["SM110"])

    assert (judged(1).verdict, judged(1).notes) == (Verdict.BLESSED, ())
    report = judged(2)
    assert report.verdict is Verdict.NOT_BLESSED
    assert any("SM110" in note for note in report.notes)


def test_without_a_consumer_there_is_nothing_to_judge(model: Path) -> None:
    with pytest.raises(Skip, match="no consumer is named"):
        findings(model, None)


@pytest.mark.parametrize("plan", [{"target": "tf-2.7"}, {"target": "tf-9.9"}, {"target": 3}, {}, [], None])
def test_the_target_of_the_export_is_the_consumer_unless_another_is_named(model: Path, plan: Any) -> None:
    contract = model / CONTRACT_FILE
    contract.parent.mkdir()
    contract.write_text(json.dumps({"plan": plan}), encoding="utf-8")
    assert findings(model, "tf-2.10") == []
    if plan == {"target": "tf-2.7"}:
        assert len(findings(model, None)) == 1
    else:
        with pytest.raises(Skip):
            findings(model, None)


def validated(model: Path, **arguments: Any) -> Report:
    return validate(model, ignore=["SM2", "SM101"], **arguments)


def test_validate_requires_the_check_where_a_target_is_given(model: Path) -> None:
    (result,) = (check for check in validated(model).checks if check.code == "SM110")
    assert result.verdict is CheckVerdict.SKIP
    report = validated(model, target="tf-2.7")
    (result,) = (check for check in report.checks if check.code == "SM110")
    assert (result.verdict, report.verdict) == (CheckVerdict.FAIL, Verdict.NOT_BLESSED)
    assert validated(model, target="tf-2.10").verdict is Verdict.BLESSED
    with pytest.raises(UsageError, match="no such consumer"):
        validated(model, target="tf-2")
