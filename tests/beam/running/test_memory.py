"""Ten times the examples take the same memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.beam.models import good_rows, serialized, write_records

pytestmark = [pytest.mark.tf, pytest.mark.full]

MORE = 1.1
SCRIPT = """
import resource, sys
from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, worker_settings
from tfx_savedmodel.beam.running.shard_run import run_shard
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.running.worker import Worker
from tfx_savedmodel.validation.checks.finite_outputs import FiniteOutputs
from tfx_savedmodel.validation.checks.output_specs import OutputSpecs
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples
model, file = sys.argv[1:]
checks = (RunsOnExamples(), FiniteOutputs(), OutputSpecs())
tally = run_shard(Worker(worker_settings(ExampleCheckRequest(model, (file,), checks, batch_size=1024))), Shard(file))
print(tally.examples, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _peak(model: str, file: str, examples: int) -> int:
    command = [sys.executable, "-c", SCRIPT, model, file]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    ran, peak = map(int, done.stdout.split()[-2:])
    assert ran == examples
    return peak


def test_memory_is_flat_in_the_number_of_examples(scorer: str, tmp_path: Path) -> None:
    some = [serialized(row) for row in good_rows(1000)]
    few = write_records(tmp_path / "few.gz", some * 20)
    many = write_records(tmp_path / "many.gz", some * 200)
    assert _peak(scorer, many, 200_000) <= MORE * _peak(scorer, few, 20_000)
