"""Text on a terminal and in a pipe."""

from __future__ import annotations

import re

import pytest

from tests.report import samples
from tfx_savedmodel.cli.page import PlainPage, RichPage
from tfx_savedmodel.cli.report_text import show_report

pytestmark = pytest.mark.unit


def _plain(capsys: pytest.CaptureFixture[str], name: str) -> str:
    page = PlainPage()
    show_report(page, getattr(samples, name)())
    page.close()
    return capsys.readouterr().out


def test_a_report_in_a_pipe_is_plain_and_unwrapped(capsys: pytest.CaptureFixture[str]) -> None:
    text = _plain(capsys, "failing")

    assert "\x1b" not in text
    assert "  SM301  runs-on-examples       passed   2.1 s\n" in text
    assert "    next    look at the training run: the weights themselves are NaN (dense/kernel, dense/bias)\n" in text
    assert text.endswith("Not blessed: 12 passed, 1 failed, 1 warning, 2 skipped\nSM302 finite-outputs failed.\n")


def test_a_skipped_check_gives_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(r"SM304 +parity +skipped +no reference model was given", _plain(capsys, "failing"))


def test_hostile_names_cannot_drive_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "400")
    plain = _plain(capsys, "hostile")
    page = RichPage()
    show_report(page, samples.hostile())
    page.close()
    terminal = capsys.readouterr().out

    for text in (plain, terminal):
        assert samples.HOSTILE not in text
        assert "\\x1b[31m\\u202e" in text
        assert text.replace("\n", "").isprintable()


def test_a_terminal_has_colour(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    page = RichPage()
    show_report(page, samples.failing())
    page.close()

    assert "\x1b[1;31mNot blessed\x1b[0m" in capsys.readouterr().out
