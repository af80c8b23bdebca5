"""A repository that is made for one stack: what it says and takes by default is of that stack alone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import outside_of_make
from tests.templates.repositories import TEMPLATE, ruff
from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.operations.new import new
from tfx_savedmodel.starting import stack as stacks
from tfx_savedmodel.starting.stack import STACKS, take_stack
from tfx_savedmodel.versions import STACKS as TESTED

pytestmark = pytest.mark.unit

REWRITTEN = ("Makefile", "Dockerfile", "README.md", ".github/workflows/pull-request.yml")
#: Where the other stack may be named, and has to be: its own settings, and how to take it.
OF_THE_OTHER = {
    "Makefile": r".*\b(PYTHON|LOCKED_FOR|BASE)_tfx-1\.15\b.*|# .*; tfx-1\.15 has Keras 2\."
    r"|install: .*\(STACK=tfx-1\.15: the older stack\)|.*STACK=tfx-1\.15 takes 3\.10.*",
    "Dockerfile": r"# For STACK=tfx-1\.15: --build-arg BASE=python:3\.10-slim-bookworm\..*",
    "README.md": r".*; for 3\.10 see \[the older stack\]\(#the-older-stack\).*|`make install STACK=tfx-1\.15` takes .*",
}


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new("my-pipeline", tmp_path_factory.mktemp("newer") / "made", stack="tfx-1.21").path


def texts(repository: Path) -> dict[str, str]:
    files = (path for path in repository.rglob("*") if path.is_file())
    return {path.relative_to(repository).as_posix(): path.read_text(encoding="utf-8") for path in files}


def value(repository: Path, variable: str) -> str:
    return call(repository, "--eval", f"say: ; @echo '$({variable})'", "say").strip()


def dry_run(repository: Path, *arguments: str) -> str:
    return call(repository, "--dry-run", *arguments)


def call(repository: Path, *arguments: str) -> str:
    command = ["make", *arguments]
    done = subprocess.run(command, cwd=repository, env=outside_of_make(), capture_output=True, text=True, check=True)
    return done.stdout


def test_it_takes_the_stacks_that_we_test_with_tfx() -> None:
    assert set(STACKS) == {stack.name for stack in TESTED if "tfx" in stack.locked}


def test_nothing_of_the_older_stack_is_left_where_it_should_not_be(newer: Path) -> None:
    for name, text in texts(newer).items():
        if name.startswith("requirements/"):
            continue
        allowed = OF_THE_OTHER.get(name, "")
        old = [line for line in text.splitlines() if re.search(r"3\.10|1\.15|22\.04|bookworm|(?i:newer stack)", line)]
        assert [line for line in old if not re.fullmatch(allowed, line)] == [], name


def test_only_what_names_the_stack_is_another(newer: Path, tmp_path: Path) -> None:
    older = texts(new("my-pipeline", tmp_path / "older").path)
    assert {name for name, text in texts(newer).items() if text != older[name]} == set(REWRITTEN)
    assert texts(new("my-pipeline", tmp_path / "named", stack="tfx-1.15").path) == older
    assert ruff(newer) == ""


def test_its_commands_take_the_newer_stack(newer: Path) -> None:
    assert value(newer, "STACK") == "tfx-1.21"
    assert re.search(r"python3\.1[23]$", value(newer, "PYTHON"))
    assert "requirements/tfx-1.21.txt" in dry_run(newer, "install")
    assert "--build-arg STACK=tfx-1.21 --build-arg BASE=python:3.12-slim-trixie" in dry_run(newer, "image", "IMAGE=x")


def test_what_is_installed_goes_before(tmp_path: Path) -> None:
    made = new("my-pipeline", tmp_path / "made", stack="tfx-1.21").path
    (made / ".venv").mkdir()
    (made / ".venv" / ".installed-tfx-1.15").touch()
    assert value(made, "STACK") == "tfx-1.15"


def test_image_and_workflow_are_of_a_python_and_system_that_the_stack_runs_on(newer: Path) -> None:
    (stack,) = (each for each in TESTED if each.name == "tfx-1.21")
    docker = (newer / "Dockerfile").read_text()
    (python,) = re.findall(r"^ARG BASE=python:([\d.]+)-slim-trixie$", docker, re.MULTILINE)
    assert "\nARG STACK=tfx-1.21\n" in docker
    workflow = (newer / ".github" / "workflows" / "pull-request.yml").read_text()
    assert re.findall(r'runs-on: (\S+)|python-version: "(\S+)"', workflow) == [("ubuntu-24.04", ""), ("", python)]
    assert python in stack.pythons


def test_readme_leads_to_the_section_of_the_other_stack(newer: Path) -> None:
    text = (newer / "README.md").read_text()
    heads = re.findall(r"^## .*$", text, re.MULTILINE)
    original = re.findall(r"^## .*$", (TEMPLATE / "README.md").read_text(), re.MULTILINE)
    assert heads == [head.replace("newer", "older") for head in original]
    assert "(#the-older-stack)" in text
    assert "You need Python 3.12 or 3.13" in text and "`requirements/tfx-1.21.in`" in text


def test_template_that_says_it_otherwise_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = new("my-pipeline", tmp_path / "made").path
    monkeypatch.setattr(stacks, "_NEWER", {"Makefile": (("no such line", ""),)})
    with pytest.raises(ValueError, match="Makefile of the template has nothing like no such line"):
        take_stack(made, "tfx-1.21")


def test_stack_without_tfx_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such stack"):
        new("my-pipeline", tmp_path / "made", stack="tf-2.21")
    assert list(tmp_path.iterdir()) == []
