"""The template as it lies, and repositories that were made of it, as text: nothing is run."""

from __future__ import annotations

import ast
import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import outside_of_make
from tests.templates.repositories import HOSTILE, HOUSES, PENGUINS, TEMPLATE, make, ruff
from tfx_savedmodel import versions
from tfx_savedmodel.errors import DestinationError, UsageError
from tfx_savedmodel.operations.new import new
from tfx_savedmodel.operations.policies import to_policy
from tfx_savedmodel.signatures.plan import read_plan
from tfx_savedmodel.starting import template
from tfx_savedmodel.versions import __version__

pytestmark = pytest.mark.unit

CASES: dict[str, tuple[str | None, str | None]] = {
    "penguins": (None, None),
    "hostile": (HOSTILE, "y"),
    "houses": (HOUSES, "price"),
}


@pytest.fixture(scope="module", params=CASES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp(request.param), *CASES[request.param])


def settings(repository: Path) -> dict[str, Any]:
    """Return the literal constants of configs.py."""
    constants = {}
    for statement in ast.parse((repository / "configs.py").read_text(encoding="utf-8")).body:
        target = statement.target if isinstance(statement, ast.AnnAssign) else getattr(statement, "targets", [None])[0]
        if isinstance(target, ast.Name):
            try:
                constants[target.id] = ast.literal_eval(statement.value)  # type: ignore[attr-defined]
            except ValueError:
                continue
    return constants


def test_template_is_what_is_made_of_its_own_data(tmp_path: Path) -> None:
    again = new(template.NAME, tmp_path / "again", data=PENGUINS, label="species").path
    for file in ("signatures.json", "policy.json"):
        assert json.loads((again / file).read_text()) == json.loads((TEMPLATE / file).read_text()), file
    for file in ("configs.py", "README.md"):
        assert (again / file).read_text() == template.fill((TEMPLATE / file).read_text(), {}), file
    with PENGUINS.open(newline="") as old, (again / "data" / "examples.csv").open(newline="") as new_file:
        columns = settings(TEMPLATE)
        names = [columns["LABEL"], *columns["NUMBERS"], *columns["DATES"], *columns["CATEGORIES"]]
        kept = [[{name: row[name] for name in names} for row in csv.DictReader(file)] for file in (old, new_file)]
    assert kept[0] == kept[1]


def test_every_file_of_the_template_is_there(made: Path) -> None:
    def files(folder: Path) -> set[str]:
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        return {name for name in names if "__pycache__" not in name and not name.startswith((".", "build/"))}

    assert files(made) == files(TEMPLATE)
    for name in (".gitignore", ".dockerignore", ".github/workflows/pull-request.yml"):
        assert (made / name).is_file(), name


def test_name_and_version_stand_where_they_belong(made: Path) -> None:
    assert settings(made)["NAME"] == "my-pipeline"
    assert (made / "README.md").read_text().startswith("# my-pipeline\n")
    assert json.loads((made / "policy.json").read_text())["name"] == "my-pipeline"
    for stack in ("tfx-1.15", "tfx-1.21"):
        assert f"\ntfx-savedmodel=={__version__}\n" in (made / "requirements" / f"{stack}.in").read_text()


def test_no_mark_is_left(made: Path) -> None:
    for file in ("configs.py", "README.md"):
        text = (made / file).read_text(encoding="utf-8")
        assert not [mark for mark in ("<name>", "<title>", "<columns>", "<data>", "starter") if mark in text]


def test_python_is_as_ruff_would_write_it(made: Path) -> None:
    assert ruff(made) == ""


def test_template_is_as_ruff_would_write_it() -> None:
    assert ruff(TEMPLATE) == ""


def test_plan_and_policy_are_sound(made: Path) -> None:
    plan = read_plan(made / "signatures.json")
    policy = to_policy(json.loads((made / "policy.json").read_text()), where="policy.json")
    assert plan.exclude_features == (settings(made)["LABEL"],)
    assert set(policy.parameters["SM103"]["required"]) == set(plan.signatures)


def test_values_of_the_file_stay_text(tmp_path: Path) -> None:
    made = make(tmp_path, HOSTILE, "y")
    found = settings(made)
    assert found["CLASSES"] == ('"b"', "a", "it's")
    assert (found["NUMBERS"], found["DATES"]) == (("Grosse_x", "x_class"), ("Date",))
    assert found["CATEGORIES"] == {"It_s_a_name_b": 3, "x": 2}
    labels = json.loads((made / "signatures.json").read_text())["signatures"]["classify"]["classes"]["labels"]
    assert tuple(labels) == found["CLASSES"]
    readme = (made / "README.md").read_text()
    assert "<b>" not in readme.replace("`It's \"a\" 'name'\\|<b>`", "")
    assert "<script>" not in readme


def test_columns_of_configs_are_those_of_the_data(made: Path) -> None:
    found = settings(made)
    named = {found["LABEL"], *found["NUMBERS"], *found["DATES"], *found["CATEGORIES"]}
    with (made / "data" / "examples.csv").open(newline="", encoding="utf-8") as file:
        assert set(next(csv.reader(file))) == named


def put_python(path: Path, *, runs: bool) -> str:
    """Write a program that does what a Python does with an empty program, or fails as a pyenv shim does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {0 if runs else 127}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("stack", "on_path", "in_pyenv", "chosen"),
    [
        ("tfx-1.15", {"3.10": True}, ["3.10"], "python3.10"),
        ("tfx-1.15", {"3.10": False}, ["3.10"], "pyenv 3.10"),
        ("tfx-1.15", {"3.10": False}, ["3.12"], "python3.10"),
        ("tfx-1.21", {"3.12": False, "3.13": True}, ["3.12"], "python3.13"),
        ("tfx-1.21", {"3.12": False, "3.13": False}, ["3.13"], "pyenv 3.13"),
    ],
)
def test_install_takes_a_python_that_runs(
    tmp_path: Path, stack: str, on_path: dict[str, bool], in_pyenv: list[str], chosen: str
) -> None:
    for version, runs in on_path.items():
        put_python(tmp_path / "bin" / f"python{version}", runs=runs)
    of_pyenv = {
        f"pyenv {version}": put_python(
            tmp_path / "pyenv" / "versions" / f"{version}.4" / "bin" / f"python{version}", runs=True
        )
        for version in in_pyenv
    }
    assert made_of(tmp_path, "PYTHON", f"STACK={stack}") == of_pyenv.get(chosen, chosen)


def made_of(folder: Path, variable: str, *settings: str) -> str:
    """Return what the Makefile makes of a variable, with the programs of `folder` before all others, and its pyenv."""
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["make", "-f", TEMPLATE / "Makefile", *settings, "--eval", f"say: ; @echo '$({variable})'", "say"],
        cwd=TEMPLATE,
        env={**outside_of_make(), "PATH": path, "PYENV_ROOT": str(folder / "pyenv"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("in_pyenv", [True, False])
def test_image_is_named_by_a_python_that_runs(tmp_path: Path, in_pyenv: bool) -> None:
    for name in ("python3", "python3.10"):
        put_python(tmp_path / "bin" / name, runs=False)
    if in_pyenv:
        python = tmp_path / "pyenv" / "versions" / "3.10.4" / "bin" / "python3"
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)
    assert made_of(tmp_path, "IMAGE") == ("localhost/starter:latest" if in_pyenv else "")


def test_image_without_a_name_is_not_built(tmp_path: Path) -> None:
    command = ["make", "-f", TEMPLATE / "Makefile", "image", "IMAGE=", "DOCKER=false"]
    done = subprocess.run(command, cwd=tmp_path, env=outside_of_make(), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Name it: make image IMAGE=REGISTRY/NAME:TAG" in done.stderr


@pytest.mark.parametrize("stack", ["tfx-1.15", "tfx-1.21"])
def test_image_is_made_on_the_python_of_its_stack(tmp_path: Path, stack: str) -> None:
    command = ["make", "--dry-run", "-f", TEMPLATE / "Makefile", "image", f"STACK={stack}", "IMAGE=a:1"]
    done = subprocess.run(command, cwd=tmp_path, env=outside_of_make(), capture_output=True, text=True, check=True)
    words = shlex.split(done.stdout.splitlines()[-1])
    base = next(word for word in words if word.startswith("BASE=python:"))
    (pythons,) = [each.pythons for each in versions.STACKS if each.name == stack]
    assert base.removeprefix("BASE=python:").partition("-")[0] in pythons
    assert f"STACK={stack}" in words


def test_image_without_what_builds_it_says_what_else_would(tmp_path: Path) -> None:
    command = ["make", "-f", TEMPLATE / "Makefile", "image", "IMAGE=a:1", "DOCKER=no-such-program"]
    done = subprocess.run(command, cwd=tmp_path, env=outside_of_make(), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "There is no no-such-program here" in done.stdout and "DOCKER=buildah" in done.stdout


def test_a_lock_may_be_compiled_in_a_folder_with_a_blank(tmp_path: Path) -> None:
    folder = tmp_path / "a repository"
    shutil.copytree(TEMPLATE, folder)
    command = ["make", "--dry-run", "lock", "UV=true"]
    done = subprocess.run(command, cwd=folder, env=outside_of_make(), capture_output=True, text=True, check=True)
    words = shlex.split(done.stdout.replace("\\\n", ""))
    assert words[words.index("--find-links") + 1] == f"{folder}/wheels"


@pytest.mark.parametrize("there", ["file", "full", "link"])
def test_what_is_there_is_never_replaced(tmp_path: Path, there: str) -> None:
    destination = tmp_path / "made"
    if there == "file":
        destination.write_text("mine")
    elif there == "full":
        destination.mkdir()
        (destination / "mine").write_text("mine")
    else:
        destination.symlink_to(tmp_path / "nowhere")
    with pytest.raises(DestinationError, match="the destination exists"):
        new("my-pipeline", destination)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    assert (make(tmp_path) / "configs.py").is_file()


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(template.writing, "policy", fail)
    with pytest.raises(OSError, match="no space left"):
        new("my-pipeline", tmp_path / "deep" / "made")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"data": "x.csv"}, "--data without --label"),
        ({"label": "y"}, "--label without --data"),
        ({"task": "regression"}, "--task without --data"),
        ({"data": "x.csv", "label": "y", "task": "ranking"}, "no such task"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        new("my-pipeline", tmp_path / "made", **options)
    assert list(tmp_path.iterdir()) == []


def test_remote_destination_is_refused() -> None:
    with pytest.raises(DestinationError, match="on this machine"):
        new("my-pipeline", "gs://bucket/made")
