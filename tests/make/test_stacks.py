"""Which stack `make` takes on which machine, and what it says."""

from __future__ import annotations

import ctypes
import importlib
import itertools
import shlex
import shutil
import subprocess
import sys
import types
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import ROOT, outside_of_make, require_tool

pytestmark = pytest.mark.unit

PYTHON = "/usr/bin/python3.13"


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "make")
    return importlib.import_module("stacks")


def machine(stacks: ModuleType, glibc: str, *names: str) -> Any:
    return stacks.Machine(glibc, dict.fromkeys(names, PYTHON))


@pytest.mark.parametrize("glibc", ["2.39", "2.41", "3.0"])
def test_the_newest_is_taken_where_its_wheels_run(stacks: ModuleType, glibc: str) -> None:
    new = machine(stacks, glibc, "tfx-1.21")
    assert stacks.choose(new) == "tfx-1.21"
    said = stacks.line(new, "tfx-1.21", chosen=True)
    assert f"glibc {glibc}" in said and PYTHON in said and "STACK=tfx-1.15" in said and "\n" not in said


@pytest.mark.parametrize("glibc", ["2.28", "2.36", "2.38"])
def test_an_older_system_takes_the_older_stack_and_says_why(stacks: ModuleType, glibc: str) -> None:
    old = machine(stacks, glibc)
    assert stacks.choose(old) == "tfx-1.15"
    said = stacks.line(old, "tfx-1.15", chosen=True)
    assert "2.39" in said and glibc in said
    assert "make test-tfx121" in said and "\n" not in said


def test_a_new_system_without_the_python_says_which_is_wanted(stacks: ModuleType) -> None:
    bare = machine(stacks, "2.41", "tfx-1.15")
    assert stacks.choose(bare) == "tfx-1.15"
    said = stacks.line(bare, "tfx-1.15", chosen=True)
    assert "Python 3.13 or 3.12" in said and "STACK=tfx-1.21" in said and "test-tfx121" not in said
    # Named, it is not refused: uv may bring the Python.
    assert stacks.refusal(bare, "tfx-1.21") is None


def test_where_there_is_no_python_for_any_stack_the_newest_is_taken(stacks: ModuleType) -> None:
    bare = machine(stacks, "2.41")
    assert stacks.choose(bare) == "tfx-1.21"
    said = stacks.line(bare, "tfx-1.21", chosen=True)
    assert "uv downloads one" in said and "STACK=tfx-1.15" in said and "\n" not in said


@pytest.mark.parametrize(
    ("found", "seen"),
    [(["3.13", "3.10"], ["tfx-1.21"]), (["3.12"], ["tfx-1.21"]), (["3.10"], ["tfx-1.15"]), (["3.9"], [])],
)
def test_the_pythons_are_looked_for_from_the_newest_stack_on(
    stacks: ModuleType, monkeypatch: pytest.MonkeyPatch, found: list[str], seen: list[str]
) -> None:
    find = {version: types.SimpleNamespace(executable=PYTHON) for version in found}.get
    monkeypatch.setattr(stacks.interpreters, "find", lambda version, *, needs_headers: find(version))
    monkeypatch.setattr(stacks, "_glibc", lambda: "2.41")
    assert stacks.look() == stacks.Machine("2.41", dict.fromkeys(seen, PYTHON))
    # With no choice nothing is started to find out.
    monkeypatch.setattr(stacks, "_glibc", lambda: "2.36")
    assert stacks.look() == stacks.Machine("2.36", {})


def test_a_stack_that_cannot_run_here_is_refused_with_what_to_do(stacks: ModuleType) -> None:
    said = stacks.refusal(machine(stacks, "2.36"), "tfx-1.21")
    assert "2.39" in said and "2.36" in said and "make test-tfx121" in said and "STACK=tfx-1.15" in said
    assert stacks.refusal(machine(stacks, "2.36"), "tfx-1.15") is None
    assert stacks.refusal(machine(stacks, "2.41"), "tfx-1.15") is None


@pytest.mark.parametrize("glibc", ["2.27", "2.4", ""])
def test_a_system_that_holds_no_stack_is_refused_though_none_was_named(
    stacks: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], glibc: str
) -> None:
    monkeypatch.setattr(stacks, "_glibc", lambda: glibc)
    monkeypatch.setattr(sys, "argv", ["stacks.py", "say", stacks.choose(stacks.look()), "--chosen"])
    assert stacks.main() == 1
    said = capsys.readouterr().err
    assert "glibc 2.28 or later" in said and (glibc or "another C library") in said and "STACK=" not in said


def test_an_unknown_stack_is_refused_with_those_there_are(stacks: ModuleType) -> None:
    said = stacks.refusal(machine(stacks, "2.41", "tfx-1.21"), "tfx-1.2")
    assert "tfx-1.21 and tfx-1.15" in said
    # The light lane is for its own target.
    assert stacks.refusal(machine(stacks, "2.41"), "tf-2.21") is not None


def test_the_c_library_is_seen_as_it_names_itself(stacks: ModuleType) -> None:
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        assert stacks.look().glibc == ""
        return
    library.gnu_get_libc_version.restype = ctypes.c_char_p
    assert stacks.look().glibc == library.gnu_get_libc_version().decode()


def test_no_folder_is_of_two_stacks(stacks: ModuleType) -> None:
    environments = importlib.import_module("environment").ENVIRONMENTS
    folders = [environment.folder for environment in environments.values()]
    assert len(set(folders)) == len(folders) == len(stacks.VERSIONS.STACKS)
    assert environments["tfx-1.15"].folder == ".venv"


def make(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run make as a person would, though it may be make that runs the tests."""
    require_tool("make", "apt-get install make")
    told = ["make", "--no-print-directory", f"PYTHON3={sys.executable}", *words]
    return subprocess.run(told, cwd=folder, env=outside_of_make(), capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("stack", "folder", "demo"),
    [("tfx-1.15", ".venv", "build/penguin"), ("tfx-1.21", ".venv-tfx-1.21", "build/penguin-tfx-1.21")],
)
def test_make_keeps_the_stacks_apart(stacks: ModuleType, stack: str, folder: str, demo: str) -> None:
    lines = make("--dry-run", "demo", f"STACK={stack}").stdout.splitlines()
    assert lines[0].split()[1:] == ["make/stacks.py", "say", stack]
    assert lines[-1].split() == [f"{folder}/bin/python", "-m", "pipelines.penguin.run", "--root", demo]
    assert stacks.folder(stack) == folder


def test_a_job_may_be_compiled_in_a_folder_with_a_blank(tmp_path: Path) -> None:
    folder = tmp_path / "a checkout"
    shutil.copytree(ROOT / "make", folder / "make")
    shutil.copy(ROOT / "Makefile", folder)
    printed = make("--dry-run", "-o", "install", "kubeflow", "STACK=tfx-1.15", folder=folder).stdout
    words = shlex.split(printed.replace("\\\n", ""))
    given = dict(itertools.pairwise(words))
    assert given["--root"] == f"{folder}/build/kubeflow" and given["--push-to"] == f"{folder}/build/kubeflow/serving"
    assert given["--data"] == f"{folder}/pipelines/penguin/data"


@pytest.mark.parametrize("stack", ["tfx-1.15", "tfx-1.21"])
def test_the_template_may_be_tried_in_a_folder_with_a_blank(stacks: ModuleType, tmp_path: Path, stack: str) -> None:
    folder = tmp_path / "a checkout"
    shutil.copytree(ROOT / "make", folder / "make")
    shutil.copy(ROOT / "Makefile", folder)
    *_, made, _, _, tried = make(
        "--dry-run", "-o", "install", "template", f"STACK={stack}", folder=folder
    ).stdout.splitlines()
    assert made.endswith(f" build/template --stack {stack}")
    words = shlex.split(tried)
    assert f"UV={folder}/.uv/bin/uv" in words and f"PYTHON={folder}/{stacks.folder(stack)}/bin/python" in words


@pytest.mark.parametrize("named", [[], ["STACK="]])
def test_make_chooses_where_nobody_does(stacks: ModuleType, named: list[str]) -> None:
    chosen = stacks.choose(stacks.look())
    lines = make("--dry-run", "demo", *named).stdout.splitlines()
    assert lines[0].split()[1:] == ["make/stacks.py", "say", chosen, "--chosen"]
    assert lines[-1].startswith(f"{stacks.folder(chosen)}/bin/python ")


def test_make_image_says_which_stack_it_chose_and_names_the_other(stacks: ModuleType) -> None:
    """Its image of a stack that the machine itself cannot hold may be built all the same, so nothing is refused."""
    chosen = stacks.choose(stacks.look())
    (other,) = set(stacks.STACKS) - {chosen}
    said, built = make("--dry-run", "image").stdout.splitlines()
    assert f"==> stack {chosen}: " in said and f"make image STACK={other}" in said
    assert built.split()[1:] == ["make/image.py", "build", "--stack", chosen]
    (built,) = make("--dry-run", "image", f"STACK={other}").stdout.splitlines()
    assert built.split()[1:] == ["make/image.py", "build", "--stack", other]


def test_make_refuses_a_stack_that_there_is_not() -> None:
    ran = make("install", "STACK=tfx-0")
    assert ran.returncode == 2
    assert "STACK=tfx-0: no such stack; there are tfx-1.21 and tfx-1.15." in ran.stderr


def test_clean_all_leaves_a_shared_root_and_removes_the_environments_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBIAN_13", "/somebody/elses")
    environments, root = make("--dry-run", "clean-all").stdout.splitlines()[-2:]
    assert environments.startswith("rm -rf .venv .venv-tfx-1.21 ")
    assert root.split()[0] == "DEBIAN_13=" and root.split()[-2:] == ["make/debian_13.py", "remove"]


def test_make_test_goes_on_in_the_root_where_there_is_one_unless_asked_for_some_tests(tmp_path: Path) -> None:
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@" >>"$0.log"\n', encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    log = tmp_path / "python.log"
    words = ("-o", "install", "test", "STACK=tfx-1.15", f"PYTHON3={tmp_path}/python", f"BIN={tmp_path}")
    asked = "make/debian_13.py usable"
    assert make(*words).returncode == 0
    lines = log.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "debian_13" in line][:2] == [asked, "make/debian_13.py make"]
    assert any(line.startswith("make/debian_13.py run make test STACK=tfx-1.21 ARGS=-m") for line in lines)
    log.unlink()
    assert make(*words, "ARGS=-k reader").returncode == 0
    assert asked not in log.read_text(encoding="utf-8")
    log.unlink()
    assert make("-o", "debian-13", "test-tfx121", f"PYTHON3={tmp_path}/python", "ARGS=-k 'a or b'").returncode == 0
    assert log.read_text(encoding="utf-8").splitlines()[-1].endswith(" -k 'a or b'")
