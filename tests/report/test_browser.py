"""The page in a real browser: it opens, nothing complains, and nothing hostile runs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import require_tool
from tests.report import samples
from tfx_savedmodel.report.write import write_reports
from tfx_savedmodel.validation.result import Report

pytestmark = pytest.mark.tfx

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--dump-dom",
)


def _open(page: Path, profile: Path) -> tuple[str, list[str]]:
    """Return the document as the browser has it after loading, and what its console said."""
    chromium = require_tool("chromium", "apt-get install chromium", "chromium-browser", "google-chrome")
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("make", [samples.failing, samples.hostile], ids=lambda make: make.__name__)
def test_the_page_opens_with_a_silent_console(make: Callable[[], Report], tmp_path: Path) -> None:
    # The page's policy forbids every fetch and script: an attempt at one would be an error in the console.
    page = write_reports(make(), tmp_path / "report", samples.PAGES).html

    document, console = _open(page, tmp_path / "profile")

    assert console == []
    assert "<h1>Not blessed</h1>" in document
    assert "<script" not in document


def test_the_console_is_really_read(tmp_path: Path) -> None:
    page = write_reports(samples.blessed(), tmp_path / "report").html
    image = '<img src="https://example.com/x.png"></main>'
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", image), encoding="utf-8")

    _, console = _open(page, tmp_path / "profile")

    assert any("Content Security Policy" in line for line in console)
