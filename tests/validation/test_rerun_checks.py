"""The checks that run a batch again: alone and in another order, twice, and against the clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.validation.runs import FakeRun, ModelRun, column, findings, total
from tfx_savedmodel.saved_model.view import NodeView, TensorSpec
from tfx_savedmodel.validation.check import RunFailed, Skip
from tfx_savedmodel.validation.checks.batch_invariance import BatchInvariance
from tfx_savedmodel.validation.checks.determinism import Determinism
from tfx_savedmodel.validation.checks.latency_budget import BINS, LatencyBudget
from tfx_savedmodel.validation.checks.parity import Parity

pytestmark = pytest.mark.unit

X = np.arange(1, 7, dtype=np.float32).reshape(6, 1)


def _invariance(function: Callable[[Any], Any], **fields: Any) -> list[Any]:
    return findings(BatchInvariance(**fields), ModelRun(X, {"s": function}))


def test_a_model_that_looks_at_rows_alone_is_invariant() -> None:
    assert _invariance(lambda x: {"y": np.tanh(x), "word": np.array([b"a" * int(v) for v in x[:, 0]], object)}) == []


@pytest.mark.parametrize(
    ("function", "ways"),
    [
        (lambda x: x - x.mean(), {"alone", "among fewer others"}),
        (lambda x: np.cumsum(x, axis=0), {"alone", "in another order", "among fewer others"}),
        (lambda x: np.sort(x, axis=0), {"in another order"}),
        (lambda x: (x * 0 + len(x)).astype(np.int64), {"alone", "among fewer others"}),
    ],
)
def test_what_mixes_the_rows_of_a_batch_is_found(function: Callable[[Any], Any], ways: set[str]) -> None:
    found = _invariance(lambda x: {"y": function(x)})
    assert {
        way for way in ("alone", "in another order", "among fewer others") for f in found if way in f.message
    } == ways


def test_the_worst_example_is_shown_with_its_record_and_features() -> None:
    def model(x: Any) -> Any:
        return {"y": x + (len(x) == 1) * x**2}

    (finding,) = findings(BatchInvariance(examples=3), ModelRun(X, {"s": model}, first=10))
    assert finding.where == {"signature": "s", "output": "y", "file": "a", "record": 15, "example": "x=15"}
    assert (finding.found, finding.wanted) == ("42 alone", "6, as in its batch")


def test_noise_of_the_last_digits_is_tolerated_and_more_is_not() -> None:
    def noisy(part: float) -> Callable[[Any], Any]:
        return lambda x: {"y": x * (1 + part / len(x))}

    assert _invariance(noisy(3e-5)) == []
    assert _invariance(noisy(3e-3)) != []
    assert _invariance(noisy(3e-3), rtol=1e-2) == []
    assert _invariance(lambda x: {"y": noisy(3e-3)(x)["y"].astype(np.float16)}) == []


@pytest.mark.parametrize(("dtype", "tolerated"), [("float16", True), ("float32", False)])
def test_noise_of_half_precision_within_the_graph_is_tolerated(dtype: str, tolerated: bool) -> None:
    node = NodeView("y", "MatMul", (), "", (), lambda attr: dtype if attr == "T" else None)
    declared = {"s": {"y": TensorSpec("y:0", "float32", (None, 1))}}
    run = ModelRun(X, {"s": lambda x: {"y": x * (1 + 0.01 * (x[0] - x[-1]) / 5)}}, nodes={"y": node}, declared=declared)
    assert (findings(BatchInvariance(), run) == []) is tolerated


def test_what_is_filled_up_to_the_longest_of_the_batch_is_compared_where_it_is_there() -> None:
    def ragged(x: Any) -> Any:
        longest = int(x.max())
        return {"y": np.array([[value if column < value else 0 for column in range(longest)] for value in x[:, 0]])}

    run = ModelRun(X, {"s": ragged}, declared={"s": {"y": TensorSpec("y:0", "float64", (None, None))}})
    assert findings(BatchInvariance(), run) == []
    run = ModelRun(X, {"s": ragged}, declared={"s": {"y": TensorSpec("y:0", "float64", (None, 6))}})
    assert "shape" in findings(BatchInvariance(), run)[0].message


def test_a_batch_size_that_is_refused_is_a_finding() -> None:
    def model(x: Any) -> Any:
        if len(x) == 1:
            raise RunFailed("wants two")
        return {"y": x}

    (finding,) = _invariance(model)
    assert finding.found == "wants two" and "alone" in finding.message


def test_what_fails_when_it_is_asked_again_ran_all_the_same() -> None:
    asked: list[bytes] = []

    def model(x: Any) -> Any:
        asked.append(x.tobytes())
        if asked.count(asked[-1]) > 1:
            raise RunFailed("the queue is empty")
        return {"y": x - x.mean()}

    found = _invariance(model)
    assert {(item.where["output"], item.found) for item in found if "not on its examples" in item.message} == set()
    assert ["another answer alone" in item.message for item in found] == [True, False]


def test_the_whole_batch_is_asked_once_more_for_a_signature() -> None:
    sizes: list[int] = []

    def model(x: Any) -> Any:
        sizes.append(len(x))
        return {"y": x - x.mean(), "z": np.cumsum(x, axis=0)}

    _invariance(model, examples=3)
    # Its own, the reverse, that once more, and the same once more; each row and the few of them twice.
    assert [sizes.count(size) for size in (6, 1, 3)] == [4, 6, 2]


def test_what_varies_by_itself_says_nothing_of_its_batch() -> None:
    count = itertools.count()
    run = ModelRun(X, {"s": lambda x: {"y": x + next(count), "z": x * 2}, "t": lambda x: {"y": x - x.mean()}})
    check = BatchInvariance()
    found = total(check, run)
    assert {finding.where["signature"] for finding in check.judge(found)} == {"t"}
    measured = check.measurements(found)
    assert measured["varies_by_itself"] == ["s.y"]
    assert set(measured["compared"]["s"]) == {"z"}


def test_where_all_vary_by_themselves_nothing_is_said() -> None:
    count = itertools.count()
    check = BatchInvariance()
    found = total(check, ModelRun(X, {"s": lambda x: {"y": x + next(count)}}))
    with pytest.raises(Skip, match=r"each time, in the same batch too: s\.y"):
        list(check.judge(found))


def test_what_varies_in_another_size_of_batch_only_is_seen_too() -> None:
    count = itertools.count()
    run = ModelRun(X, {"s": lambda x: {"y": x + (len(x) == 1) * next(count)}})
    assert BatchInvariance().measure(run).varying == {("s", "y")}


def test_an_invariant_model_is_run_no_more_often_than_it_takes() -> None:
    run = ModelRun(X, {"s": lambda x: {"y": x}})
    BatchInvariance(examples=4).measure(run)
    assert run.reruns == 4 + 1 + 1


def test_only_the_first_batches_are_run_again() -> None:
    run = ModelRun(X, {"s": lambda x: {"y": x}}, ordinal=1)
    assert BatchInvariance().measure(run) is None and Determinism().measure(run) is None
    assert LatencyBudget(milliseconds=1).measure(run) is None
    assert run.reruns == 0


def test_invariance_is_not_said_of_single_examples_or_of_outputs_without_rows() -> None:
    with pytest.raises(Skip, match="second example"):
        BatchInvariance().measure(ModelRun(X[:1], {"s": lambda x: {"y": x}}))
    with pytest.raises(Skip, match="row for each example"):
        BatchInvariance().measure(ModelRun(X, {"s": lambda x: {"y": x.mean()}}))


def _node(name: str, op: str, *inputs: str) -> NodeView:
    return NodeView(name, op, inputs, "", (), lambda attr: None)


def test_another_answer_the_second_time_names_the_random_op() -> None:
    count = itertools.count()
    nodes = {
        "y": _node("y", "Add", "noise", "n"),
        "noise": _node("noise", "RandomStandardNormal"),
        "n": _node("n", "AssignAddVariableOp"),
        "aside": _node("aside", "RandomUniform"),
    }
    declared = {"s": {"y": TensorSpec("y:0", "float32", (None, 1))}}
    run = ModelRun(X, {"s": lambda x: {"y": x + next(count)}}, nodes=nodes, declared=declared, first=4)
    (finding,) = findings(Determinism(), run)
    assert finding.next == "look at RandomStandardNormal in node 'noise', AssignAddVariableOp in node 'n'"
    assert finding.where == {"signature": "s", "output": "y", "file": "a", "record": 4, "example": "x=4"}
    assert finding.found == "2 the second time" and finding.wanted == "1, as the first time"


def test_the_same_answers_twice_are_equal_bit_by_bit() -> None:
    def model(x: Any) -> Any:
        return {"y": np.where(x > 3, np.nan, x), "word": np.array([b"a"] * len(x), object)}

    assert findings(Determinism(), ModelRun(X, {"s": model})) == []
    count = itertools.count()
    tiny = {"s": lambda x: {"y": x * (1 + next(count) * 1e-6).__float__()}}
    assert findings(Determinism(), ModelRun(X.astype(np.float64), tiny)) != []
    assert findings(Determinism(rtol=1e-5), ModelRun(X.astype(np.float64), tiny)) == []


def test_a_signature_that_runs_only_once_is_a_finding() -> None:
    count = itertools.count()

    def model(x: Any) -> Any:
        if next(count):
            raise RunFailed("used up")
        return {"y": x}

    (finding,) = findings(Determinism(), ModelRun(X, {"s": model, "t": lambda x: {"y": x}}))
    assert finding.where == {"signature": "s"} and finding.found == "used up"


def test_without_a_budget_no_request_is_made() -> None:
    with pytest.raises(Skip, match="no budget"):
        LatencyBudget().measure(ModelRun(X, {"s": lambda x: {"y": x}}))


def _timed(*milliseconds: float) -> ModelRun:
    return ModelRun(X, {"s": lambda x: {"y": x}}, times=[9.0, *(each / 1000 for each in milliseconds)])


def test_the_percentile_of_all_shards_is_held_to_the_budget() -> None:
    check = LatencyBudget(milliseconds=5.0, percentile=90, requests=5)
    fast, slow = (_timed(1, 1, 1, 1, 1), _timed(1, 1, 1, 1, 20))
    assert findings(check, fast, slow) == []
    (finding,) = findings(
        LatencyBudget(milliseconds=5.0, percentile=95, requests=5), _timed(*[1] * 5), _timed(*[20] * 5)
    )
    assert finding.where == {"signature": "s"}
    assert finding.wanted == "at most 5 ms" and "over 10 requests" in finding.found


def test_the_first_request_warms_up_and_the_plot_has_all_others() -> None:
    check = LatencyBudget(milliseconds=5.0, requests=5)
    measured = check.measurements(total(check, _timed(1, 1, 2, 2, 40), _timed(1, 1, 1, 1, 1)))["latency"]["s"]
    assert measured["requests"] == 10
    assert measured["p50_ms"] == pytest.approx(1, rel=0.03) and measured["p99_ms"] == pytest.approx(40, rel=0.03)
    edges, counts = measured["histogram"]["edges_ms"], measured["histogram"]["counts"]
    assert len(edges) == len(counts) + 1 and edges == sorted(edges) and sum(counts) == 10
    assert edges[0] <= 1 and 40 <= edges[-1] < 60


def test_a_request_takes_the_examples_in_turn() -> None:
    seen: list[list[int]] = []

    class Watched(ModelRun):
        def seconds(self, signature: str, rows: Any = None) -> float | None:
            seen.append(rows.tolist())
            return 0.001

    LatencyBudget(milliseconds=1, batch_size=4, requests=2).measure(Watched(X, {"s": lambda x: {"y": x}}))
    assert seen == [[0, 1, 2, 3], [4, 5, 0, 1], [2, 3, 4, 5]]


def test_bins_hold_what_is_between_their_edges() -> None:
    values = [0.0, 1e-9, 0.5, 1.0, 999.0, 1e9]
    counts = BINS.fill(values)
    assert sum(counts.values()) == len(values) and counts[0] == 2 and counts[BINS.count - 1] == 1
    for value in values[2:5]:
        (number,) = BINS.fill([value])
        assert BINS.edge(number) <= value < BINS.edge(number + 1)


def test_signatures_that_are_named_have_to_be_fed() -> None:
    with pytest.raises(Skip, match="'t'"):
        LatencyBudget(milliseconds=1, signatures=("t",)).measure(ModelRun(X, {"s": lambda x: {"y": x}}))


def test_differences_of_small_and_large_examples_are_binned() -> None:
    own, wanted = column(1.0, 2.0, 3.0, np.nan), column(1.0, 2.0005, 103.0, 1.0)
    runs = [FakeRun({"s": {"y": own}}, reference=FakeRun({"s": {"y": wanted}}), size=4) for _ in range(2)]
    shown = Parity().measurements(total(Parity(), *runs))["differences"]["s.y"]
    edges, counts = shown["histogram"]["edges"], shown["histogram"]["counts"]
    assert edges[0] == 0.0 and edges == sorted(edges) and len(edges) == len(counts) + 1
    assert counts[0] == 2 and counts[-1] == 2 and sum(counts) == 6
    assert shown["max"] == 100 and edges[-2] <= 100 < edges[-1]
