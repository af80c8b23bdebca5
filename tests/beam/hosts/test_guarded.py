"""A model that crashes, hangs or swells on one example: the rest is run, and the example is named."""

from __future__ import annotations

import functools
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.beam.deadly import CRASHES, HANGS, SWELLS, save_deadly, save_deadly_at_load
from tests.beam.models import good_rows, write_rows
from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, worker_settings
from tfx_savedmodel.beam.hosts import guarded
from tfx_savedmodel.beam.hosts.guarded import MOST_LOST_HOSTS, MOST_TIMEOUTS, GuardedRunner
from tfx_savedmodel.beam.hosts.hosting import ExampleHost, kept_hosts, take_host
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.running.tally import judge, merge_tallies
from tfx_savedmodel.errors import WorkerError
from tfx_savedmodel.validation.checks.finite_outputs import FiniteOutputs
from tfx_savedmodel.validation.checks.parity import Parity
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples
from tfx_savedmodel.validation.policy import Limits
from tfx_savedmodel.validation.result import CheckResult, Finding

pytestmark = pytest.mark.tf

CHECKS = (RunsOnExamples(), FiniteOutputs())
#: Loading and each run of the small models here takes a fraction of this on a busy machine.
LIMITS = Limits(seconds=10.0, run_seconds=10.0, memory_bytes=1 << 30)


@pytest.fixture(scope="module")
def deadly(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_deadly(tmp_path_factory.mktemp("deadly") / "model")


@pytest.fixture(scope="module")
def deadly_at_load(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_deadly_at_load(tmp_path_factory.mktemp("deadly") / "model")


def _files(folder: Path, *starts: int, count: int = 10) -> tuple[str, ...]:
    return tuple(write_rows(folder / f"from-{start}", good_rows(count, start=start)) for start in starts)


def _run(model: str, files: tuple[str, ...], **changes: Any) -> dict[str, CheckResult]:
    fields = {"model": model, "files": files, "checks": CHECKS, "batch_size": 4, "limits": LIMITS, **changes}
    request = ExampleCheckRequest(**fields)
    runner = GuardedRunner(worker_settings(request))
    try:
        tallies = [runner.run(Shard(file)) for file in files]
    finally:
        runner.close()
    total = functools.reduce(functools.partial(merge_tallies, request.checks), tallies)
    return {result.code: result for result in judge(request.checks, total)}


def _only(result: CheckResult) -> Finding:
    (finding,) = result.findings
    return finding


@pytest.mark.parametrize(
    ("number", "limits", "said"),
    [
        (CRASHES, LIMITS, "SIGABRT"),
        (SWELLS, LIMITS, "more than 1,073,741,824 bytes"),
    ],
)
def test_the_example_that_ends_the_process_is_found(
    deadly: str, tmp_path: Path, number: int, limits: Limits, said: str
) -> None:
    start = number // 10 * 10
    files = _files(tmp_path, 40, start, 50)
    results = _run(deadly, files, limits=limits)
    finding = _only(results["SM301"])
    assert finding.where == {"signature": "serving_default", "file": files[1], "record": number - start}
    assert said in finding.found
    assert results["SM301"].measurements["ran"] == {"serving_default": 29}
    assert results["SM302"].verdict.value == "PASS"
    assert results["SM302"].measurements["outputs"]["serving_default"]["twice"]["examples"] == 29


def test_relative_paths_begin_where_the_run_was_asked_for(
    deadly: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _files(tmp_path, 40)
    monkeypatch.chdir(tmp_path)
    request = ExampleCheckRequest(os.path.relpath(deadly), ("from-40",), CHECKS, limits=LIMITS)
    settings = worker_settings(request)
    monkeypatch.chdir("/")
    with kept_hosts() as waiting:
        # One that waits was started in another folder, as a worker of a pool is.
        while waiting:
            waiting.pop().close()
        runner = GuardedRunner(settings)
        try:
            tally = runner.run(Shard("from-40"))
        finally:
            runner.close()
    assert tally.examples == 10


@pytest.mark.full
def test_records_that_are_too_large_to_be_read_together_are_read_in_smaller_batches(
    deadly: str, tmp_path: Path
) -> None:
    rows = [{"n": number} for number in range(40, 60)] + [{"n": 60, "more": bytes(1 << 20)}] * 600
    file = write_rows(tmp_path / "rows.gz", rows)
    limits = Limits(seconds=60.0, run_seconds=60.0, memory_bytes=400 << 20)
    result = _run(deadly, (file,), batch_size=None, limits=limits)["SM301"]
    assert (result.verdict.value, result.measurements["ran"]) == ("PASS", {"serving_default": 620})
    halved = result.measurements["batches_halved"]
    assert halved["batches"] and "while reading records" in halved["first"][0]["reason"]


def test_a_hang_is_ended_at_its_batch_and_the_rest_is_run(deadly: str, tmp_path: Path) -> None:
    files = _files(tmp_path, 20, 50)
    results = _run(deadly, files)
    finding = _only(results["SM301"])
    assert finding.where == {"signature": "serving_default", "file": files[0], "record": (HANGS - 20) // 4 * 4}
    assert "no answer within 10 s" in finding.found and "4 example(s)" in finding.message
    assert results["SM301"].measurements["ran"] == {"serving_default": 16}


def test_a_model_that_hangs_everywhere_is_given_up(deadly: str, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows", [{"x": 1.0, "n": HANGS}] * 5)
    results = _run(deadly, (file, file), batch_size=1, limits=Limits(seconds=4.0, run_seconds=4.0))
    deaths = results["SM301"].measurements["ended_its_process"]
    assert len(deaths) == MOST_TIMEOUTS
    assert results["SM301"].findings[-1].found.endswith("not run: the model had ended its process too often")
    assert results["SM302"].verdict.value == "SKIP"


def test_a_model_that_crashes_while_it_is_loaded(deadly_at_load: str, tmp_path: Path) -> None:
    results = _run(deadly_at_load, _files(tmp_path, 0, 10))
    assert "while loading the model" in _only(results["SM301"]).found
    assert "SIGABRT" in (results["SM302"].reason or "")


def test_a_reference_that_crashes_is_not_the_models_fault(deadly: str, deadly_at_load: str, tmp_path: Path) -> None:
    results = _run(deadly, _files(tmp_path, 0), reference=deadly_at_load, checks=(RunsOnExamples(), Parity()))
    assert results["SM301"].verdict.value == "PASS"
    assert results["SM304"].verdict.value == "ERROR"
    assert "loading the reference" in (results["SM304"].reason or "")


def _results_of(runner: GuardedRunner, request: ExampleCheckRequest) -> dict[str, CheckResult]:
    try:
        tallies = [runner.run(Shard(file)) for file in request.files]
    finally:
        runner.close()
    total = functools.reduce(functools.partial(merge_tallies, request.checks), tallies)
    return {result.code: result for result in judge(request.checks, total)}


def test_a_host_that_is_lost_is_replaced(deadly: str, tmp_path: Path) -> None:
    request = ExampleCheckRequest(model=deadly, files=_files(tmp_path, 0, 70), checks=CHECKS)
    host = ExampleHost()
    runner = GuardedRunner(worker_settings(request), host)
    os.kill(host.pid, signal.SIGKILL)
    results = _results_of(runner, request)
    assert results["SM301"].verdict.value == "PASS"
    assert results["SM301"].measurements["ran"] == {"serving_default": 20}


class _LostWhenAsked(ExampleHost):
    """A host that the machine ends once it is to run something."""

    started = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).started += 1

    def run(self, shard: Shard) -> Any:
        os.kill(self.pid, signal.SIGKILL)
        return super().run(shard)


def test_hosts_that_are_lost_again_and_again_are_a_fault_of_the_machine(
    deadly: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ExampleCheckRequest(model=deadly, files=_files(tmp_path, 0), checks=CHECKS)
    monkeypatch.setattr(guarded, "ExampleHost", _LostWhenAsked)
    runner = GuardedRunner(worker_settings(request), _LostWhenAsked())
    with pytest.raises(WorkerError, match="host"):
        runner.run(Shard(request.files[0]))
    runner.close()
    assert _LostWhenAsked.started == 1 + MOST_LOST_HOSTS


def test_a_host_that_is_kept_serves_another_model(deadly: str, scorer: str, tmp_path: Path) -> None:
    with kept_hosts() as waiting:
        first = _run(deadly, _files(tmp_path, 0))
        pids = [host.pid for host in waiting]
        second = _run(scorer, _files(tmp_path, 10))
        assert [host.pid for host in waiting] == pids
    assert list(first["SM301"].measurements["ran"]) == ["serving_default"]
    assert "xai_model" in second["SM301"].measurements["ran"]


@pytest.fixture
def orphans(deadly: str, tmp_path: Path) -> Iterator[list[int]]:
    """The host and the hanging process of a caller that has ended without a word."""
    (file,) = _files(tmp_path, 20)
    script = f"""
import json, os, pathlib, threading
from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, worker_settings
from tfx_savedmodel.beam.hosts.guarded import GuardedRunner
from tfx_savedmodel.beam.hosts.hosting import ExampleHost
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples
request = ExampleCheckRequest({deadly!r}, ({file!r},), (RunsOnExamples(),))
host = ExampleHost()
runner = GuardedRunner(worker_settings(request), host)
threading.Thread(target=runner.run, args=(Shard({file!r}),), daemon=True).start()
children = pathlib.Path(f"/proc/{{host.pid}}/task/{{host.pid}}/children")
while not children.read_text().strip():
    threading.Event().wait(0.05)
print(json.dumps([host.pid, int(children.read_text())]), flush=True)
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
def test_nothing_outlives_its_caller(orphans: list[int]) -> None:
    for pid in orphans:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended, _, _ = select.select([descriptor], [], [], 60)
        os.close(descriptor)
        assert ended, pid


def test_a_process_that_waits_is_taken_first() -> None:
    with kept_hosts() as waiting:
        if not waiting:
            waiting.append(ExampleHost())
        expected = waiting[-1]
        taken = take_host()
        assert taken is expected
        waiting.append(taken)


@pytest.mark.parametrize("form", ["json", "sampled"])
def test_the_example_is_found_in_other_formats_and_in_a_sample(deadly: str, tmp_path: Path, form: str) -> None:
    from tfx_savedmodel.beam.reading.planning import plan_shards
    from tfx_savedmodel.beam.reading.sampling import Sample

    sample = None
    if form == "json":
        file = str(tmp_path / "lines")
        Path(file).write_text("".join(json.dumps({"n": number}) + "\n" for number in range(20)))
        (shard,) = plan_shards([file], "json")
    else:
        rows = good_rows(200)
        sample = Sample(fraction=0.2)
        (shard,) = plan_shards([write_rows(tmp_path / "rows", rows)], "example", sample)
        assert shard.pick is not None
        import numpy as np

        chosen = np.flatnonzero(shard.pick.mask(np.arange(200)))
        for row in rows:
            row["n"] += 1000
        rows[int(chosen[9])]["n"] = CRASHES
        file = write_rows(tmp_path / "rows", rows)
    fields = {"model": deadly, "files": (file,), "checks": CHECKS, "batch_size": 4, "limits": LIMITS, "sample": sample}
    request = ExampleCheckRequest(**fields)
    runner = GuardedRunner(worker_settings(request))
    try:
        results = {result.code: result for result in judge(CHECKS, runner.run(shard))}
    finally:
        runner.close()
    wanted = CRASHES if form == "json" else int(chosen[9])
    finding = _only(results["SM301"])
    assert finding.where == {"signature": "serving_default", "file": file, "record": wanted}
    assert "1 example(s)" in finding.message
    assert results["SM301"].measurements["ran"] == {"serving_default": (20 if form == "json" else len(chosen)) - 1}
