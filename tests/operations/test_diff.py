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
from tfx_savedmodel.saved_model import protos
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
        (changed("input", {"x": {**SPEC, "kind": "dense"}}), []),
        (changed("input", {"x": {**SPEC, "kind": "sparse"}}), [("changed", True)]),
        (changed("output", {"y": {**SPEC, "kind": "composite"}}), [("changed", True)]),
        (changed("output", {"y": {**SPEC, "kind": "sparse", "shape": None}}), [("changed", True)]),
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


def sparse(directory: Path, side: str, kind: str) -> Path:
    """Return a model as `model` makes it, of which one tensor is of another kind."""
    model(directory, "a")
    proto = protos.saved_model_pb2().SavedModel.FromString((directory / "saved_model.pb").read_bytes())
    info = next(iter(getattr(proto.meta_graphs[0].signature_def["a"], side).values()))
    getattr(info, kind).SetInParent()
    (directory / "saved_model.pb").write_bytes(proto.SerializeToString())
    return directory


@pytest.mark.parametrize(("encoding", "kind"), [("coo_sparse", "sparse"), ("composite_tensor", "composite")])
@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_another_kind_of_tensor_breaks_in_models_and_in_contracts(
    side: str, encoding: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dense, other = model(tmp_path / "dense", "a"), sparse(tmp_path / "other", side, encoding)
    saved = {name: tmp_path / f"{name}.json" for name in ("dense", "other")}
    for name, path in saved.items():
        path.write_text(json.dumps(inspect(tmp_path / name)), encoding="utf-8")
    assert '"kind"' not in saved["dense"].read_text(encoding="utf-8")
    for old, new in ((dense, other), (saved["dense"], saved["other"]), (saved["dense"], other)):
        for first, second, texts in ((old, new, ("dense", kind)), (new, old, (kind, "dense"))):
            (change,) = diff(first, second).meta_graphs[0].changes
            assert (change.kind, change.breaking, change.what) == ("changed", True, "kind of tensor")
            assert (change.old, change.new) == tuple(f"{text} float32 [?]" for text in texts)
    assert not diff(other, saved["other"]).breaking
    assert run(["diff", str(dense), str(other), "--format", "markdown"]) == 1
    name = {"inputs": "input x", "outputs": "output a\\|b'"}[side]
    row = (
        f"| ❌ breaks | changed | `signature a, {name}: kind of tensor` | `dense float32 [?]` | `{kind} float32 [?]` |"
    )
    assert row in capsys.readouterr().out
    assert run(["diff", str(dense), str(other)]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert f"kind of tensor dense float32 [?] → {kind} float32 [?]" in shown


def test_a_sparse_tensor_that_comes_or_goes_is_called_so() -> None:
    (_, added) = changes(OLD, changed("input", {"z": {**SPEC, "kind": "sparse"}}))
    assert (added.kind, added.new) == ("added", "sparse float32 [?, 4]")


def test_a_contract_of_a_model_that_could_not_be_read_is_no_side_of_a_diff(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "saved_model.pb").touch()
    contract = tmp_path / "c.json"
    contract.write_text(json.dumps(inspect(tmp_path / "m")), encoding="utf-8")
    for path in (contract, tmp_path / "m"):
        with pytest.raises(UnreadableModelError, match=r"the (old|new) model cannot be read") as caught:
            diff(path, path)
        error = caught.value
        assert (error.where, error.found) == (str(path), "saved_model.pb is empty")
        assert error.wanted
        assert error.next_step


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"signatures": []}, "signatures"),
        ({"signatures": {"s": {**OLD["s"], "inputs": {"x": {}}}}}, "signatures['s'].inputs['x'].dtype"),
    ],
)
def test_a_malformed_contract_is_unreadable_input_on_either_side(
    change: dict[str, Any], place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    for path, meta_graph in ((good, {"signatures": OLD}), (bad, change)):
        document = {"schema_version": 1, "meta_graphs": [{"tags": ["serve"], **meta_graph}]}
        path.write_text(json.dumps(document), encoding="utf-8")
    assert run(["diff", str(good), str(good)]) == 0
    capsys.readouterr()
    for sides in ((good, bad), (bad, good)):
        assert run(["diff", *map(str, sides)]) == 4
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "this contract is malformed" in captured.err
        assert f"where: {bad}: meta_graphs[0].{place}\n" in captured.err
        assert all(f"\n  {part}: " in captured.err for part in ("found", "wanted", "next"))


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = str(model(tmp_path / "old", "a")), str(model(tmp_path / "new", "a", "b"))
    assert run(["diff", old, new]) == 0
    assert "Not breaking: 1 change" in capsys.readouterr().out
    assert run(["diff", new, old, "--format", "markdown"]) == 1
    assert capsys.readouterr().out == (
        "**Breaking: 1 change**\n\n| | change | where | old | new |\n|---|---|---|---|---|\n"
        "| ❌ breaks | removed | `signature b` |  |  |\n"
    )
    other = str(model(tmp_path / "other", "b", "c"))
    assert run(["diff", old, other]) == 1
    assert "Breaking: 1 of 3 changes" in capsys.readouterr().out
    assert run(["diff", old, new, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["meta_graphs"][0]["changes"][0]["where"] == {"signature": "b"}
    assert run(["diff", old, str(tmp_path / "absent")]) == 4


def test_hostile_names_stay_in_their_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = model(tmp_path / "old", "a")
    signature = {"inputs": {"x": tensor("x:0")}, "outputs": {}}
    new = save(tmp_path / "new", [node("x", "Placeholder", dtype=1)], signatures={"a": signature})
    run(["diff", str(old), str(new), "--format", "markdown"])
    assert "`signature a, output a\\|b'`" in capsys.readouterr().out
