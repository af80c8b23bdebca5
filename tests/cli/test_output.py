"""Progress on standard error: lines that grep likes, and on a terminal one that lives."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.models import write_model
from tests.conftest import require_module
from tfx_savedmodel.cli.output import Progress

pytestmark = pytest.mark.unit

HOSTILE = "loading [bold red]x[/] \x1b[2J"


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


def said(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    progress = Progress()
    progress("reading the graph")
    progress(HOSTILE)
    progress.done()
    progress.done()
    return stream.getvalue()


def test_without_a_terminal_each_step_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(monkeypatch, io.StringIO()).splitlines() == [
        "reading the graph",
        "loading [bold red]x[/] \\x1b[2J",
    ]


def test_on_a_terminal_one_line_changes_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(monkeypatch, Terminal())
    assert "reading the graph" in text
    assert "0:00:00" in text
    assert "loading [bold red]x[/] \\x1b[2J" in text  # neither markup nor the terminal's own language
    assert "\x1b[2J" not in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back
    assert text.endswith("\x1b[2K")  # and the line is gone


def test_nothing_is_drawn_where_nothing_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    Progress().done()
    assert terminal.getvalue() == ""


def test_a_terminals_progress_leaves_the_document_alone(tmp_path: Path) -> None:
    """The whole command with a real terminal as its standard error and a pipe as its standard output."""
    pty = require_module("pty", "it comes with Python on Unix")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tfx_savedmodel.cli.main", "validate", str(write_model(tmp_path))]
    command += ["--select", "SM101", "--format", "json"]
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        out, _ = process.communicate(timeout=60)
    drawn = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert process.returncode == 0
    assert out.startswith(b"{")
    assert out.rstrip().endswith(b"}")
    assert "reading the graph" in drawn
