"""What a worker does with a shard, without Beam: feeding, running, isolating, measuring."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.beam.models import Row, good_rows, serialized, write_records, write_rows
from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, worker_settings
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.running.isolation import MOST_ISOLATED
from tfx_savedmodel.beam.running.shard_run import run_shard
from tfx_savedmodel.beam.running.tally import CheckTally, Tally, judge, merge_tallies
from tfx_savedmodel.beam.running.worker import Worker
from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun
from tfx_savedmodel.validation.checks.explanation_chain import ExplanationChain
from tfx_savedmodel.validation.checks.finite_outputs import FiniteOutputs
from tfx_savedmodel.validation.checks.output_specs import OutputSpecs
from tfx_savedmodel.validation.checks.parity import Parity
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict

pytestmark = pytest.mark.tf

CHECKS = (RunsOnExamples(), FiniteOutputs(), OutputSpecs(), Parity(), ExplanationChain())
FED = ("serve_raw", "serving_default", "xai_model", "xai_preprocess")


def _run(model: str, *files: str, **changes: Any) -> dict[str, CheckResult]:
    request = ExampleCheckRequest(**{"model": model, "files": files, "checks": CHECKS, "batch_size": 16, **changes})
    worker = Worker(worker_settings(request))
    tally = run_shard(worker, Shard(files[0]))
    return {result.code: result for result in judge(request.checks, tally)}


def _verdicts(results: dict[str, CheckResult]) -> dict[str, str]:
    return {code: result.verdict.value for code, result in results.items()}


def _with(rows: list[dict[str, Any]], number: int, **changes: Any) -> list[dict[str, Any]]:
    rows[number] = {**rows[number], **changes}
    return rows


def test_a_sound_model_passes_everything(scorer: str, good_file: str) -> None:
    results = _run(scorer, good_file, reference=scorer)
    assert _verdicts(results) == dict.fromkeys(("SM301", "SM302", "SM303", "SM304", "SM305"), "PASS")
    assert results["SM301"].measurements["ran"] == dict.fromkeys(FED, 50)
    assert results["SM304"].measurements["compared"]["serve_raw"]["probabilities"]["examples"] == 50


def test_a_signature_that_cannot_be_fed_is_named_with_what_it_lacks(scorer: str, good_file: str) -> None:
    not_run = _run(scorer, good_file)["SM301"].measurements["not_run"]
    assert list(not_run) == ["needs_depth"]
    assert "'depth'" in not_run["needs_depth"] and "n, x" in not_run["needs_depth"]


def test_the_policy_maps_an_input_to_a_feature(scorer: str, good_file: str) -> None:
    result = _run(scorer, good_file, features={"depth": "x"})["SM301"]
    assert result.measurements["ran"]["needs_depth"] == 50


def test_nothing_to_feed_is_a_skip_with_the_reasons(scorer: str, tmp_path: Path) -> None:
    model = save_raw_model(tmp_path / "model")
    file = write_rows(tmp_path / "rows", [{"other": 1.0}])
    results = _run(model, file)
    assert set(_verdicts(results).values()) == {"SKIP"}
    assert "no feature 'value'" in (results["SM301"].reason or "")


def test_bad_examples_are_isolated_with_their_place(scorer: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = _with(_with(good_rows(50), 21, x=None), 40, n=[1, 2])
    file = write_rows(tmp_path / "rows", rows)
    result = _run(scorer, file, reference=scorer)
    runs = result["SM301"]
    assert runs.verdict is CheckVerdict.FAIL
    assert runs.measurements["ran"] == dict.fromkeys(FED, 48)
    first = runs.measurements["refused"]["serve_raw"]["first"]
    assert [(kept["file"], kept["record"]) for kept in first] == [(file, 21), (file, 40)]
    assert "'x' is missing" in first[0]["reason"] and "2 value(s)" in first[1]["reason"]
    parsing = runs.measurements["refused"]["serving_default"]["first"]
    assert [kept["record"] for kept in parsing] == [21, 40]
    assert "x" in parsing[0]["reason"]
    assert result["SM304"].measurements["compared"]["serving_default"]["probabilities"]["examples"] == 48


def test_a_record_that_is_no_example_stops_nothing(scorer: str, tmp_path: Path) -> None:
    records = [serialized(row) for row in good_rows(40)]
    records[9] = b"\xff not an example"
    runs = _run(scorer, write_records(tmp_path / "rows", records))["SM301"]
    assert runs.measurements["ran"] == dict.fromkeys(FED, 39)
    assert {finding.where["record"] for finding in runs.findings} == {9}


def test_a_signature_that_refuses_everything_stays_affordable(scorer: str, tmp_path: Path) -> None:
    rows: list[Row] = [{"x": 1.0, "n": [1, 2]} for _ in range(300)]
    runs = _run(scorer, write_rows(tmp_path / "rows", rows))["SM301"]
    refused = runs.measurements["refused"]
    assert {key: value["examples"] for key, value in refused.items()} == dict.fromkeys(FED, 300)
    parsing = next(finding for finding in runs.findings if finding.where["signature"] == "serving_default")
    assert f"{300 - MOST_ISOLATED:,} of them in batches" in parsing.message


def test_a_corrupt_record_is_counted_and_the_rest_is_run(scorer: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    records = [serialized(row) for row in good_rows(40)]
    write_records(path, records)
    data = bytearray(path.read_bytes())
    data[sum(len(record) + 16 for record in records[:30]) + 13] ^= 1
    path.write_bytes(data)
    runs = _run(scorer, str(path))["SM301"]
    assert runs.verdict is CheckVerdict.FAIL
    assert runs.measurements["ran"] == dict.fromkeys(FED, 39)
    assert runs.measurements["unreadable_records"] == 1
    assert runs.findings[0].where == {"file": str(path), "record": 30}


def test_what_stands_for_missing_is_read_from_the_contract(tmp_path: Path) -> None:
    model = save_raw_model(tmp_path / "model")
    file = write_rows(tmp_path / "rows", [{"value": 1.0}, {"value": None}, {"value": 3.0}])
    assert _run(model, file)["SM301"].measurements["ran"] == {"serving_default": 2}
    contract = '{"version": 1, "signatures": {"serving_default": {"inputs": {"value": {"missing": "nan"}}}}}'
    (tmp_path / "model" / "assets.extra").mkdir()
    (tmp_path / "model" / "assets.extra" / "tfx_savedmodel.json").write_text(contract)
    results = _run(model, file)
    assert results["SM301"].measurements["ran"] == {"serving_default": 3}
    assert results["SM302"].findings[0].where["record"] == 1


def test_an_open_dimension_takes_what_each_example_has(tmp_path: Path) -> None:
    model = save_raw_model(tmp_path / "model", shape=[None, None])
    rows: list[Row] = [{"value": [1.0] * (1 + index % 3)} for index in range(20)]
    results = _run(model, write_rows(tmp_path / "rows", rows))
    assert results["SM301"].measurements["ran"] == {"serving_default": 20}
    assert results["SM303"].verdict is CheckVerdict.PASS


def test_a_fixed_batch_size_is_met(tmp_path: Path) -> None:
    model = save_raw_model(tmp_path / "model", shape=[4, 1])
    results = _run(model, write_rows(tmp_path / "rows", [{"value": float(index)} for index in range(10)]))
    assert results["SM301"].measurements["ran"] == {"serving_default": 10}
    assert results["SM303"].verdict is CheckVerdict.PASS


def test_nan_in_an_output_is_found_with_its_example(log_scorer: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = _with(good_rows(40, start=1), 33, x=-100.0)
    finding = _run(log_scorer, write_rows(tmp_path / "rows", rows))["SM302"].findings[0]
    assert finding.where["record"] == 33 and finding.where["output"] == "probabilities"
    assert finding.found.startswith("NaN for 1 and infinity for 0 of 40")


def test_other_answers_than_the_reference(scorer: str, other_scorer: str, good_file: str) -> None:
    results = _run(scorer, good_file, reference=other_scorer)
    parity = {finding.where["signature"]: finding for finding in results["SM304"].findings}
    assert set(parity) == {"serving_default", "serve_raw", "xai_model"}
    # The largest gap between sigmoid(x + n/10) and sigmoid(1.2 x + n/10), x = n/7, over these rows.
    import numpy as np

    n = np.arange(50)
    gap = np.abs(1 / (1 + np.exp(-(n / 7 + n / 10))) - 1 / (1 + np.exp(-(1.2 * n / 7 + n / 10))))
    worst = parity["serving_default"]
    assert worst.where["record"] == int(gap.argmax())
    assert float(worst.message.rpartition(" ")[2]) == pytest.approx(gap.max(), rel=1e-4)


def test_an_explained_model_that_is_not_the_served_one(other_scorer: str, good_file: str) -> None:
    result = _run(other_scorer, good_file)["SM305"]
    assert result.verdict is CheckVerdict.FAIL
    assert "50 of 50 examples" in result.findings[0].message


def test_outputs_of_other_names_pair_by_the_policy_only(tmp_path: Path) -> None:
    model = save_raw_model(tmp_path / "model", output="own")
    reference = save_raw_model(tmp_path / "reference", output="theirs")
    file = write_rows(tmp_path / "rows", [{"value": 1.0}])
    skipped = _run(model, file, reference=reference)["SM304"]
    assert skipped.verdict is CheckVerdict.SKIP
    assert "own" in (skipped.reason or "") and "theirs" in (skipped.reason or "")
    assert _run(model, file, reference=reference, outputs={"own": "theirs"})["SM304"].verdict is CheckVerdict.PASS


def test_a_batch_dimension_that_is_folded_away(tmp_path: Path) -> None:
    model = save_raw_model(tmp_path / "model", folds=True)
    result = _run(model, write_rows(tmp_path / "rows", [{"value": 1.0}] * 40))["SM303"]
    assert [finding.message for finding in result.findings] == ["the batch dimension is not kept"]
    assert "in batches with 40 examples in all" in result.findings[0].found


def test_a_check_that_breaks_is_an_error_and_stops_no_other(scorer: str, good_file: str) -> None:
    results = _run(scorer, good_file, checks=(Breaking(), RunsOnExamples()))
    assert results["SM399"].verdict is CheckVerdict.ERROR
    assert results["SM399"].reason == "ZeroDivisionError: division by zero"
    assert results["SM301"].verdict is CheckVerdict.PASS


def test_the_order_in_which_workers_end_decides_no_reason() -> None:
    a, b = (Tally((CheckTally(error=f"error {name}"),), load_fault=f"fault {name}") for name in "ab")
    assert merge_tallies((RunsOnExamples(),), a, b) == merge_tallies((RunsOnExamples(),), b, a)


def test_a_model_that_does_not_load_is_a_finding(scorer: str, good_file: str, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(scorer, broken)
    shutil.rmtree(broken / "variables")
    results = _run(str(broken), good_file)
    assert results["SM301"].verdict is CheckVerdict.FAIL
    assert results["SM302"].verdict is CheckVerdict.SKIP


def test_a_reference_that_does_not_load_is_an_error_of_parity_alone(
    scorer: str, good_file: str, tmp_path: Path
) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(scorer, broken)
    shutil.rmtree(broken / "variables")
    assert _verdicts(_run(scorer, good_file, reference=str(broken))) == {
        "SM301": "PASS",
        "SM302": "PASS",
        "SM303": "PASS",
        "SM304": "ERROR",
        "SM305": "PASS",
    }


@dataclasses.dataclass(frozen=True)
class Breaking(ExampleCheck):
    """A check with a bug."""

    code = "SM399"
    name = "breaking"

    def measure(self, run: ExamplesRun) -> Any:
        return 1 / 0


def save_raw_model(
    directory: Path, *, shape: list[int | None] | None = None, output: str = "mean", folds: bool = False
) -> str:
    """Save a model of one tensor input `value`, whose output is the mean of each row (of all, if it `folds`)."""
    import tensorflow as tf

    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec(shape or [None, 1], tf.float32, "value")])
    def serving_default(value: Any) -> Any:
        mean = tf.reduce_mean(value, axis=1)
        if folds:
            mean = tf.boolean_mask(mean, tf.range(tf.shape(mean)[0]) < 1)
        return {output: mean}

    module.serving_default = serving_default
    tf.saved_model.save(module, str(directory), signatures={"serving_default": serving_default})
    return str(directory)
