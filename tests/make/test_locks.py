"""The metadata of setup.py, versions.py, requirements/*.in and the locks say the same."""

from __future__ import annotations

import importlib
import re
import runpy
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import ROOT
from tests.packaged import lock_of
from tfx_savedmodel.versions import FEATURES, STACKS, SUPPORTED, Stack

pytestmark = pytest.mark.unit

REQUIREMENTS = ROOT / "requirements"
#: Each lock of a stack, and a Python that it serves.
SERVED = [
    pytest.param(stack, suffix, python, id=f"{stack.name}{suffix}-on-{python}")
    for stack in STACKS
    for suffix in (("", "-dev") if "tfx" in stack.locked else ("-dev",))
    for python in stack.pythons
]


def environment(python: str) -> dict[str, str]:
    return {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "extra": "",
    }


def pins(lock: Path, python: str) -> dict[str, Version]:
    """Return what a locked file installs on a Python, by name; each is pinned, once, with a hash."""
    found: dict[str, Version] = {}
    for entry in re.split(r"^(?=[A-Za-z0-9])", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        requirement = Requirement(entry.split("\\\n", 1)[0].strip())
        if requirement.marker is not None and not requirement.marker.evaluate(environment(python)):
            continue
        (specifier,) = requirement.specifier
        assert specifier.operator == "==" and "--hash=sha256:" in entry, f"{lock.name}: {entry}"
        assert canonicalize_name(requirement.name) not in found, f"{lock.name}: {requirement.name} twice"
        found[canonicalize_name(requirement.name)] = Version(specifier.version)
    return found


def unmet(requirements: list[str], pinned: dict[str, Version], python: str) -> list[str]:
    """Return the requirements that a lock does not meet, each with what it pins."""
    missed = []
    for requirement in map(Requirement, requirements):
        version = pinned.get(canonicalize_name(requirement.name))
        applies = requirement.marker is None or requirement.marker.evaluate(environment(python))
        if applies and (version is None or not requirement.specifier.contains(version, prereleases=True)):
            missed.append(f"{requirement} against {version}")
    return missed


def asked(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def metadata() -> dict[str, Any]:
    """What setup.py gives to setuptools."""
    import setuptools

    given: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", lambda **words: given.update(words))
        runpy.run_path(str(ROOT / "setup.py"))
    return given


@pytest.fixture
def locks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "make")
    return importlib.import_module("lock")


@pytest.mark.parametrize(("stack", "suffix", "python"), SERVED)
def test_a_lock_meets_the_metadata(metadata: dict[str, Any], stack: Stack, suffix: str, python: str) -> None:
    extras = metadata["extras_require"]
    wanted = [*metadata["install_requires"], *(extras["tfx"] if "tfx" in stack.locked else extras["tensorflow"])]
    assert unmet(wanted, pins(REQUIREMENTS / f"{stack.name}{suffix}.txt", python), python) == []
    assert SpecifierSet(metadata["python_requires"]).contains(f"{python}.0")


@pytest.mark.parametrize(("stack", "suffix", "python"), SERVED)
def test_a_lock_is_of_the_stack_that_versions_names(stack: Stack, suffix: str, python: str) -> None:
    pinned = pins(REQUIREMENTS / f"{stack.name}{suffix}.txt", python)
    assert {name: str(pinned[name]) for name in stack.locked} == stack.locked
    assert ("tfx" in pinned) == ("tfx" in stack.locked)
    # TFX runs pip and setup.py; tensorflow_hub imports pkg_resources.
    assert {"pip", "wheel"} <= set(pinned) and pinned["setuptools"] < Version("81")
    for name, version in pinned.items():
        if name in SUPPORTED:
            low, above = map(Version, SUPPORTED[name])
            assert low <= version < above


def test_a_lock_meets_what_it_was_compiled_from(locks: ModuleType) -> None:
    for lock in locks.LOCKS:
        pinned = pins(REQUIREMENTS / lock.file, lock.python)
        for file in lock.inputs:
            assert unmet(asked(REQUIREMENTS / file), pinned, lock.python) == [], f"{lock.file}: make lock"


def test_development_adds_to_a_stack_and_changes_nothing(locks: ModuleType) -> None:
    bound = [(lock, lock.constraint) for lock in locks.LOCKS if lock.constraint]
    assert {lock.name for lock, _ in bound} >= {"tfx-1.15-dev", "tfx-1.21-dev"}
    for lock, constraint in bound:
        all_pins, own = pins(REQUIREMENTS / lock.file, lock.python), pins(REQUIREMENTS / constraint, lock.python)
        changed = {name for name in set(own) & set(all_pins) if own[name] != all_pins[name]}
        assert changed == set()
        assert not lock.name.endswith("-dev") or set(own) < set(all_pins)


def test_every_lock_has_its_script_and_every_script_its_lock(locks: ModuleType) -> None:
    assert {lock.file for lock in locks.LOCKS} == {file.name for file in REQUIREMENTS.glob("*.txt")}
    assert {file for lock in locks.LOCKS for file in lock.inputs} == {file.name for file in REQUIREMENTS.glob("*.in")}


def test_a_disagreement_is_seen() -> None:
    pinned = {"tfx": Version("1.16.0"), "numpy": Version("1.26")}
    assert unmet(["tfx>=1.15.1,<1.22,!=1.16.*", "numpy>=1.24", "dill"], pinned, "3.10") == [
        "tfx!=1.16.*,<1.22,>=1.15.1 against 1.16.0",
        "dill against None",
    ]


def test_the_readme_says_what_the_stacks_are() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## What it runs on", 1)[1]
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    names, *rows = table
    columns = {re.findall(r"`([^`]+)`", cell)[0]: number for number, cell in enumerate(names) if cell}
    cells = {row[0]: row for row in rows}
    assert list(columns) == [stack.name for stack in STACKS]
    distributions = {"tfx": "TFX", "tensorflow": "TensorFlow", "keras": "Keras", "apache-beam": "Beam"}
    for stack in STACKS:
        column = columns[stack.name]
        assert cells["Python"][column] == " or ".join(stack.pythons)
        assert cells["system: glibc from"][column].split()[0] == stack.glibc
        for distribution, row in distributions.items():
            assert cells[row][column].split(",")[0] == stack.locked.get(distribution, "none")
        for feature, words in FEATURES.items():
            assert cells[words][column].startswith("yes") == (feature in stack.has), (stack.name, words)


def test_the_wheel_is_tested_beside_the_lock_of_the_tfx_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    released = [stack.locked["tfx"] for stack in STACKS if "tfx" in stack.locked]
    assert len(released) == len({lock_of(tfx) for tfx in released}) >= 2
    for tfx in released:
        assert f"\ntfx=={tfx} " in lock_of(tfx).read_text(encoding="utf-8")
    with pytest.raises(pytest.fail.Exception, match=r"found 1\.16"):
        lock_of("1.16.0")
    with pytest.raises(pytest.skip.Exception):
        lock_of(None)
