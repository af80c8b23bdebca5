"""What the checks find in third-party models is what is true of them.

Each model has a file in tests/truth, with the evidence for every entry; `python -m tests.corpus.evidence` gathered
it without the validator's code. A difference is a fault of one of the two: look before mending either.
`make test` takes a fixed sample through the loaders, `make test-full` all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, corpus_index
from tests.corpus.test_corpus import RECORDED_ON, SAMPLE, host, name
from tfx_savedmodel.operations.validate import Policy, Report, validate
from tfx_savedmodel.validation.loading.observe import LoaderHost
from tfx_savedmodel.validation.policy import Limits
from tfx_savedmodel.validation.registry import CHECKS
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict

pytestmark = pytest.mark.tf

__all__ = ["host"]

TRUTH = ROOT / "tests" / "truth"
SOURCES = {"index.json", "loader", "saved_model_cli", "protobuf", "bytes"}
CODES = {check.code for check in CHECKS}
LIMITS = Limits(seconds=120)

ENTRIES = corpus_index()
SAVED_MODELS = [entry for entry in ENTRIES if entry["format"].startswith("SavedModel")]


def sampled(entries: list[dict[str, Any]]) -> list[Any]:
    """Return the entries as parameters; those outside of the sample are for `make test-full`."""
    return [pytest.param(entry, marks=() if name(entry) in SAMPLE else pytest.mark.full) for entry in entries]


def truth_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TRUTH / f"{entry['name']}.json").read_text(encoding="utf-8"))
    return found


def differences(report: Report, truth: Mapping[str, Any]) -> dict[str, str]:
    """Return, by code, what a check says that is not what its truth says."""
    found = {}
    for check in report.checks:
        wanted = truth["checks"].get(check.code)
        difference = _difference(check, wanted) if wanted is not None else ""
        if difference:
            found[check.code] = difference
    return found


def _difference(check: CheckResult, wanted: Mapping[str, Any]) -> str:
    if check.verdict.value not in wanted["verdict"].split("|"):
        said = [finding.message for finding in check.findings] or check.reason
        return f"says {check.verdict.value} ({said}), is {wanted['verdict']}: {wanted['evidence']}"
    places = [dict(finding.where) for finding in check.findings]
    missed = [place for place in wanted.get("findings", ()) if not any(_within(place, found) for found in places)]
    if missed:
        return f"does not find {missed}, finds {places}: {wanted['evidence']}"
    extra = [found for found in places if not any(_within(place, found) for place in wanted.get("findings", ()))]
    return f"also finds {extra}: {wanted['evidence']}" if extra and wanted.get("exact") else ""


def _within(place: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return place.items() <= found.items()


def test_every_model_has_its_truth_and_every_truth_its_evidence(corpus: Path) -> None:
    assert {path.stem for path in TRUTH.glob("*.json")} == {name(entry) for entry in ENTRIES}
    for entry in ENTRIES:
        truth = truth_of(entry)
        assert truth["sha256"] == entry.get("sha256", ""), truth["model"]
        items = [*truth["checks"].values(), *truth["verdicts"].values()]
        evidence = [piece for item in items for piece in item["evidence"]]
        assert all(item["evidence"] for item in items)
        assert {piece["from"] for piece in evidence} <= SOURCES
        assert all(piece["says"] for piece in evidence)


def test_the_evidence_is_gathered_without_our_code() -> None:
    sources = list(Path(__file__).with_name("evidence").glob("*.py"))
    assert len(sources) > 5
    assert [
        path.name
        for path in sources
        if "import tfx_savedmodel" in (text := path.read_text(encoding="utf-8")) or "from tfx_savedmodel" in text
    ] == []


def test_each_check_is_seen_to_find_something_and_nothing() -> None:
    """A code that is PASS everywhere tells nothing: those that no third-party model fails are named here."""
    told: dict[str, set[str]] = {}
    for entry in ENTRIES:
        for code, item in truth_of(entry)["checks"].items():
            told.setdefault(code, set()).add(item["verdict"])
    not_given = {"SM105", "SM106", "SM107", "SM110", "SM114", "SM206"}
    agree = {"SM205"}
    assert {code for code, verdicts in told.items() if "FAIL" not in verdicts} == (
        not_given | agree if ENTRIES else set()
    )


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_the_files_are_judged_as_is_true(corpus: Path, entry: dict[str, Any]) -> None:
    report = validate(corpus / entry["dir"], select=["SM1"])
    assert differences(report, truth_of(entry)) == {}


@pytest.mark.parametrize(
    "entry", sampled([entry for entry in SAVED_MODELS if entry["category"] != "malicious"]), ids=name
)
def test_the_loads_are_judged_as_is_true(corpus: Path, host: LoaderHost, entry: dict[str, Any]) -> None:
    import tensorflow as tf

    if not tf.__version__.startswith(RECORDED_ON):
        pytest.skip(f"what loaders say was recorded on TensorFlow {RECORDED_ON}x")
    truth, policy = truth_of(entry), Policy(trusted=True, limits=LIMITS)
    report = validate(corpus / entry["dir"], select=["SM2"], policy=policy, host=host, **truth.get("asked", {}))
    assert differences(report, truth) == {}


@pytest.mark.parametrize("preset", ["default", "serving", "untrusted"])
@pytest.mark.parametrize("entry", sampled(ENTRIES), ids=name)
def test_the_verdict_is_true(corpus: Path, host: LoaderHost, entry: dict[str, Any], preset: str) -> None:
    import tensorflow as tf

    wanted = truth_of(entry)
    given = wanted.get("asked", {}) if preset == "serving" else {}
    report = validate(corpus / entry["dir"], policy=preset, host=host, **given)
    if entry["category"] == "malicious":
        loads = [check for check in report.checks if not check.code.startswith("SM1")]
        assert {check.verdict for check in loads} <= {CheckVerdict.SKIP}
    if (
        preset == "untrusted"
        or tf.__version__.startswith(RECORDED_ON)
        or entry["category"] in ("malformed", "malicious")
    ):
        faults = {check.code: check.verdict.value for check in report.checks if check.verdict is not CheckVerdict.PASS}
        assert report.verdict.value in wanted["verdicts"][preset]["any_of"], faults
