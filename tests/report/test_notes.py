"""What was given in vain stands in every form of a report, and is inert there."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET

import pytest

from tests.report import samples
from tfx_savedmodel.report.html import render_html
from tfx_savedmodel.report.json_report import render_json, report_document
from tfx_savedmodel.report.junit import render_junit
from tfx_savedmodel.report.markdown import render_markdown

pytestmark = pytest.mark.unit

NOTES = ("examples given, and no selected check looks at it", "features names '<script>`x`|@all\x1b[2J'")
REPORT = dataclasses.replace(samples.failing(), notes=NOTES)


def test_the_document_has_them_as_they_are() -> None:
    assert json.loads(render_json(report_document(REPORT)))["notes"] == list(NOTES)


@pytest.mark.parametrize("render", [render_html, render_markdown, render_junit])
def test_every_form_shows_them_inert(render: object) -> None:
    text = render(REPORT)  # type: ignore[operator]
    assert NOTES[0] in text
    assert "<script" not in text
    assert "\x1b" not in text
    assert NOTES[0] not in render(samples.failing())  # type: ignore[operator]


def test_ci_servers_read_them_as_the_suites_output() -> None:
    (suite,) = ET.fromstring(render_junit(REPORT))
    output = suite.find("system-out")
    assert output is not None
    assert (output.text or "").splitlines()[0] == f"note: {NOTES[0]}"
    assert suite.get("tests") == ET.fromstring(render_junit(samples.failing())).get("tests")
