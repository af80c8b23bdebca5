"""What a test needs and does not find: a skip that says what to do, under CI=true a failure."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SERVING_API, require_module, require_tool

pytestmark = pytest.mark.unit

NAME = "no_such_package.module"
WORKFLOWS = ROOT / "tests" / "workflows"


@pytest.fixture
def tfx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that has TFX, as far as can be told without importing it."""
    (tmp_path / "tfx").mkdir()
    (tmp_path / "tfx" / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])


def test_an_absent_module_skips_where_nothing_is_promised(monkeypatch: pytest.MonkeyPatch, tfx: None) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"needs {NAME}: {SERVING_API}"):
        require_module(NAME, SERVING_API)


def test_an_absent_module_fails_in_ci_where_tfx_is(monkeypatch: pytest.MonkeyPatch, tfx: None) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"needs {NAME}: {SERVING_API}.*failure under CI=true"):
        require_module(NAME, SERVING_API)


def test_an_absent_module_skips_in_ci_without_tfx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(pytest.skip.Exception, match=f"needs {NAME}"):
        require_module(NAME, SERVING_API)


def test_a_module_that_is_there_is_returned() -> None:
    assert require_module("json.decoder", "nothing to do").JSONDecoder


def test_the_reader_of_explanations_fails_in_ci_where_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (WORKFLOWS / "test_explainable_ai_sdk.py").read_text(encoding="utf-8")
    assert re.search(r'return require_tool\(.*venv-explain-sdk.*"make explain-sdk"\)', text)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="make explain-sdk"):
        require_tool(str(ROOT / ".venv-no-such" / "bin" / "python"), "make explain-sdk")


def test_no_test_skips_quietly_without_the_protos_of_serving() -> None:
    quiet = re.compile(r"importorskip\(\s*\"tensorflow_serving")
    files = [path for path in WORKFLOWS.glob("test_*.py") if quiet.search(path.read_text(encoding="utf-8"))]
    assert files == []
