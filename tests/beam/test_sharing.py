"""The model is loaded once for a process, whatever the number of threads that run shards in it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.beam.models import good_rows, write_rows
from tfx_savedmodel.beam import pipeline as pipeline_module
from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, run_example_checks
from tfx_savedmodel.beam.hosts.guarded import GuardedRunner
from tfx_savedmodel.beam.launch import pipeline_maker
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples

pytestmark = pytest.mark.tfx


def test_threads_of_a_process_share_the_model(scorer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[GuardedRunner] = []
    ran: list[tuple[int, str]] = []

    class Watched(GuardedRunner):
        def __init__(self, settings: Any) -> None:
            super().__init__(settings)
            made.append(self)

        def run(self, shard: Shard) -> Any:
            ran.append((threading.get_ident(), shard.file))
            return super().run(shard)

    monkeypatch.setattr(pipeline_module, "GuardedRunner", Watched)
    files = tuple(write_rows(tmp_path / f"part-{part}", good_rows(30, start=30 * part)) for part in range(6))
    threads = ("--runner=FnApiRunner", "--direct_running_mode=multi_threading", "--direct_num_workers=2")
    (result,) = run_example_checks(ExampleCheckRequest(scorer, files, (RunsOnExamples(),)), pipeline_maker(threads))
    assert result.verdict.value == "PASS"
    assert result.measurements["examples"] == 180
    assert sorted(file for _, file in ran) == sorted(files)
    assert len({thread for thread, _ in ran}) == 2
    assert len(made) == 1
