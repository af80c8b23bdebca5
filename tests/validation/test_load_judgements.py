"""SM204, SM205 and SM206 on observations made by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.saved_model.graphs import save, tensor
from tfx_savedmodel.saved_model.dtypes import numpy_dtype
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import Answer, LoadedModel, LoadObservation, ModelCheck
from tfx_savedmodel.validation.checks.load_budget import LoadBudget
from tfx_savedmodel.validation.checks.loaders_agree import LoadersAgree
from tfx_savedmodel.validation.checks.synthetic_run import SyntheticRun
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict
from tfx_savedmodel.validation.runner import run_model_checks

pytestmark = pytest.mark.unit

KEY = "serving_default"
VARIED = "varied values"


@pytest.fixture
def graph(tmp_path: Path) -> GraphView:
    signature = {"inputs": {"x": tensor("x:0")}, "outputs": {"y": tensor("y:0")}}
    return read_saved_model(save(tmp_path / "m", signatures={KEY: signature}))


def observed(loader: str, batch: int = 3, **said: Any) -> LoadObservation:
    """A loader's observation of one run; without `error` or `skipped` it was answered `y`, and `again`."""
    run = {
        "signature": KEY,
        "batch": batch,
        **{name: said[name] for name in ("error", "skipped", "died") if name in said},
    }
    if "error" in said or "skipped" in said:
        return LoadObservation(loader, "ok", runs=(run,))
    inputs = said.get("inputs", VARIED)
    outputs = {"y": np.asarray(said.get("y", [1.0, 2.0, 3.0]))}
    again = {"y": np.asarray(said["again"])} if "again" in said else {}
    answers = {(KEY, batch): Answer(inputs, said.get("digest", inputs), outputs, again)}
    return LoadObservation(loader, "ok", runs=({**run, "inputs": inputs},), answers=answers)


def judge(check: ModelCheck, graph: GraphView, *observations: LoadObservation) -> CheckResult:
    by_loader: Mapping[str, LoadObservation] = {one.loader: one for one in observations}
    (result,) = run_model_checks([check], LoadedModel(graph, ("serve",), by_loader))
    return result


def test_loaders_that_agree_pass(graph: GraphView) -> None:
    result = judge(LoadersAgree(), graph, observed("native"), observed("tf1"), observed("tf2", y=[1.0, 2.0, 3.00001]))
    assert result.verdict is CheckVerdict.PASS, result.findings
    assert result.measurements["compared"] == 2
    assert result.measurements["largest_differences"][f"{KEY}.y"] == pytest.approx(1e-5)


def test_the_worst_difference_is_told(graph: GraphView) -> None:
    result = judge(LoadersAgree(), graph, observed("native"), observed("tf1"), observed("tf2", y=[1.0, 2.5, 5.0]))
    assert result.verdict is CheckVerdict.FAIL
    (finding,) = result.findings
    assert finding.where == {"signature": KEY, "output": "y", "batch": 3, "loaders": "native, tf2", "row": 2}
    assert (finding.found, finding.wanted) == ("tf2: 5", "native: 3")
    assert "differ by 2 " in finding.message


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ([1, 2, 3], [1, 2, 4], CheckVerdict.FAIL),
        (np.array([b"a"], object), np.array([b"b"], object), CheckVerdict.FAIL),
        (np.array([b"a"], object), np.array([b"a"], object), CheckVerdict.PASS),
        ([np.nan], [np.nan], CheckVerdict.PASS),
        ([1.0, 2.0], [1.0], CheckVerdict.FAIL),
        (np.array([1.0], np.float16), np.array([1.002], np.float16), CheckVerdict.PASS),
        (np.array([1.0], np.float16), np.array([1.1], np.float16), CheckVerdict.FAIL),
        (np.array([1.0], numpy_dtype("bfloat16")), np.array([1.02], numpy_dtype("bfloat16")), CheckVerdict.PASS),
        (np.array([1.0], np.float32), np.array([1.002], np.float32), CheckVerdict.FAIL),
    ],
)
def test_each_kind_of_value_has_its_own_sameness(graph: GraphView, one: Any, other: Any, verdict: CheckVerdict) -> None:
    assert judge(LoadersAgree(), graph, observed("native", y=one), observed("tf2", y=other)).verdict is verdict


def test_empty_answers_are_no_evidence(graph: GraphView) -> None:
    empty = {"batch": 0, "y": np.zeros((0, 2))}
    result = judge(LoadersAgree(), graph, observed("native", **empty), observed("tf1", **empty))
    assert (result.verdict, result.reason) == (CheckVerdict.SKIP, "no signature was answered by two loaders")
    wider = judge(LoadersAgree(), graph, observed("native", **empty), observed("tf1", batch=0, y=np.zeros((0, 3))))
    assert wider.verdict is CheckVerdict.FAIL


def test_a_tolerance_is_a_parameter(graph: GraphView) -> None:
    pair = observed("native", y=[1.0]), observed("tf1", y=[1.5])
    assert judge(LoadersAgree(), graph, *pair).verdict is CheckVerdict.FAIL
    assert judge(LoadersAgree(atol=0.6), graph, *pair).verdict is CheckVerdict.PASS


def test_what_varies_in_one_loader_is_no_disagreement(graph: GraphView) -> None:
    result = judge(LoadersAgree(), graph, observed("native", y=[0.1], again=[0.7]), observed("tf1", y=[0.5]))
    assert result.verdict is CheckVerdict.SKIP
    assert f"{KEY}.y" in str(result.reason)
    assert result.measurements["varies_by_itself"] == [f"{KEY}.y"]


def test_rounding_from_run_to_run_excuses_nothing(graph: GraphView) -> None:
    result = judge(LoadersAgree(), graph, observed("native", y=[0.1], again=[0.1 + 1e-9]), observed("tf1", y=[0.5]))
    assert result.verdict is CheckVerdict.FAIL


def test_one_that_fails_where_another_answers_disagrees(graph: GraphView) -> None:
    result = judge(LoadersAgree(), graph, observed("native"), observed("tf1"), observed("tf2", error="Oops: no"))
    (finding,) = result.findings
    assert finding.where["loaders"] == "native, tf2"
    assert "Oops: no" in str(finding.found)


def test_answers_to_other_inputs_are_not_compared_but_told(graph: GraphView) -> None:
    result = judge(LoadersAgree(), graph, observed("native"), observed("tf2", inputs="neutral values"))
    (finding,) = result.findings
    assert (finding.found, finding.wanted) == ("tf2 answers neutral values first", f"native answers {VARIED} first")


def test_answers_to_other_bytes_are_never_compared_whatever_they_are_called(graph: GraphView) -> None:
    other = observed("tf2", digest="of other bytes", y=[7.0, 8.0, 9.0])
    result = judge(LoadersAgree(), graph, observed("native"), other)
    assert result.verdict is CheckVerdict.SKIP
    assert result.reason == f"each was asked with other bytes, which were made as {VARIED}"
    assert set(result.measurements["not_compared"]) == {f"{KEY}, batch of 3, native and tf2"}
    result = judge(LoadersAgree(), graph, observed("native"), observed("tf1"), other)
    assert (result.verdict, result.measurements["compared"]) == (CheckVerdict.PASS, 1)


def test_the_same_bytes_under_another_name_are_compared(graph: GraphView) -> None:
    same = observed("tf2", inputs="neutral values", digest=VARIED, y=[1.0, 2.0, 4.0])
    (finding,) = judge(LoadersAgree(), graph, observed("native"), same).findings
    assert "differ by 1 " in finding.message


def test_one_loader_alone_has_nothing_to_agree_with(graph: GraphView) -> None:
    refused = LoadObservation("tf2", "refused", "no")
    result = judge(LoadersAgree(), graph, observed("native"), refused)
    assert (result.verdict, result.reason) == (CheckVerdict.SKIP, "only the C++ session loads the model")


def test_answers_that_were_not_kept_are_named(graph: GraphView) -> None:
    native, tf1 = observed("native"), observed("tf1")
    run = {**tf1.runs[0], "unkept": "too large"}
    result = judge(LoadersAgree(), graph, native, dataclasses.replace(tf1, runs=(run,), answers={}))
    assert (result.verdict, result.reason) == (CheckVerdict.SKIP, "too large")


@pytest.mark.parametrize("check", [LoadersAgree(), SyntheticRun(), LoadBudget(seconds=1.0)])
def test_a_machine_that_cannot_tell_is_an_error(graph: GraphView, check: ModelCheck) -> None:
    away = [LoadObservation(loader, "unavailable", "no TensorFlow") for loader in ("native", "tf1", "tf2")]
    result = judge(check, graph, *away)
    assert result.verdict is CheckVerdict.ERROR
    assert "no TensorFlow" in str(result.reason)


def test_a_run_that_fails_is_told_once_for_all_loaders(graph: GraphView) -> None:
    result = judge(SyntheticRun(), graph, observed("native", error="Oops: a"), observed("tf1", error="Oops: b"))
    (finding,) = result.findings
    assert finding.where == {"signature": KEY, "batch": 3, "loaders": "native, tf1"}
    assert finding.found == "Oops: a"


def test_an_empty_batch_may_be_refused_but_not_be_deadly(graph: GraphView) -> None:
    good = observed("native")
    refused = dataclasses.replace(good, runs=(*good.runs, {"signature": KEY, "batch": 0, "error": "Oops: empty"}))
    result = judge(SyntheticRun(), graph, refused)
    assert result.verdict is CheckVerdict.PASS
    assert result.measurements["empty_batch_refused"] == {KEY: "Oops: empty"}
    assert judge(SyntheticRun(empty_batch=True), graph, refused).verdict is CheckVerdict.FAIL
    (run,) = (run for run in refused.runs if run["batch"] == 0)
    deadly = dataclasses.replace(good, runs=(*good.runs, {**run, "died": True}))
    assert judge(SyntheticRun(), graph, deadly).verdict is CheckVerdict.FAIL


def test_runs_that_could_not_be_made_are_no_evidence(graph: GraphView) -> None:
    result = judge(SyntheticRun(), graph, observed("native", skipped="it refuses made-up strings: no"))
    assert (result.verdict, result.reason) == (CheckVerdict.SKIP, "it refuses made-up strings: no")
    empty_only = judge(SyntheticRun(), graph, observed("native", batch=0))
    assert empty_only.verdict is CheckVerdict.SKIP  # an empty batch alone shows nothing


@pytest.mark.parametrize(
    ("budget", "figures"),
    [
        (LoadBudget(seconds=1.0), ["seconds"]),
        (LoadBudget(peak_bytes=100), ["peak_bytes"]),
        (LoadBudget(seconds=1.0, peak_bytes=100), ["seconds", "peak_bytes"]),
        (LoadBudget(seconds=3.0, peak_bytes=300), []),
    ],
)
def test_a_budget_is_held_by_each_loader(graph: GraphView, budget: LoadBudget, figures: list[str]) -> None:
    quick = LoadObservation("native", "ok", seconds=0.5, peak_bytes=50)
    slow = LoadObservation("tf2", "ok", seconds=2.0, peak_bytes=200)
    result = judge(budget, graph, quick, slow, LoadObservation("tf1", "refused", "no", seconds=9.0))
    assert [finding.where for finding in result.findings] == [{"loader": "tf2", "figure": one} for one in figures]
    assert result.measurements["loads"] == {
        "native": {"seconds": 0.5, "peak_bytes": 50},
        "tf2": {"seconds": 2.0, "peak_bytes": 200},
    }


def test_without_a_budget_there_are_figures_all_the_same(graph: GraphView) -> None:
    result = judge(LoadBudget(), graph, LoadObservation("native", "ok", seconds=0.5, peak_bytes=50))
    assert (result.verdict, result.reason) == (CheckVerdict.SKIP, "no budget is set")
    assert result.measurements["loads"]["native"]["seconds"] == 0.5
