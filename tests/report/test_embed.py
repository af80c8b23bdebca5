"""The page inside another one."""

from __future__ import annotations

import html.parser

import pytest

from tests.report import samples
from tfx_savedmodel.report.embed import embed_page
from tfx_savedmodel.report.html import render_html

pytestmark = pytest.mark.unit


class _Frames(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_stands_in_one_frame_that_may_do_nothing() -> None:
    page = render_html(samples.failing(), samples.PAGES)

    _, (tag, attributes) = _Frames(embed_page(page, "/reports/7/")).found
    assert tag == "iframe"
    assert attributes["sandbox"] == ""
    assert "<code>/reports/7/report.json</code>" in (attributes["srcdoc"] or "")
    assert (attributes["srcdoc"] or "").replace(
        "<code>/reports/7/report.json</code>", '<a href="report.json">report.json</a>'
    ) == page


def test_neither_a_page_nor_a_place_breaks_out_of_the_frame() -> None:
    page = "\"'></iframe><script>alert(1)</script>" + '<a href="report.json">report.json</a>'

    _, (_, attributes) = _Frames(embed_page(page, samples.HOSTILE)).found
    assert set(attributes) == {"title", "sandbox", "style", "srcdoc"}
    assert "<code><script>" not in (attributes["srcdoc"] or "")
