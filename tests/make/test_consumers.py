"""The old consumers: what is there stays untouched, what cannot be made is skipped and said."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT
from tests.consumers.consumer import NEWEST, PYTHONS, RUNNER, TESTED, require_consumer

pytestmark = pytest.mark.unit

NAMES = ("tf-1.15", "tf-2.4", "tf-2.7")


@pytest.fixture
def consumers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, in a project of its own on a machine without any Python and without uv."""
    monkeypatch.syspath_prepend(ROOT / "make")
    script = importlib.import_module("consumers")
    uv = importlib.import_module("uv")
    monkeypatch.setattr(uv, "ROOT", tmp_path)
    monkeypatch.setattr(uv, "ensure_uv", lambda: pytest.fail("uv was asked for"))
    monkeypatch.setattr(script.interpreters, "find", lambda *_, **__: None)
    (tmp_path / "requirements").mkdir()
    for name in NAMES:
        (tmp_path / "requirements" / f"consumer-{name}.txt").write_text(f"{name}\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["consumers.py"])
    return script


def test_a_consumer_without_its_python_is_skipped_and_said(
    consumers: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert consumers.main() == 0
    lines = capsys.readouterr().err.splitlines()
    assert [re.findall(r"(tf-\S+): skipped.*pyenv install (\S+)", line) for line in lines] == [
        [(name, PYTHONS[name])] for name in TESTED
    ]


def test_what_is_installed_as_locked_stays(
    consumers: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ".venv-consumer-tf-1.15"
    folder.mkdir()
    (folder / "installed.txt").write_text("tf-1.15\n", encoding="utf-8")
    assert consumers.main() == 0
    assert "tf-1.15" not in capsys.readouterr().err
    (folder / "installed.txt").write_text("another lock\n", encoding="utf-8")
    assert consumers.main() == 0
    assert "tf-1.15: skipped" in capsys.readouterr().err


def test_an_unknown_consumer_is_refused(consumers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["consumers.py", "tf-1.14"])
    with pytest.raises(SystemExit):
        consumers.main()


def test_every_consumer_is_pinned_and_tested(consumers: ModuleType) -> None:
    assert tuple(consumers.CONSUMERS) == NAMES
    assert consumers.TESTED == TESTED
    assert {name: consumers.CONSUMERS[name].python for name in PYTHONS if name != NEWEST}.items() <= PYTHONS.items()
    for name in NAMES:
        lock = (ROOT / "requirements" / f"consumer-{name}.txt").read_text(encoding="utf-8")
        assert re.search(rf"^tensorflow(-cpu)?=={re.escape(name.removeprefix('tf-'))}\.\d+ ", lock, re.MULTILINE)
    assert RUNNER.is_file()


def test_an_absent_consumer_skips_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.consumers.consumer.ROOT", Path("/no/such"))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"make consumers.*pyenv install 3\.7"):
        require_consumer("tf-1.15")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="make consumers"):
        require_consumer("tf-1.15")
