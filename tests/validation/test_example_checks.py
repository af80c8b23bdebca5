"""The example checks over batches made by hand: measure, merge in any order, judge."""

from __future__ import annotations

import functools
import itertools
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from tests.beam.views import graph_view
from tfx_savedmodel.saved_model.view import SignatureView, TensorSpec
from tfx_savedmodel.validation.check import ExampleCheck, RunFailed, Skip
from tfx_savedmodel.validation.checks.explanation_chain import ExplanationChain
from tfx_savedmodel.validation.checks.finite_outputs import FiniteOutputs
from tfx_savedmodel.validation.checks.output_specs import OutputSpecs
from tfx_savedmodel.validation.checks.parity import Parity
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples
from tfx_savedmodel.validation.result import Finding

pytestmark = pytest.mark.unit

Outputs = Mapping[str, Any]


class FakeRun:
    """A batch whose outputs are given: an exception in their place is raised."""

    def __init__(
        self,
        given: Mapping[str, Outputs | RunFailed],
        *,
        size: int = 2,
        first: int = 0,
        declared: Mapping[str, Mapping[str, TensorSpec]] | None = None,
        refused: Mapping[str, str] | None = None,
        reference: FakeRun | None = None,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        self.given = given
        self.size = size
        self.first = first
        self.signatures: Sequence[str] = tuple(given)
        self.refused = refused or {}
        self.reference = reference
        self.renamed_outputs = renamed or {}
        self.ordinal = 0
        self.called: list[tuple[str, Mapping[str, Any]]] = []
        inputs = {"x": TensorSpec("x:0", "float32", (None, 1))}
        views = {key: SignatureView(key, "", inputs, (declared or {}).get(key, {})) for key in [*given, *self.refused]}
        self.graph = graph_view(views)

    def inputs(self, signature: str) -> Outputs:
        return {}

    def outputs(self, signature: str) -> Outputs:
        given = self.given[signature]
        if isinstance(given, RunFailed):
            raise given
        return given

    def call(self, signature: str, inputs: Mapping[str, Any]) -> Outputs:
        self.called.append((signature, inputs))
        return self.outputs(signature)

    def position(self, row: int) -> Mapping[str, Any]:
        return {"file": "a", "record": self.first + row}

    def example(self, row: int) -> Mapping[str, str]:
        return {"x": str(self.first + row)}


def _total(check: ExampleCheck, *runs: FakeRun) -> Any:
    """Return the total of the runs, having seen that the order of merging does not matter."""
    partials = [pickle.loads(pickle.dumps(check.measure(run))) for run in runs]
    totals = [functools.reduce(check.merge, order) for order in itertools.permutations(partials)]
    assert all(total == totals[0] for total in totals)
    return totals[0]


def _findings(check: ExampleCheck, *runs: FakeRun) -> list[Finding]:
    return list(check.judge(_total(check, *runs)))


def _column(*values: Any, dtype: str = "float32") -> np.ndarray[Any, Any]:
    return np.array([[value] for value in values], dtype=dtype)


def test_refused_examples_are_counted_and_the_first_kept() -> None:
    runs = [
        FakeRun({"a": {}, "b": RunFailed("no", ["no 4", "no 5"])}, first=4),
        FakeRun({"a": {}, "b": RunFailed("no", ["no 0", "no 1"])}, first=0),
        FakeRun({"a": {}, "b": RunFailed("all at once")}, size=7, first=10),
    ]
    check = RunsOnExamples(keep=3)
    (finding,) = _findings(check, *runs)
    assert finding.where == {"signature": "b", "file": "a", "record": 0}
    assert finding.message == "it fails on 11 of 11 examples, 7 of them in batches that it refused as a whole"
    assert [text.split(":")[1].strip() for text in finding.found.split(";")] == ["no 0", "no 1", "no 4"]
    assert check.measurements(_total(check, *runs))["ran"] == {"a": 11, "b": 0}


def test_no_signature_that_can_be_fed_is_a_skip() -> None:
    with pytest.raises(Skip, match=r"a: no feature 'x'"):
        _findings(RunsOnExamples(), FakeRun({}, refused={"a": "no feature 'x'"}))


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
    runs = [FakeRun({"s": {"y": _column(1, 2)}}), FakeRun({"s": {"y": _column(1, value)}}, first=2)]
    (finding,) = _findings(FiniteOutputs(), *runs)
    assert finding.found == found
    assert finding.where == {"signature": "s", "output": "y", "file": "a", "record": 3}


def test_without_a_floating_point_output_nothing_is_said_of_finiteness() -> None:
    outputs = {"word": np.array([b"a", b"b"], dtype=object), "count": _column(1, 2, dtype="int64")}
    with pytest.raises(Skip):
        _findings(FiniteOutputs(), FakeRun({"s": outputs, "t": RunFailed("no")}))
    assert _findings(FiniteOutputs(), FakeRun({"s": {**outputs, "y": _column(1, 2)}})) == []


@pytest.mark.parametrize(
    ("spec", "array", "message"),
    [
        (TensorSpec("", "float32", (None, 1)), _column(1, 2), None),
        (TensorSpec("", "float32", None), _column(1, 2), None),
        (TensorSpec("", "string", (None,)), np.array([b"a", b"b"], dtype=object), None),
        (TensorSpec("", "float32", (3,)), np.zeros(3, np.float32), None),
        (TensorSpec("", "float32", ()), np.float32(1), None),
        (TensorSpec("", "float64", (None, 1)), _column(1, 2), "the dtype is not the declared one"),
        (TensorSpec("", "float32", (None,)), _column(1, 2), "the rank is not the declared one"),
        (TensorSpec("", "float32", (None, 2)), _column(1, 2), "the shape is not the declared one"),
        (TensorSpec("", "float32", (None, 1)), _column(1), "the batch dimension is not kept"),
    ],
)
def test_outputs_are_held_to_their_declaration(spec: TensorSpec, array: Any, message: str | None) -> None:
    runs = [FakeRun({"s": {"y": array}}, declared={"s": {"y": spec}}, first=first) for first in (0, 2)]
    assert [finding.message for finding in _findings(OutputSpecs(), *runs)] == ([message] if message else [])


def _parity(own: Any, wanted: Any, **fields: Any) -> list[Finding]:
    run = FakeRun({"s": {"y": own}}, reference=FakeRun({"s": {"y": wanted}}), size=len(own))
    return _findings(Parity(**fields), run)


@pytest.mark.parametrize(
    ("own", "wanted", "same"),
    [
        (_column(1.0, 2.0), _column(1.0, 2.0), True),
        (_column(1.0, 2.0), _column(1.0, 2.0001), True),
        (_column(1.0, 2.0), _column(1.0, 2.001), False),
        (_column(0.0), _column(5e-7), True),
        (_column(np.nan, np.inf), _column(np.nan, np.inf), True),
        (_column(np.nan), _column(1.0), False),
        (_column(np.inf), _column(-np.inf), False),
        (_column(1, dtype="int64"), _column(1, dtype="int32"), True),
        (_column(10**9, dtype="int64"), _column(10**9 + 1, dtype="int64"), False),
        (np.array([b"a"], dtype=object), np.array([b"a"], dtype=object), True),
        (np.array([b"a"], dtype=object), np.array([b"b"], dtype=object), False),
        (np.array([b"a"], dtype=object), np.array([1.0]), False),
        (_column(1.0, 2.0), np.zeros((2, 3)), False),
    ],
)
def test_what_counts_as_the_same_answer(own: Any, wanted: Any, same: bool) -> None:
    assert (not _parity(own, wanted)) is same


def test_the_worst_example_of_all_batches_is_shown() -> None:
    own = [_column(1.0, 2.0), _column(1.0, 9.0)]
    runs = [
        FakeRun({"s": {"y": array}}, reference=FakeRun({"s": {"y": _column(1.5, 2.0)}}), first=2 * number)
        for number, array in enumerate(own)
    ]
    (finding,) = _findings(Parity(), *runs)
    assert finding.message == "it differs from the reference on 3 of 4 examples, at worst by 7"
    assert finding.where == {"signature": "s", "output": "y", "file": "a", "record": 3}
    assert (finding.found, finding.wanted) == ("9", "2, within atol 1e-06 + rtol 0.0001")


@pytest.mark.parametrize("own", [_column(np.nan, 1.0), np.zeros((2, 3))])
def test_a_difference_that_is_no_number_is_not_given_as_one(own: Any) -> None:
    run = FakeRun({"s": {"y": own}}, reference=FakeRun({"s": {"y": _column(1.0, 1.0)}}))
    measured = Parity().measurements(_total(Parity(), run))
    assert measured["compared"]["s"]["y"]["largest_difference"] is None
    assert "inf" not in _findings(Parity(), run)[0].message


def test_tolerances_are_parameters() -> None:
    assert _parity(_column(1.0), _column(1.1)) != []
    assert _parity(_column(1.0), _column(1.1), atol=0.2) == []


def test_outputs_never_pair_by_position() -> None:
    run = FakeRun({"s": {"own": _column(1)}}, reference=FakeRun({"s": {"theirs": _column(1)}}), size=1)
    with pytest.raises(Skip, match=r"s: the model's \['own'\], the reference's \['theirs'\]"):
        _findings(Parity(), run)
    run.renamed_outputs = {"own": "theirs"}
    assert _findings(Parity(), run) == []


def test_parity_needs_a_reference_and_a_shared_signature() -> None:
    with pytest.raises(Skip, match="no reference"):
        Parity().measure(FakeRun({"s": {}}))
    with pytest.raises(Skip, match="the model's: s; the reference's: t"):
        Parity().measure(FakeRun({"s": {}}, reference=FakeRun({"t": {}})))


def _chain(explained: Outputs, served: Outputs, prepared: Outputs | None = None) -> FakeRun:
    prepared = {"x": _column(1, 2)} if prepared is None else prepared
    return FakeRun({"xai_model": explained, "xai_preprocess": prepared, "serving_default": served})


def test_the_explained_answer_is_the_served_one() -> None:
    run = _chain({"p": _column(1, 2)}, {"p": _column(1, 2), "more": _column(3, 4)})
    assert _findings(ExplanationChain(), run) == []
    assert run.called[0][0] == "xai_model"
    assert run.called[0][1]["x"] is run.given["xai_preprocess"]["x"]  # type: ignore[index]


def test_an_explained_answer_that_is_another_one() -> None:
    (finding,) = _findings(ExplanationChain(), _chain({"p": _column(1, 2)}, {"p": _column(1, 3)}))
    assert finding.where == {"signature": "xai_model", "output": "p", "file": "a", "record": 1}


def test_single_outputs_of_one_dtype_pair_whatever_their_names() -> None:
    assert _findings(ExplanationChain(), _chain({"p": _column(1, 2)}, {"q": _column(1, 2)})) == []
    with pytest.raises(Skip, match="no outputs pair"):
        ExplanationChain().measure(_chain({"p": _column(1, 2)}, {"q": _column(1, 2, dtype="int64")}))


def test_the_chain_needs_its_signatures_and_inputs() -> None:
    with pytest.raises(Skip, match="no signature 'xai_preprocess'"):
        ExplanationChain().measure(FakeRun({"serving_default": {}}))
    with pytest.raises(Skip, match="cannot feed 'xai_preprocess': no feature"):
        ExplanationChain().measure(FakeRun({"serving_default": {}}, refused={"xai_preprocess": "no feature 'x'"}))
    with pytest.raises(Skip, match=r"gives nothing for the input\(s\) x"):
        ExplanationChain().measure(_chain({"p": _column(1)}, {"p": _column(1)}, prepared={}))
