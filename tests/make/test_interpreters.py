"""The bootstrap finds a Python that runs, whatever lies about on the path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def interpreters() -> ModuleType:
    spec = importlib.util.spec_from_file_location("interpreters", ROOT / "make" / "interpreters.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any Python: an empty `bin` on the path, an empty pyenv."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    return tmp_path


def put_python(path: Path, version: str = "", headers: bool = True) -> str:
    """Write a program that answers the probe as a Python would, or fails as a pyenv shim does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    answer = f"printf '{path}\\n{version}\\nCPython\\n{headers}\\n'" if version else "exit 127"
    path.write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_failing_shim_is_passed_over_for_pyenvs_newest(interpreters: ModuleType, machine: Path) -> None:
    put_python(machine / "bin" / "python3.10")
    put_python(machine / "pyenv" / "versions" / "3.10.9" / "bin" / "python3.10", "3.10")
    newest = put_python(machine / "pyenv" / "versions" / "3.10.13" / "bin" / "python3.10", "3.10")
    assert interpreters.find("3.10", needs_headers=True).executable == newest


def test_python3_of_the_right_version_will_do(interpreters: ModuleType, machine: Path) -> None:
    found = put_python(machine / "bin" / "python3", "3.12")
    assert interpreters.find("3.12", needs_headers=False).executable == found
    assert interpreters.find("3.10", needs_headers=False) is None


def test_headers_are_preferred_and_can_be_demanded(interpreters: ModuleType, machine: Path) -> None:
    bare = put_python(machine / "bin" / "python3.10", "3.10", headers=False)
    assert interpreters.find("3.10", needs_headers=False).executable == bare
    assert interpreters.find("3.10", needs_headers=True) is None
    whole = put_python(machine / "pyenv" / "versions" / "3.10.1" / "bin" / "python3.10", "3.10")
    assert interpreters.find("3.10", needs_headers=False).executable == whole
