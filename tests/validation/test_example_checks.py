"""The example checks over batches made by hand: measure, merge in any order, judge."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from tests.validation.runs import FakeRun, Outputs, column, findings, total
from tfx_savedmodel.saved_model.view import TensorSpec
from tfx_savedmodel.validation.check import RunFailed, Skip
from tfx_savedmodel.validation.checks.explanation_chain import ExplanationChain
from tfx_savedmodel.validation.checks.finite_outputs import FiniteOutputs
from tfx_savedmodel.validation.checks.output_specs import OutputSpecs
from tfx_savedmodel.validation.checks.parity import Parity
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples
from tfx_savedmodel.validation.result import Finding

pytestmark = pytest.mark.unit


def test_refused_examples_are_counted_and_the_first_kept() -> None:
    runs = [
        FakeRun({"a": {}, "b": RunFailed("no", ["no 4", "no 5"])}, first=4),
        FakeRun({"a": {}, "b": RunFailed("no", ["no 0", "no 1"])}, first=0),
        FakeRun({"a": {}, "b": RunFailed("all at once")}, size=7, first=10),
    ]
    check = RunsOnExamples(keep=3)
    (finding,) = findings(check, *runs)
    assert finding.where == {"signature": "b", "file": "a", "record": 0}
    assert finding.message == "it fails on 11 of 11 examples, 7 of them in batches that it refused as a whole"
    assert [text.split(":")[1].strip() for text in finding.found.split(";")] == ["no 0", "no 1", "no 4"]
    assert check.measurements(total(check, *runs))["ran"] == {"a": 11, "b": 0}


def test_files_that_were_not_tried_any_more_are_one_finding() -> None:
    check = RunsOnExamples(keep=3)
    faults = [
        {"file": f"part-{part:04d}", "record": 0, "lost": 0, "died": "", "reason": "not run: it had ended too often"}
        for part in range(2000)
    ]
    whole = functools.reduce(check.merge, map(check.measure_fault, reversed(faults)))
    (finding,) = check.judge(whole)
    assert finding.message == "it was not run on 2,000 files of examples, or parts of them"
    assert finding.where == {"file": "part-0000", "record": 0} and finding.found.count("part-") == 3
    assert check.measurements(whole)["ended_its_process"] == []


def test_no_signature_that_can_be_fed_is_a_skip() -> None:
    with pytest.raises(Skip, match=r"a: no feature 'x'"):
        findings(RunsOnExamples(), FakeRun({}, refused={"a": "no feature 'x'"}))


def test_unreadable_records_are_a_finding_also_where_nothing_else_was_read() -> None:
    check = RunsOnExamples()
    fault = check.measure_fault({"file": "a", "record": 3, "reason": "corrupt", "rest_lost": True})
    (finding,) = check.judge(fault)
    assert finding.where == {"file": "a", "record": 3}
    assert "of 1 file(s) the rest" in finding.message


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (np.nan, "NaN for 1 and infinity for 0 of 4 examples"),
        (np.inf, "NaN for 0 and infinity for 1 of 4 examples"),
        (-np.inf, "NaN for 0 and infinity for 1 of 4 examples"),
    ],
)
def test_numbers_that_are_not_finite_are_counted(value: float, found: str) -> None:
    runs = [FakeRun({"s": {"y": column(1, 2)}}), FakeRun({"s": {"y": column(1, value)}}, first=2)]
    (finding,) = findings(FiniteOutputs(), *runs)
    assert finding.found == found
    assert finding.where == {"signature": "s", "output": "y", "file": "a", "record": 3}


def test_without_a_floating_point_output_nothing_is_said_of_finiteness() -> None:
    outputs = {"word": np.array([b"a", b"b"], dtype=object), "count": column(1, 2, dtype="int64")}
    with pytest.raises(Skip):
        findings(FiniteOutputs(), FakeRun({"s": outputs, "t": RunFailed("no")}))
    assert findings(FiniteOutputs(), FakeRun({"s": {**outputs, "y": column(1, 2)}})) == []


@pytest.mark.parametrize(
    ("spec", "array", "message"),
    [
        (TensorSpec("", "float32", (None, 1)), column(1, 2), None),
        (TensorSpec("", "float32", None), column(1, 2), None),
        (TensorSpec("", "string", (None,)), np.array([b"a", b"b"], dtype=object), None),
        (TensorSpec("", "float32", (3,)), np.zeros(3, np.float32), None),
        (TensorSpec("", "float32", ()), np.float32(1), None),
        (TensorSpec("", "float64", (None, 1)), column(1, 2), "the dtype is not the declared one"),
        (TensorSpec("", "float32", (None,)), column(1, 2), "the rank is not the declared one"),
        (TensorSpec("", "float32", (None, 2)), column(1, 2), "the shape is not the declared one"),
        (TensorSpec("", "float32", (None, 1)), column(1), "the batch dimension is not kept"),
    ],
)
def test_outputs_are_held_to_their_declaration(spec: TensorSpec, array: Any, message: str | None) -> None:
    runs = [FakeRun({"s": {"y": array}}, declared={"s": {"y": spec}}, first=first) for first in (0, 2)]
    assert [finding.message for finding in findings(OutputSpecs(), *runs)] == ([message] if message else [])


def _parity(own: Any, wanted: Any, **fields: Any) -> list[Finding]:
    run = FakeRun({"s": {"y": own}}, reference=FakeRun({"s": {"y": wanted}}), size=len(own))
    return findings(Parity(**fields), run)


@pytest.mark.parametrize(
    ("own", "wanted", "same"),
    [
        (column(1.0, 2.0), column(1.0, 2.0), True),
        (column(1.0, 2.0), column(1.0, 2.0001), True),
        (column(1.0, 2.0), column(1.0, 2.001), False),
        (column(0.0), column(5e-7), True),
        (column(np.nan, np.inf), column(np.nan, np.inf), True),
        (column(np.nan), column(1.0), False),
        (column(np.inf), column(-np.inf), False),
        (column(1, dtype="int64"), column(1, dtype="int32"), True),
        (column(10**9, dtype="int64"), column(10**9 + 1, dtype="int64"), False),
        (np.array([b"a"], dtype=object), np.array([b"a"], dtype=object), True),
        (np.array([b"a"], dtype=object), np.array([b"b"], dtype=object), False),
        (np.array([b"a"], dtype=object), np.array([1.0]), False),
        (column(1.0, 2.0), np.zeros((2, 3)), False),
    ],
)
def test_what_counts_as_the_same_answer(own: Any, wanted: Any, same: bool) -> None:
    assert (not _parity(own, wanted)) is same


def test_the_worst_example_of_all_batches_is_shown() -> None:
    own = [column(1.0, 2.0), column(1.0, 9.0)]
    runs = [
        FakeRun({"s": {"y": array}}, reference=FakeRun({"s": {"y": column(1.5, 2.0)}}), first=2 * number)
        for number, array in enumerate(own)
    ]
    (finding,) = findings(Parity(), *runs)
    assert finding.message == "it differs from the reference on 3 of 4 examples, at worst by 7"
    assert finding.where == {"signature": "s", "output": "y", "file": "a", "record": 3, "example": "x=3"}
    assert (finding.found, finding.wanted) == ("9", "2, within atol 1e-06 + rtol 0.0001")


@pytest.mark.parametrize("own", [column(np.nan, 1.0), np.zeros((2, 3))])
def test_a_difference_that_is_no_number_is_not_given_as_one(own: Any) -> None:
    run = FakeRun({"s": {"y": own}}, reference=FakeRun({"s": {"y": column(1.0, 1.0)}}))
    measured = Parity().measurements(total(Parity(), run))
    assert measured["compared"]["s"]["y"]["largest_difference"] is None
    assert "inf" not in findings(Parity(), run)[0].message


def test_tolerances_are_parameters() -> None:
    assert _parity(column(1.0), column(1.1)) != []
    assert _parity(column(1.0), column(1.1), atol=0.2) == []


def test_outputs_never_pair_by_position() -> None:
    run = FakeRun({"s": {"own": column(1)}}, reference=FakeRun({"s": {"theirs": column(1)}}), size=1)
    with pytest.raises(Skip, match=r"s: the model's \['own'\], the reference's \['theirs'\]"):
        findings(Parity(), run)
    run.renamed_outputs = {"own": "theirs"}
    assert findings(Parity(), run) == []


def test_parity_needs_a_reference_and_a_shared_signature() -> None:
    with pytest.raises(Skip, match="no reference"):
        Parity().measure(FakeRun({"s": {}}))
    with pytest.raises(Skip, match="the model's: s; the reference's: t"):
        Parity().measure(FakeRun({"s": {}}, reference=FakeRun({"t": {}})))


def _chain(explained: Outputs, served: Outputs, prepared: Outputs | None = None) -> FakeRun:
    prepared = {"x": column(1, 2)} if prepared is None else prepared
    return FakeRun({"xai_model": explained, "xai_preprocess": prepared, "serving_default": served})


def test_the_explained_answer_is_the_served_one() -> None:
    run = _chain({"p": column(1, 2)}, {"p": column(1, 2), "more": column(3, 4)})
    assert findings(ExplanationChain(), run) == []
    assert run.called[0][0] == "xai_model"
    assert run.called[0][1]["x"] is run.given["xai_preprocess"]["x"]  # type: ignore[index]


def test_an_explained_answer_that_is_another_one() -> None:
    (finding,) = findings(ExplanationChain(), _chain({"p": column(1, 2)}, {"p": column(1, 3)}))
    assert finding.where == {"signature": "xai_model", "output": "p", "file": "a", "record": 1, "example": "x=1"}


def test_single_outputs_of_one_dtype_pair_whatever_their_names() -> None:
    assert findings(ExplanationChain(), _chain({"p": column(1, 2)}, {"q": column(1, 2)})) == []
    with pytest.raises(Skip, match="no outputs pair"):
        ExplanationChain().measure(_chain({"p": column(1, 2)}, {"q": column(1, 2, dtype="int64")}))


def test_the_chain_needs_its_signatures_and_inputs() -> None:
    with pytest.raises(Skip, match="no signature 'xai_preprocess'"):
        ExplanationChain().measure(FakeRun({"serving_default": {}}))
    with pytest.raises(Skip, match="cannot feed 'xai_preprocess': no feature"):
        ExplanationChain().measure(FakeRun({"serving_default": {}}, refused={"xai_preprocess": "no feature 'x'"}))
    with pytest.raises(Skip, match=r"gives nothing for the input\(s\) x"):
        ExplanationChain().measure(_chain({"p": column(1)}, {"p": column(1)}, prepared={}))
