"""What breaks a client and what does not, between models and saved contracts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.cli.main import run
from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.operations.diff import diff
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.saved_model.changes import changes

pytestmark = pytest.mark.unit

SPEC = {"dtype": "float32", "shape": [None, 4]}
OLD: dict[str, Any] = {"s": {"method_name": "m", "inputs": {"x": SPEC}, "outputs": {"y": SPEC}}}


def changed(side: str, tensors: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"s": {**OLD["s"], f"{side}s": tensors, **rest}}


@pytest.mark.parametrize(
    ("new", "wanted"),
    [
        (OLD, []),
        ({}, [("removed", True)]),
        ({**OLD, "t": OLD["s"]}, [("added", False)]),
        ({"renamed": OLD["s"]}, [("added", False), ("removed", True)]),
        (changed("input", {}), [("removed", True)]),
        (changed("input", {"x": SPEC, "z": SPEC}), [("added", True)]),
        (changed("output", {}), [("removed", True)]),
        (changed("output", {"y": SPEC, "z": SPEC}), [("added", False)]),
        (changed("output", {"y": {**SPEC, "dtype": "float64"}}), [("changed", True)]),
        (changed("input", {"x": SPEC}, method_name="other"), [("changed", True)]),
        (changed("input", {"x": {**SPEC, "shape": [None, None]}}), [("widened", False)]),
        (changed("input", {"x": {**SPEC, "shape": None}}), [("widened", False)]),
        (changed("input", {"x": {**SPEC, "shape": [8, 4]}}), [("narrowed", True)]),
        (changed("output", {"y": {**SPEC, "shape": [None, None]}}), [("widened", True)]),
        (changed("output", {"y": {**SPEC, "shape": [8, 4]}}), [("narrowed", False)]),
        (changed("input", {"x": {**SPEC, "shape": [None, 5]}}), [("changed", True)]),
        (changed("input", {"x": {**SPEC, "shape": [None, 4, 1]}}), [("changed", True)]),
        (changed("input", {"x": {**SPEC, "shape": [8, None]}}), [("changed", True)]),
    ],
)
def test_the_rules(new: dict[str, Any], wanted: list[tuple[str, bool]]) -> None:
    assert sorted((change.kind, change.breaking) for change in changes(OLD, new)) == wanted


def model(directory: Path, *keys: str) -> Path:
    signature = {"inputs": {"x": tensor("x:0")}, "outputs": {"a|b`": tensor("x:0")}}
    return save(directory, [node("x", "Placeholder", dtype=1)], signatures=dict.fromkeys(keys, signature))


def test_a_saved_contract_stands_for_the_old_model(tmp_path: Path) -> None:
    contract = tmp_path / "contract.json"
    contract.write_text(json.dumps(inspect(model(tmp_path / "old", "a", "b"))), encoding="utf-8")
    found = diff(contract, model(tmp_path / "new", "a", "c"))
    assert [(change.kind, change.where["signature"]) for change in found.meta_graphs[0].changes] == [
        ("removed", "b"),
        ("added", "c"),
    ]
    assert found.breaking
    assert not diff(contract, tmp_path / "old").breaking


def test_a_metagraph_that_is_gone_breaks(tmp_path: Path) -> None:
    old, new = model(tmp_path / "old", "a"), save(tmp_path / "new", tags=["train"])
    assert [(item.tags, item.state) for item in diff(old, new).meta_graphs] == [
        (("serve",), "removed"),
        (("train",), "added"),
    ]
    assert diff(old, new).breaking


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"meta_graphs": 3}'])
def test_what_is_no_contract(tmp_path: Path, content: str) -> None:
    (tmp_path / "c.json").write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableModelError, match="no contract"):
        diff(tmp_path / "c.json", tmp_path / "c.json")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = str(model(tmp_path / "old", "a")), str(model(tmp_path / "new", "a", "b"))
    assert run(["diff", old, new]) == 0
    assert "Not breaking: 1 change" in capsys.readouterr().out
    assert run(["diff", new, old, "--format", "markdown"]) == 1
    assert capsys.readouterr().out == (
        "**Breaking: 1 change**\n\n| | change | where | old | new |\n|---|---|---|---|---|\n"
        "| ❌ breaks | removed | `signature b` |  |  |\n"
    )
    assert run(["diff", old, new, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["meta_graphs"][0]["changes"][0]["where"] == {"signature": "b"}
    assert run(["diff", old, str(tmp_path / "absent")]) == 4


def test_hostile_names_stay_in_their_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = model(tmp_path / "old", "a")
    signature = {"inputs": {"x": tensor("x:0")}, "outputs": {}}
    new = save(tmp_path / "new", [node("x", "Placeholder", dtype=1)], signatures={"a": signature})
    run(["diff", str(old), str(new), "--format", "markdown"])
    assert "`signature a, output a\\|b'`" in capsys.readouterr().out
