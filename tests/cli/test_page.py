"""Text on a terminal and in a pipe."""

from __future__ import annotations

import dataclasses
import re

import pytest

from tests.report import samples
from tfx_savedmodel.cli.page import PlainPage, RichPage
from tfx_savedmodel.cli.report_text import show_report
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Verdict

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
    assert text.endswith(
        "Not blessed: 12 passed, 1 failed, 1 warning, 2 skipped, 1 finding waived\n"
        "SM302 finite-outputs failed. 1 finding of SM120 unsafe-ops is waived.\n"
        "It took 24.3 s: 11.2 s importing libraries, 400 ms reading the model and what is given, "
        "6.2 s loading the model and running its signatures, 6.1 s running examples.\n"
    )


def test_a_skipped_check_gives_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(r"SM304 +parity +skipped +no reference model was given", _plain(capsys, "failing"))


def test_checks_skipped_for_one_reason_share_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Nine checks over examples that nobody gave are one thing to know; what had to be answered stands out."""
    report = samples.failing()
    passed = report.checks[0]
    unmade = [CheckResult(f"SM30{n}", f"check-{n}", CheckVerdict.SKIP, reason="no examples were given") for n in (1, 2)]
    needed = CheckResult("SM303", "check-3", CheckVerdict.SKIP, reason="no examples were given")
    alone = CheckResult("SM304", "check-4", CheckVerdict.SKIP)
    checks = (unmade[0], passed, needed, unmade[1], alone)
    report = dataclasses.replace(report, verdict=Verdict.UNDECIDED, checks=checks, undecided_by=("SM303",))
    page = PlainPage()
    show_report(page, report)
    page.close()
    lines = capsys.readouterr().out.splitlines()

    assert lines[0].split()[0] == passed.code
    assert lines[1:4] == [
        "  SM301, SM302  skipped  no examples were given",
        "  SM303 check-3  SKIPPED  no examples were given",
        "  SM304 check-4  skipped  no reason was given",
    ]


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
