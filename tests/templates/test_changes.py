"""Each change that the README of a made repository describes, made as it says, and what it says then comes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.packaged import stack
from tests.templates.changes import edit, edit_required, read_rows, replace, taken_back, write_rows
from tests.templates.conftest import call, make, make_repository, uv
from tests.templates.repositories import pins

pytestmark = [pytest.mark.tfx, pytest.mark.full]

LAYER = """
class Cross(tf.keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=[shape[-1]], initializer="zeros")

    def call(self, inputs):
        return inputs + self.scale * inputs


def build_network("""
#: A package that no lock has, and that brings no other.
PACKAGE = "humanize"


def snippet(made: Path, name: str) -> dict[str, dict[str, object]]:
    """Return the JSON that the README shows of a change: members of an object."""
    text = (made / "README.md").read_text()
    found = re.search(rf"^\*\*{name}\.\*\*.*?```json\n(.*?)\n```", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    members: dict[str, dict[str, object]] = json.loads(f"{{{found[1]}}}")
    return members


def fill_in(made: Path) -> None:
    """Give data in which nothing is missing: SchemaGen then infers other shapes. One column more is nobody's input."""
    path, filling = made / "data" / "examples.csv", {"rooms": "2.0", "town": "Hull", "sold": "2010-01-15"}
    rows = read_rows(path)
    assert {name for row in rows for name, value in row.items() if not value} == set(filling)
    filled = [{name: value or filling[name] for name, value in row.items()} for row in rows]
    write_rows(path, [{**row, "extra": f"note {number}"} for number, row in enumerate(filled)])


def add_layer(made: Path) -> None:
    edit(made / "signatures.json", lambda plan: plan.update(snippet(made, "The network")))
    layer = ("    for number, units", "    hidden = Cross()(hidden)\n    for number, units")
    replace(made / "training" / "model.py", ("\ndef build_network(", LAYER), layer)
    plan_file = "        plan_file=configs.PLAN,\n"
    replace(made / "pipeline.py", (plan_file, f"{plan_file}        module_file=str(configs.MODEL),\n"))


def add_signature(made: Path) -> None:
    signature = snippet(made, "A signature")
    edit(made / "signatures.json", lambda plan: plan["signatures"].update(signature))
    edit_required(made, lambda required: required.extend(signature))


def test_other_data_a_layer_and_a_signature_break_nobody_and_the_signature_stays(made: Path, ran: str) -> None:
    served = made / "build" / "serving" / "houses"
    changed = ("signatures.json", "policy.json", "contract.json", "pipeline.py", "training/model.py")
    with taken_back(made, *changed, "data/examples.csv"):
        for change in (fill_in, add_layer, add_signature):
            change(made)
        done = make(made, "lint", "run", "check-contract")
        assert done.returncode == 0, done.stdout
        assert "Not breaking: 1 change" in done.stdout
        assert "extra" not in done.stdout
        assert make(made, "contract").returncode == 0
        assert "predict_v1" in (made / "contract.json").read_text()
        pushed = sorted(served.iterdir())
        edit(made / "signatures.json", lambda plan: plan["signatures"].pop("predict_v1"))
        done = make(made, "run")
        assert done.returncode != 0
        assert re.search(r"Trainer +… +cached\n", done.stdout), done.stdout
        assert "SM103 required-signatures" in done.stdout
        assert sorted(served.iterdir()) == pushed


def add_columns(made: Path) -> None:
    """Add one of each kind, with empty cells in all."""
    path = made / "data" / "examples.csv"
    rows = [
        {
            **row,
            "eggs": "" if number % 9 == 0 else str(number % 3),
            "seen": "" if number % 8 == 0 else f"20{number % 20:02d}-0{number % 9 + 1}-15",
            "diet": "" if number % 10 == 0 else ["krill", "fish"][number % 2],
        }
        for number, row in enumerate(read_rows(path))
    ]
    write_rows(path, rows)
    replace(
        made / "configs.py",
        ('    "year",\n', '    "year",\n    "eggs",\n'),
        ("DATES: tuple[str, ...] = ()", 'DATES: tuple[str, ...] = ("seen",)'),
        ('    "sex": 2,\n', '    "sex": 2,\n    "diet": 2,\n'),
    )


def add_class(made: Path) -> None:
    """Add one, and a file of its rows."""
    rows = read_rows(made / "data" / "examples.csv")[:40]
    write_rows(made / "data" / "later.csv", [{**row, "species": "Macaroni", "bill_depth_mm": "30.5"} for row in rows])
    replace(made / "configs.py", ('    "Gentoo",\n', '    "Gentoo",\n    "Macaroni",\n'))
    edit(made / "signatures.json", lambda plan: plan["signatures"]["classify"]["classes"]["labels"].append("Macaroni"))


def test_columns_and_a_class_break_clients_until_the_contract_says_them_too(installed: Path, tmp_path: Path) -> None:
    made = make_repository(installed, tmp_path, "penguins")
    done = make(made, "run", "contract")
    assert done.returncode == 0, done.stdout
    served = made / "build" / "serving" / "penguins"
    pushed = sorted(served.iterdir())
    add_columns(made)
    add_class(made)
    done = make(made, "lint", "test", "run")
    assert done.returncode != 0
    assert " passed" in done.stdout and " failed" not in done.stdout
    assert "SM106 breaking-change" in done.stdout, done.stdout
    assert sorted(served.iterdir()) == pushed
    done = make(made, "check-contract")
    assert done.returncode != 0
    for name in ("eggs", "seen", "diet"):
        assert re.search(rf"breaks +added +signature serve_raw, input {name} ", done.stdout), done.stdout
    for output in ("classify, output scores", "serving_default, output probabilities"):
        assert re.search(rf"breaks .*{output}: shape .* 3\] .* 4\]", done.stdout), done.stdout
    assert "narrowed" not in done.stdout, done.stdout
    done = make(made, "contract", "run", "check-contract")
    assert done.returncode == 0, done.stdout
    assert "No change that a client could see" in done.stdout
    assert len(sorted(served.iterdir())) == len(pushed) + 1


def test_package_that_is_named_is_locked_and_installed(installed: Path) -> None:
    made = installed.parent
    requirements = made / "requirements"
    asked, *files = (requirements / name for name in (f"{stack()}.in", f"{stack()}.txt", f"dev-{stack()}.txt"))
    kept = {path: path.read_text() for path in (asked, *files)}
    before = pins(files[0])
    assert PACKAGE not in before
    program = [installed / "bin" / "python", "-c", f"import {PACKAGE}"]
    assert call(*program, cwd=made).returncode != 0
    try:
        asked.write_text(f"{kept[asked]}{PACKAGE}\n")
        done = make(made, "lock", "install", "test", f"UV={uv()}")
        assert done.returncode == 0, done.stdout
        after = pins(files[0])
        assert after == {**before, PACKAGE: after[PACKAGE]}
        assert call(*program, cwd=made).returncode == 0
        done = make(made, "lock", "UPGRADE=1", f"UV={uv()}")
        assert done.returncode == 0, done.stdout
        upgraded = pins(files[0])
        assert [upgraded[name] for name in ("tfx", "tensorflow")] == [before[name] for name in ("tfx", "tensorflow")]
    finally:
        for path, text in kept.items():
            path.write_text(text)
        done = make(made, "install", f"UV={uv()}")
    assert done.returncode == 0, done.stdout
    assert call(*program, cwd=made).returncode != 0


def test_checks_are_listed_and_explained(made: Path) -> None:
    program = made / ".venv" / "bin" / "tfx-savedmodel"
    listed, explained = call(program, "checks", cwd=made), call(program, "checks", "SM302", cwd=made)
    assert (listed.returncode, explained.returncode) == (0, 0)
    named = json.loads((made / "policy.json").read_text())["required"]
    assert [code for code in named if not re.search(rf"\b{code}", listed.stdout)] == []
    assert "SM302" in explained.stdout and "Remedy" in explained.stdout
