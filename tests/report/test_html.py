"""report.html: one page, self-contained, with every name of the model inert."""

from __future__ import annotations

import dataclasses
import html.parser
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.report import measured, samples
from tfx_savedmodel.report.check_parts import MAX_FINDINGS
from tfx_savedmodel.report.html import render_html
from tfx_savedmodel.report.write import write_reports
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Finding, Report, Verdict

pytestmark = pytest.mark.unit


class _Page(html.parser.HTMLParser):
    """The elements, attributes and visible text of a page."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.unclosed: list[str] = []
        self.source = render_html(report, samples.PAGES)
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "link", "path", "circle", "use"):
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("use", "path", "circle"):
            assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.unclosed[-1:] != ["style"] and data.strip():
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def _before(text: str, *parts: str) -> None:
    places = [text.index(part) for part in parts]
    assert places == sorted(places), parts


def test_the_verdict_comes_first_and_what_failed_next() -> None:
    text = _Page(samples.failing()).text

    _before(text, "Not blessed SM302 finite-outputs failed.", "12 passed", "What failed", "Every check", "Signatures")
    _before(text, "What failed", "probabilities holds NaN", "where", "found", "wanted", "next", "Worth a look")
    for fact in ("8f1c0a96d2b74e35", "2.15.1", "default", "Format-Serving", "2025-03-04 10:31 UTC", "24.3 s"):
        assert fact in text


def test_checks_show_page_reason_measurements_and_waivers() -> None:
    text = _Page(samples.failing()).text

    assert samples.PAGES["SM302"]["why"] in text
    assert samples.PAGES["SM302"]["remedy"] in text
    assert "no reference model was given" in text
    assert "the vocabulary is ours and reviewed" in text
    assert "xai_preprocess › features -2.135 0.04123 3.01 0 612" in text


def test_signatures_show_method_name_dtypes_and_shapes() -> None:
    text = _Page(samples.failing()).text

    assert "serve_raw tensorflow/serving/predict Inputs dtype shape body_mass_g float32 [?, 1]" in text
    assert "Outputs dtype shape probabilities float32 [?, 3]" in text


def test_what_was_given_in_vain_is_told() -> None:
    text = _Page(samples.failing()).text

    assert "Given in vain the waiver of SM113 matched nothing: take it out of the policy" in text


def test_upstream_blessings_are_shown() -> None:
    assert "SavedModelValidator.estimator/blessing/9 InfraBlessing blessed" in _Page(samples.failing()).text


@pytest.mark.parametrize("make", [samples.failing, samples.undecided, samples.hostile], ids=lambda make: make.__name__)
def test_nothing_runs_and_nothing_is_fetched(make: Callable[[], Report]) -> None:
    page = _Page(make())

    assert not page.unclosed
    assert not {"script", "iframe", "object", "embed", "base", "img", "form"} & set(page.elements)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset", "action")]
    links = {value for name, value in page.attributes if name == "href"}
    assert {link for link in links if not link.startswith("#")} == {"data:,", "report.json"}
    assert "url(" not in page.source
    assert "@import" not in page.source
    assert "default-src 'none'" in page.source


def test_hostile_names_stay_text() -> None:
    page = _Page(samples.hostile())

    assert "alert(1)" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "\x1b" not in page.source
    assert "\u202e" not in page.source
    assert all("<script>alert" not in part for part in page.source.split("<title>"))


def test_backticks_make_code_and_open_no_hole() -> None:
    findings = (Finding("`<b>` and `x`"), Finding("a lone ` and <i>"))
    check = CheckResult("SM104", "signature-definitions", CheckVerdict.FAIL, findings=findings)

    source = _Page(dataclasses.replace(samples.failing(), checks=(check,))).source

    assert "<code>&lt;b&gt;</code> and <code>x</code>" in source
    assert "a lone ` and &lt;i&gt;" in source


def test_a_model_that_cannot_be_read_has_a_page_too() -> None:
    broken = CheckResult("SM101", "structure", CheckVerdict.FAIL, findings=(Finding("saved_model.pb is no protobuf"),))
    model = {"uri": "/m", "fingerprint": None, "tensorflow_version": None, "meta_graphs": []}

    text = _Page(dataclasses.replace(samples.failing(), model=model, checks=(broken,), upstream=())).text

    assert "saved_model.pb is no protobuf" in text
    assert "Signatures" not in text


def test_a_waived_finding_is_shown_with_its_reason() -> None:
    text = _Page(samples.failing()).text

    _before(text, "Waived by the policy", "SM120 unsafe-ops 1 waived", "ReadFile is reached", "Every check")
    assert "waived the vocabulary is ours and reviewed where function __inference_transform_412" in text


def test_the_worst_example_is_shown_with_its_inputs_one_by_one() -> None:
    page = _Page(_without_drawings(measured.serving()))

    _before(page.text, "Worth a look", "file eval-00000-of-00002.gz, record 117", "inputs body_mass_g 3200", "found")
    assert "island Torgersen sex FEMALE" in page.text


def test_checks_that_were_not_safe_to_make_are_told_once_with_the_reason() -> None:
    text = _Page(measured.distrusted()).text

    _before(text, "What failed", "What was not checked not run: SM120 failed SM201 native-load SM202", "Every check")


def test_what_reaches_what_is_shown_signatures_first() -> None:
    text = _Page(samples.failing()).text

    reach = text[text.index("What reaches what") :]
    _before(reach, "signature serve_raw 188 nodes 6 functions 6 variables 2 assets", "init 9 nodes 1 function 2 assets")
    _before(reach, "restore", "2 functions that Python can call", "function __inference__wrapped_model_1021")
    assert "Restored, but reached by no signature: Adam/iter Adam/learning_rate count Written" in reach


def test_a_page_stays_readable_whatever_the_model_has() -> None:
    page = _Page(_without_drawings(measured.crowded()))

    for left_out in ("90 more signatures", "8 more MetaGraphs", "260 more", "60 more roots", "60 more functions"):
        assert f"and {left_out}: report.json has them" in page.text
    assert "and 50 more: report.json has them" in page.text  # upstream blessings
    assert "and 460 more: report.json has them" in page.text  # a root's variables
    assert max(map(len, page.texts)) < 3000


def _without_drawings(report: Report) -> Report:
    # Drawings need matplotlib, which takes longer to import than this whole tier may take.
    plain = [dataclasses.replace(check, measurements={}) for check in report.checks]
    return dataclasses.replace(report, checks=tuple(plain))


def test_what_left_the_verdict_open_is_shown() -> None:
    skipped = CheckResult("SM304", "parity", CheckVerdict.SKIP, reason="no reference model was given")
    report = dataclasses.replace(
        samples.blessed(), verdict=Verdict.UNDECIDED, checks=(skipped,), undecided_by=("SM304",)
    )

    _before(_Page(report).text, "Undecided", "What was not checked", "no reference model was given", "Every check")
    assert "What could not be told SM202 tf2-load not made" in _Page(samples.undecided()).text


def test_thousands_of_findings_do_not_drown_the_page() -> None:
    findings = tuple(Finding(f"finding number {number}") for number in range(3000))
    check = CheckResult("SM120", "unsafe-ops", CheckVerdict.FAIL, findings=findings)

    text = _Page(dataclasses.replace(samples.failing(), checks=(check,))).text

    assert text.count("finding number") == MAX_FINDINGS
    assert "and 2 975 more: report.json has them" in text


def test_both_forms_are_written(tmp_path: Path) -> None:
    paths = write_reports(samples.failing(), tmp_path / "report")

    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["report.html", "report.json"]
    assert "Not blessed" in paths.html.read_text(encoding="utf-8")
    assert paths.json.read_text(encoding="utf-8").startswith('{\n  "schema_version": 1')
