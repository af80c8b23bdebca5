"""What a batch costs: each signature once, each input built once; and what becomes of one that memory cannot hold."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.beam.models import good_rows, serialized, write_rows
from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, worker_settings
from tfx_savedmodel.beam.hosts.guarded import GuardedRunner
from tfx_savedmodel.beam.reading.formats import EXAMPLE
from tfx_savedmodel.beam.reading.parsing import FeatureParser
from tfx_savedmodel.beam.reading.records import RecordBatch
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.running import threads as threads_module
from tfx_savedmodel.beam.running import worker as worker_module
from tfx_savedmodel.beam.running.batch_run import Batch, BatchRun
from tfx_savedmodel.beam.running.isolation import MOST_ISOLATED
from tfx_savedmodel.beam.running.shard_run import run_shard
from tfx_savedmodel.beam.running.sizing import OPENING_ROWS, mean_bytes
from tfx_savedmodel.beam.running.tally import Tally, judge
from tfx_savedmodel.beam.running.worker import Worker
from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun
from tfx_savedmodel.validation.checks.explanation_chain import ExplanationChain
from tfx_savedmodel.validation.checks.finite_outputs import FiniteOutputs
from tfx_savedmodel.validation.checks.output_specs import OutputSpecs
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples
from tfx_savedmodel.validation.policy import Limits
from tfx_savedmodel.validation.result import CheckResult

pytestmark = pytest.mark.tf

#: Of these no check runs a signature on anything but the examples' own inputs.
CHECKS = (RunsOnExamples(), FiniteOutputs(), OutputSpecs())
FED = ("serve_raw", "serving_default", "xai_model", "xai_preprocess")


@dataclasses.dataclass(frozen=True)
class Sizes(ExampleCheck):
    """Keeps how many examples each batch had, by its number."""

    code = "SM398"
    name = "sizes"
    batches: int = 1

    def measure(self, run: ExamplesRun) -> tuple[tuple[int, int], ...]:
        return ((run.ordinal, run.size),)

    def merge(self, a: Any, b: Any) -> Any:
        return (*a, *b)


def _settings(model: str, file: str, **changes: Any) -> Any:
    return worker_settings(ExampleCheckRequest(**{"model": model, "files": (file,), "checks": CHECKS, **changes}))


def _results(checks: tuple[ExampleCheck, ...], tally: Tally) -> dict[str, CheckResult]:
    return {result.code: result for result in judge(checks, tally)}


class Counted:
    """A session that counts the runs of each signature."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.runs: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, signature: str, inputs: Mapping[str, Any]) -> Any:
        self.runs[signature] += 1
        return self._session.run(signature, inputs)


@pytest.mark.parametrize("checks", [CHECKS[:1], (*CHECKS, ExplanationChain())], ids=["one check", "four checks"])
def test_a_signature_is_run_and_an_input_built_once_for_a_batch(
    scorer: str, good_file: str, checks: tuple[ExampleCheck, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    parse = FeatureParser.__call__
    monkeypatch.setattr(FeatureParser, "__call__", lambda self, rows: parsed.append(len(rows)) or parse(self, rows))
    worker = Worker(_settings(scorer, good_file, checks=checks, batch_size=20))
    assert worker.model is not None
    counted = worker.model.session = Counted(worker.model.session)  # type: ignore[assignment]
    results = _results(checks, run_shard(worker, Shard(good_file)))
    assert {result.verdict.value for result in results.values()} == {"PASS"}
    assert counted.runs == dict.fromkeys(FED, 3)  # 50 examples in batches of 20
    assert parsed == [20, 20, 10]


def test_what_two_signatures_take_alike_is_one_array(scorer: str, good_file: str) -> None:
    worker = Worker(_settings(scorer, good_file, features={"depth": "x"}))
    assert worker.model is not None
    records = np.array([serialized(row) for row in good_rows(5)], object)
    run = BatchRun(worker.model, Batch(worker, RecordBatch(good_file, 0, records)))
    assert run.inputs("needs_depth")["depth"] is run.inputs("xai_preprocess")["x"]
    assert run.inputs("serve_raw")["x"].dtype == np.float64  # another dtype is another array
    assert run.inputs("needs_depth")["depth"].dtype == np.float32


def test_shards_begin_with_batches_of_one_size_and_go_on_with_the_measured_one(scorer: str, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows", good_rows(6000))
    checks = (RunsOnExamples(), Sizes(batches=2))
    worker = Worker(_settings(scorer, file, checks=checks))
    for _ in range(2):
        tally = run_shard(worker, Shard(file))
        sizes = [size for _, size in sorted(tally.checks[1].partial)]
        assert sizes[:2] == [OPENING_ROWS, OPENING_ROWS]
        assert sum(sizes) == tally.examples == 6000
        assert _results(checks, tally)["SM301"].measurements["ran"] == dict.fromkeys(FED, 6000)
    # Whatever the machine's mood, sizes are opening's times a power of two, or a rest.
    assert all(size % OPENING_ROWS == 0 for size in sizes[:-1])
    assert max(sizes) > OPENING_ROWS


def test_large_examples_make_small_batches(scorer: str, tmp_path: Path) -> None:
    rows = [{**row, "image": bytes(6 << 20)} for row in good_rows(3)]
    file = write_rows(tmp_path / "rows", rows)
    size = mean_bytes([Shard(file)], EXAMPLE)
    assert 6 << 20 < size < 7 << 20
    sizer = Worker(dataclasses.replace(_settings(scorer, file), example_bytes=size)).sizer
    assert (sizer.opening, sizer.size, sizer.reading) == (8, 8, 8)


def test_places_are_right_whatever_the_size(scorer: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = good_rows(4000)
    for number in (0, 255, 256, 1777, 3999):
        rows[number] = {**rows[number], "x": None}
    file = write_rows(tmp_path / "rows", rows)
    found = []
    for batch_size in (None, 100, 4000):
        checks = (RunsOnExamples(keep=10),)
        tally = run_shard(Worker(_settings(scorer, file, checks=checks, batch_size=batch_size)), Shard(file))
        found.append(_results(checks, tally)["SM301"].measurements)
    refused = found[0]["refused"]["serving_default"]
    assert [kept["record"] for kept in refused["first"]] == [0, 255, 256, 1777, 3999]
    assert found[0] == found[1] == found[2]


def test_what_is_refused_does_not_depend_on_the_size(scorer: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = good_rows(3000)
    for number in range(0, 3000, 10):  # more than are isolated one by one
        rows[number] = {**rows[number], "n": [1, 2]}
    file = write_rows(tmp_path / "rows", rows)
    found = []
    for batch_size in (None, 512, 2048):
        tally = run_shard(Worker(_settings(scorer, file, batch_size=batch_size)), Shard(file))
        found.append({code: result.measurements for code, result in _results(CHECKS, tally).items()})
    refused = found[0]["SM301"]["refused"]["serving_default"]["examples"]
    assert refused > MOST_ISOLATED
    assert found[0] == found[1] == found[2]


def save_hungry(directory: Path, *, bytes_of_row: int, most: int) -> str:
    """Save a model of `x` that asks for `bytes_of_row` for each row where there are more than `most` rows."""
    import tensorflow as tf

    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, "x")])
    def serving_default(x: Any) -> Any:
        rows = tf.shape(x, out_type=tf.int64)[0]
        each = tf.where(rows > most, tf.constant(bytes_of_row // 4, tf.int64), tf.constant(1, tf.int64))
        filled = tf.reduce_max(tf.fill([rows * each], tf.reduce_max(x)))
        return {"twice": 2.0 * x + tf.minimum(tf.abs(filled), 0.0)}

    module.serving_default = serving_default
    tf.saved_model.save(module, str(directory), signatures={"serving_default": serving_default})
    return str(directory)


def test_a_batch_that_tensorflow_has_no_memory_for_is_halved(tmp_path: Path) -> None:
    model = save_hungry(tmp_path / "model", bytes_of_row=1 << 50, most=6)
    file = write_rows(tmp_path / "rows", good_rows(50))
    worker = Worker(_settings(model, file, batch_size=20))
    results = _results(CHECKS, run_shard(worker, Shard(file)))
    assert {code: result.verdict.value for code, result in results.items()} == dict.fromkeys(results, "PASS")
    runs = results["SM301"].measurements
    assert runs["ran"] == {"serving_default": 50}
    halved = runs["batches_halved"]
    # 20 -> 10 -> 5; what is read at once of this shard stays 20, what is run together 5.
    assert [(kept["record"], kept["reason"].partition(":")[0]) for kept in halved["first"]] == [
        (0, "10 examples together"),
        (0, "20 examples together"),
        (10, "10 examples together"),
    ]
    assert halved["batches"] == 3
    assert worker.sizer.size == 5


def test_an_example_that_is_too_large_alone_is_refused_with_its_place(tmp_path: Path) -> None:
    model = save_hungry(tmp_path / "model", bytes_of_row=1 << 50, most=0)
    file = write_rows(tmp_path / "rows", good_rows(3))
    runs = _results(CHECKS, run_shard(Worker(_settings(model, file, batch_size=2)), Shard(file)))["SM301"]
    assert runs.verdict.value == "FAIL"
    refused = runs.measurements["refused"]["serving_default"]
    assert (refused["examples"], [kept["record"] for kept in refused["first"]]) == (3, [0, 1, 2])


def test_a_batch_that_takes_more_than_the_process_may_is_halved(tmp_path: Path) -> None:
    model = save_hungry(tmp_path / "model", bytes_of_row=256 << 20, most=12)
    file = write_rows(tmp_path / "rows", good_rows(60))
    runner = GuardedRunner(_settings(model, file, limits=Limits(memory_bytes=1 << 30), batch_size=20))
    try:
        results = _results(CHECKS, runner.run(Shard(file)))
    finally:
        runner.close()
    assert {code: result.verdict.value for code, result in results.items()} == dict.fromkeys(results, "PASS")
    runs = results["SM301"].measurements
    assert runs["ran"] == {"serving_default": 60}
    assert runs["batches_halved"]["batches"] == 1  # those behind it are smaller from the start
    (kept,) = runs["batches_halved"]["first"]
    assert kept["record"] == 0 and "20 examples together: its process took more than 1,073,741,824" in kept["reason"]


def test_the_session_has_its_share_of_the_cores(scorer: str, good_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    session = worker_module.ServingSession

    def opened(*arguments: Any, threads: int) -> Any:
        asked.append(threads)
        return session(*arguments, threads=threads)

    monkeypatch.setattr(worker_module, "ServingSession", opened)
    monkeypatch.setattr(threads_module, "cores", lambda: 8)
    settings = _settings(scorer, good_file, reference=scorer)
    Worker(dataclasses.replace(settings, processes=4))
    assert asked == [2, 2]
