"""The example checks through Beam's own runner."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from tests.beam.models import cut, good_rows, write_rows
from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, expand_files, run_example_checks
from tfx_savedmodel.errors import ExamplesError, UsageError
from tfx_savedmodel.validation.checks.explanation_chain import ExplanationChain
from tfx_savedmodel.validation.checks.finite_outputs import FiniteOutputs
from tfx_savedmodel.validation.checks.output_specs import OutputSpecs
from tfx_savedmodel.validation.checks.parity import Parity
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples
from tfx_savedmodel.validation.result import CheckResult

pytestmark = pytest.mark.tfx

CHECKS = (RunsOnExamples(), FiniteOutputs(), OutputSpecs(), Parity(), ExplanationChain())


def _by_code(results: list[CheckResult]) -> dict[str, CheckResult]:
    return {result.code: result for result in results}


def _files(folder: Path, count: int) -> tuple[str, ...]:
    return tuple(write_rows(folder / f"part-{part}.gz", good_rows(30, start=30 * part)) for part in range(count))


def test_a_sound_model_passes_over_several_files(scorer: str, tmp_path: Path) -> None:
    lines: list[str] = []
    request = ExampleCheckRequest(scorer, _files(tmp_path, 3), CHECKS, reference=scorer, batch_size=8)
    results = run_example_checks(request, progress=lines.append)
    assert [(result.code, result.verdict.value) for result in results] == [(check.code, "PASS") for check in CHECKS]
    assert _by_code(results)["SM301"].measurements["ran"]["serving_default"] == 90
    assert re.fullmatch(r"ran 90 examples in \d+\.\d s: \d+\.\d s to start, then [\d,]+ a second", lines[-1])
    assert all(result.seconds > 0 for result in results)


def test_faults_of_several_files_come_together(scorer: str, other_scorer: str, tmp_path: Path) -> None:
    files = _files(tmp_path, 2)
    short = cut(files[1], tmp_path / "short.gz", Path(files[1]).stat().st_size // 2)
    bad = write_rows(tmp_path / "bad.gz", [*good_rows(3), {"x": 1.0}])
    request = ExampleCheckRequest(scorer, (files[0], short, bad), CHECKS, reference=other_scorer)
    results = _by_code(run_example_checks(request))
    runs = results["SM301"].measurements
    assert 33 < runs["ran"]["serving_default"] < 63
    assert runs["files_cut_short"] == [short]
    assert runs["refused"]["serving_default"]["first"][0]["file"] == bad
    assert {code: result.verdict.value for code, result in results.items()} == {
        "SM301": "FAIL",
        "SM302": "PASS",
        "SM303": "PASS",
        "SM304": "FAIL",
        "SM305": "PASS",
    }


def test_worker_processes_give_the_same_answer(scorer: str, tmp_path: Path) -> None:
    def make_pipeline() -> Any:
        arguments = ["--runner=FnApiRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]
        return beam.Pipeline(options=PipelineOptions(arguments))

    request = ExampleCheckRequest(scorer, _files(tmp_path, 2), CHECKS, reference=scorer)
    results = run_example_checks(request, make_pipeline)
    assert {result.verdict.value for result in results} == {"PASS"}
    assert _by_code(results)["SM301"].measurements["ran"]["serving_default"] == 60


def test_a_runner_that_fails_is_an_error_of_every_check(scorer: str, tmp_path: Path) -> None:
    class Refusing(beam.runners.PipelineRunner):
        def run_pipeline(self, pipeline: Any, options: Any) -> Any:
            raise OSError("no workers today")

    request = ExampleCheckRequest(scorer, _files(tmp_path, 1), CHECKS)
    results = run_example_checks(request, lambda: beam.Pipeline(runner=Refusing(), options=PipelineOptions([])))
    assert {result.verdict.value for result in results} == {"ERROR"}
    assert "OSError: no workers today" in (results[0].reason or "")


def test_nothing_is_left_behind(scorer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = _files(tmp_path, 1)
    shared, local = tmp_path / "shared", tmp_path / "local"
    local.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(local))

    def make_pipeline() -> Any:
        arguments = ["--runner=FnApiRunner", "--direct_running_mode=in_memory", f"--temp_location={shared}"]
        return beam.Pipeline(options=PipelineOptions(arguments))

    results = run_example_checks(ExampleCheckRequest(scorer, files, CHECKS), make_pipeline)
    assert results[0].verdict.value == "PASS"
    assert list(shared.iterdir()) == []
    assert run_example_checks(ExampleCheckRequest(scorer, files, CHECKS))[0].verdict.value == "PASS"
    assert list(local.glob("tfx-savedmodel*")) == []


def test_patterns_become_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = _files(tmp_path, 3)
    assert expand_files([f"{tmp_path}/part-*.gz", files[0]]) == files
    assert expand_files([str(tmp_path)]) == files
    monkeypatch.chdir(tmp_path)
    assert [Path(file).name for file in expand_files(["part-*.gz"])] == [Path(file).name for file in files]


def test_a_pattern_without_files_says_what_is_there(tmp_path: Path) -> None:
    _files(tmp_path, 1)
    with pytest.raises(ExamplesError) as caught:
        expand_files([f"{tmp_path}/*.tfrecord"])
    assert caught.value.where == f"{tmp_path}/*.tfrecord"
    assert "part-0.gz" in caught.value.found
    assert caught.value.wanted and caught.value.next_step


def test_a_batch_size_of_zero_is_refused(scorer: str) -> None:
    with pytest.raises(UsageError):
        ExampleCheckRequest(scorer, (), CHECKS, batch_size=0)
