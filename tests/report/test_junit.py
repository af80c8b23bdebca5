"""The report as JUnit XML: what a CI server makes of it."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET

import pytest

from tests.report import measured, samples
from tfx_savedmodel.report.junit import MAX_FINDINGS, render_junit
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Finding, Report, Upstream, Verdict

pytestmark = pytest.mark.unit

#: Of JUnit's schema as Jenkins and GitLab read it: what may stand in what, with which attributes.
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase", "system-out"},
    "properties": {"property"},
    "testcase": {"skipped", "error", "failure", "system-out"},
}
ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
    "property": {"name", "value"},
    "testcase": {"classname", "name", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
}
OPTIONAL = {"timestamp"}


def _suite(report: Report) -> ET.Element:
    root = ET.fromstring(render_junit(report))
    (suite,) = root
    return suite


def _case(suite: ET.Element, code: str) -> ET.Element:
    (case,) = (case for case in suite.findall("testcase") if case.get("name", "").startswith(code))
    return case


@pytest.mark.parametrize(
    "report",
    [samples.failing(), samples.undecided(), samples.hostile(), measured.distrusted(), measured.crowded()],
    ids=["failing", "undecided", "hostile", "distrusted", "crowded"],
)
def test_it_has_the_structure_that_servers_read(report: Report) -> None:
    root = ET.fromstring(render_junit(report))

    for element in root.iter():
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        found, wanted = set(element.keys()), ATTRIBUTES.get(element.tag, set())
        assert wanted - OPTIONAL <= found <= wanted
    cases = root.findall("testsuite/testcase")
    for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert root.get(attribute) == str(len([case for case in cases if case.find(tag) is not None]))
        assert all(len(case.findall(tag)) <= 1 for case in cases)
    assert root.get("tests") == str(len(cases)) == str(len(report.checks) + len(report.upstream))


def test_each_outcome_has_its_form() -> None:
    suite = _suite(samples.failing())

    failure = _case(suite, "SM302").find("failure")
    assert failure is not None
    assert failure.get("message") == "probabilities holds NaN for 68 of 68 examples (and 1 more)"
    assert "where: signature serving_default, output probabilities" in (failure.text or "")
    assert "next: look at the training run" in (failure.text or "")
    assert len(_case(suite, "SM101")) == 0
    assert [element.get("message") for element in _case(suite, "SM304")] == ["no reference model was given"]
    (warning,) = _case(suite, "SM107")
    assert warning.tag == "system-out"
    assert (warning.text or "").startswith("warning: a signature is named almost like xai_model")
    (waived,) = _case(suite, "SM120")
    assert (waived.text or "").startswith("waived (the vocabulary is ours and reviewed): ReadFile is reached")
    assert suite.get("timestamp") == "2025-03-04T10:31:02"
    assert suite.findtext("system-out") == f"given in vain: {samples.failing().notes[0]}"
    assert [item.get("value") for item in suite.iter("property") if item.get("name") == "verdict"] == ["NOT_BLESSED"]


def test_nothing_is_green_where_nothing_was_blessed() -> None:
    def red(report: Report) -> int:
        suite = _suite(report)
        return int(suite.get("failures", "")) + int(suite.get("errors", ""))

    skipped = CheckResult("SM304", "parity", CheckVerdict.SKIP, reason="no reference model was given")
    blessed = dataclasses.replace(samples.blessed(), checks=(*samples.blessed().checks, skipped))
    undecided = dataclasses.replace(blessed, verdict=Verdict.UNDECIDED, undecided_by=("SM304",))
    nothing = dataclasses.replace(blessed, verdict=Verdict.NOTHING_CHECKED, checks=(skipped,))
    upstream = (Upstream("/blessing/1", "InfraBlessing", False),)
    blocked = dataclasses.replace(blessed, verdict=Verdict.NOT_BLESSED, upstream=upstream)

    assert [red(report) for report in (blessed, undecided, nothing, blocked)] == [0, 1, 1, 1]
    (error,) = _case(_suite(undecided), "SM304")
    assert error.get("message") == "it had to be made and was not: no reference model was given"
    assert red(samples.undecided()) == 1


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1b", "\ud800", "\ufffe", "\uffff", "\u202e", "]]>", "\r"])
def test_what_xml_cannot_hold_is_written_out(character: str) -> None:
    name = f"a{character}b"
    finding = Finding(name, {name: name}, name, name, name)
    check = CheckResult("SM104", name, CheckVerdict.FAIL, title=name, findings=(finding,))
    report = dataclasses.replace(samples.failing(), model={"uri": name}, policy=name, checks=(check,))

    text = render_junit(report)
    texts = [*ET.fromstring(text.encode("utf-8")).itertext()]
    assert any("a" in part and "b" in part for part in texts)
    if character != "]]>":
        assert character not in text


def test_thousands_of_findings_do_not_drown_the_server() -> None:
    text = render_junit(measured.crowded())

    assert f"and {3000 - MAX_FINDINGS} more: report.json has them" in text
    assert len(text) < 1_000_000


def test_a_time_that_is_none_is_left_out() -> None:
    assert _suite(dataclasses.replace(samples.blessed(), created="some day")).get("timestamp") is None
