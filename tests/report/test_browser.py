"""The page in a real browser: it opens, nothing complains, nothing hostile runs, and it fits a phone."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require_tool
from tests.report import measured, samples
from tfx_savedmodel.report.embed import embed_page
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
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
)
SCHEMES = {"light": "--blink-settings=preferredColorScheme=1", "dark": "--blink-settings=preferredColorScheme=0"}
REPORTS = (samples.failing, measured.serving, measured.hostile, measured.crowded)
PHONE = 360

#: A page around ours that looks at it as a phone would show it, and writes down what it saw: our own
#: page may run no script. Contrast is WCAG's, of every text against the nearest background behind it.
LOOKING = """<!doctype html><body style="margin:0">
<iframe style="width: %(width)dpx; height: 800px; border: 0" src="%(page)s"></iframe><pre id="seen"></pre>
<script>
const light = color => {
  const parts = color.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
};
const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
const opaque = color => color !== "transparent" && !/, 0\\)$/.test(color);
window.onload = () => {
  const seen = document.querySelector("iframe").contentDocument, view = seen.defaultView;
  seen.querySelectorAll("details").forEach(item => item.open = true);
  const wide = [], faint = [];
  let texts = 0;
  for (const element of seen.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    const scrolls = element.closest(".scroll");
    if (box.width && box.right > seen.documentElement.clientWidth + 1 && (!scrolls || scrolls === element)) {
      wide.push(element.outerHTML.slice(0, 200));
    }
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!own || !box.width) continue;
    texts += 1;
    let behind = element;
    const ground = () => view.getComputedStyle(behind).backgroundColor;
    while (behind.parentElement && !opaque(ground())) behind = behind.parentElement;
    const style = view.getComputedStyle(element);
    const ratio = contrast(element.tagName === "text" ? style.fill : style.color, ground());
    if (ratio < 4.5) faint.push([ratio, element.outerHTML.slice(0, 200)]);
  }
  const ids = [...seen.querySelectorAll("[id]")].map(element => element.id);
  document.getElementById("seen").textContent = JSON.stringify({
    width: seen.documentElement.scrollWidth, wide, faint, texts,
    repeated: ids.filter((id, at) => ids.indexOf(id) !== at),
    background: view.getComputedStyle(seen.body).backgroundColor, scripts: seen.scripts.length,
  });
};
</script>"""


def _open(page: Path, profile: Path, *flags: str) -> tuple[str, list[str]]:
    """Return the document as the browser has it after loading, and what its console said."""
    chromium = require_tool("chromium", "apt-get install chromium", "chromium-browser", "google-chrome")
    command = [chromium, *FLAGS, *flags, "--dump-dom", f"--user-data-dir={profile}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("make", [samples.failing, measured.serving, measured.hostile], ids=lambda make: make.__name__)
def test_the_page_opens_with_a_silent_console(make: Callable[[], Report], tmp_path: Path) -> None:
    # The page's policy forbids every fetch and script: an attempt at one would be an error in the console.
    page = write_reports(make(), tmp_path / "report", samples.PAGES).html

    document, console = _open(page, tmp_path / "profile")

    assert console == []
    assert "<h1>" in document
    assert "<script" not in document


def test_the_console_is_really_read(tmp_path: Path) -> None:
    page = write_reports(samples.blessed(), tmp_path / "report").html
    image = '<img src="https://example.com/x.png"></main>'
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", image), encoding="utf-8")

    _, console = _open(page, tmp_path / "profile")

    assert any("Content Security Policy" in line for line in console)


def _look(page: Path, tmp_path: Path, scheme: str) -> tuple[dict[str, Any], list[str]]:
    """Return what the page around ours saw of it, and what the console said."""
    looking = tmp_path / "looking.html"
    looking.write_text(LOOKING % {"width": PHONE, "page": page.as_uri()}, encoding="utf-8")
    document, console = _open(looking, tmp_path / "profile", "--allow-file-access-from-files", SCHEMES[scheme])
    (written,) = re.findall(r'<pre id="seen">(.*?)</pre>', document, re.DOTALL)
    return json.loads(html.unescape(written)), console


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("make", REPORTS, ids=lambda make: make.__name__)
def test_the_page_fits_a_phone_and_is_legible(make: Callable[[], Report], scheme: str, tmp_path: Path) -> None:
    page = write_reports(make(), tmp_path / "report", samples.PAGES).html

    seen, console = _look(page, tmp_path, scheme)

    assert console == []
    assert seen["wide"] == []
    assert seen["width"] == PHONE
    assert seen["texts"] > 40
    assert seen["faint"] == []
    assert seen["repeated"] == []
    assert seen["scripts"] == 0
    assert seen["background"] == {"light": "rgb(247, 246, 243)", "dark": "rgb(18, 19, 21)"}[scheme]


def test_what_does_not_fit_or_is_faint_is_really_seen(tmp_path: Path) -> None:
    page = write_reports(samples.blessed(), tmp_path / "report").html
    broken = '<p id="SM101" style="width: 500px; color: #ddd; background: #fff">faint and wide</p></main>'
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", broken), encoding="utf-8")

    seen, _ = _look(page, tmp_path, "light")

    assert seen["width"] > PHONE
    assert [text for text in seen["wide"] if "faint and wide" in text]
    assert [ratio for ratio, text in seen["faint"]] == [pytest.approx(1.36, abs=0.01)]
    assert seen["repeated"] == ["SM101"]


def test_in_a_frame_the_page_shows_and_says_nothing(tmp_path: Path) -> None:
    page = write_reports(measured.hostile(), tmp_path / "report", samples.PAGES).html
    around = tmp_path / "notebook.html"
    frame = embed_page(page.read_text(encoding="utf-8"), str(tmp_path))
    around.write_text(f"<!doctype html><title>notebook</title><body>{frame}</body>", encoding="utf-8")

    document, console = _open(around, tmp_path / "profile")

    assert console == []
    assert "<title>notebook</title>" in document
    assert "<script" not in document
