"""`export` on the command line: plans from files and flags, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.models import write_model
from tests.saved_model.graphs import node, save, tensor
from tfx_savedmodel.cli.main import run
from tfx_savedmodel.operations.inspect import inspect

pytestmark = pytest.mark.unit


def keys(model: Path) -> list[str]:
    return sorted(inspect(model)["meta_graphs"][0]["signatures"])


def test_signatures_by_flags_and_by_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(write_model(tmp_path / "m"))
    flags = ["--signature", "predict=alias:serving_default", "--keep", "serving_default"]
    assert run(["export", model, str(tmp_path / "flags"), *flags]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'flags'}: predict, serving_default (builder rewrite)\n"
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"signatures": {"predict": {"kind": "alias", "of": "serving_default"}}}))
    assert run(["export", model, str(tmp_path / "file"), "--plan", str(plan), "--copy"]) == 0
    assert keys(tmp_path / "flags") == ["predict", "serving_default"]
    assert keys(tmp_path / "file") == ["predict"]


def test_keep_beside_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, plan = str(write_model(tmp_path / "m")), tmp_path / "plan.json"
    document = {"signatures": {"predict": {"kind": "alias", "of": "serving_default"}}}
    plan.write_text(json.dumps(document))
    assert run(["export", model, str(tmp_path / "out"), "--plan", str(plan), "--keep", "serving_default"]) == 0
    assert keys(tmp_path / "out") == ["predict", "serving_default"]
    plan.write_text(json.dumps({**document, "keep": "all"}))
    assert run(["export", model, str(tmp_path / "two"), "--plan", str(plan), "--keep", "all"]) == 4
    assert "says already what is kept" in capsys.readouterr().err


def test_a_destination_is_replaced_only_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, target = str(write_model(tmp_path / "m")), tmp_path / "out"
    assert run(["export", model, str(target), "--keep", "all"]) == 0
    assert run(["export", model, str(target), "--signature", "a=alias:serving_default"]) == 4
    assert "the destination exists" in capsys.readouterr().err
    assert keys(target) == ["serving_default"]
    assert run(["export", model, str(target), "--signature", "a=alias:serving_default", "--overwrite"]) == 0
    assert keys(target) == ["a"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no plan"),
        (["--signature", "a"], "not KEY=KIND"),
        (["--signature", "a=modl"], "no such kind"),
        (["--signature", "a=alias:nowhere"], "no such signature"),
        (["--plan", "absent.json"], "cannot be read"),
        (["--plan", "p", "--signature", "a=model"], "two plans"),
        (["--keep", "absent"], "the source has no such signature"),
    ],
)
def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    model = str(write_model(tmp_path / "m"))
    assert run(["export", model, str(tmp_path / "out"), *arguments]) == 4
    assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_target_that_is_met_and_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(write_model(tmp_path / "m"))
    assert run(["export", model, str(tmp_path / "out"), "--keep", "all", "--target", "tf-1.15"]) == 0
    contract = json.loads((tmp_path / "out" / "assets.extra" / "tfx_savedmodel.json").read_text(encoding="utf-8"))
    assert contract["plan"]["target"] == "tf-1.15"
    assert run(["export", model, str(tmp_path / "no"), "--keep", "all", "--target", "2.7"]) == 4
    assert "did you mean 'tf-2.7'?" in capsys.readouterr().err
    nodes = [node("x", "Placeholder", dtype=1), node("y", "NoSuchOp", "x")]
    signature = {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("y:0")}}
    unfit = str(save(tmp_path / "unfit", nodes, signatures={"serving_default": signature}))
    assert run(["export", unfit, str(tmp_path / "no"), "--keep", "all", "--target", "tf-2.7"]) == 4
    said = capsys.readouterr().err
    assert "there is no op NoSuchOp: node 'y', reached by signature 'serving_default'" in said
    assert not (tmp_path / "no").exists()
