"""How the penguin pipeline is started, and what stays off the screen while it runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.penguin import progress, run
from tfx_savedmodel.errors import PlanError, Problem

pytestmark = pytest.mark.unit


def test_unknown_sabotage_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run.main(["--sabotage", "fire"])
    assert caught.value.code == 2
    assert "nan, signature" in capsys.readouterr().err


def test_empty_variable_of_make_is_no_sabotage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str | None] = []

    def stop(root: Path, sabotage: str | None) -> None:
        asked.append(sabotage)
        raise PlanError([Problem("signatures.a", "no kind")])

    monkeypatch.setattr(run, "run", stop)
    monkeypatch.setenv("SABOTAGE", "")
    assert run.main(["--root", str(tmp_path)]) == 1
    assert asked == [None]


def test_failure_is_told_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(root: Path, sabotage: str | None) -> None:
        raise PlanError([Problem("signatures.a", "no kind")])

    monkeypatch.setattr(run, "run", fail)
    assert run.main(["--root", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "signatures.a: no kind" in told
    assert str(run.log_path(tmp_path)) in told


def test_what_children_print_goes_to_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "logs" / "pipeline.log"
    with progress.quiet(log) as shown:
        subprocess.run([sys.executable, "-c", "print('noise of a child')"], check=True)
        with progress.step("Trainer", shown):
            pass
    print("afterwards")
    seen = capfd.readouterr().out
    assert "noise of a child" in log.read_text()
    assert "noise" not in seen
    assert "▸ Trainer" in seen
    assert "afterwards" in seen
