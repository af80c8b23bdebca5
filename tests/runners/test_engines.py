"""The example checks on Beam's engines: the report is the local runner's, also where a machine is lost in mid-run."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines.engines.flink import FlinkCluster
from tests.runners.gate import CODE, Gate
from tests.runners.material import FILES, ROWS, Material, told
from tfx_savedmodel.operations.validate import Report

pytestmark = pytest.mark.tfx

PROCESSES = ("--runner=FnApiRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2")
#: Until workers are there, or a run has ended: on a busy machine a worker imports TensorFlow for a minute.
_SECONDS = 300.0


class Running:
    """A validation in a thread of its own."""

    def __init__(self, material: Material, beam_args: Sequence[str]) -> None:
        self._reports: list[Report] = []
        self._thread = threading.Thread(target=lambda: self._reports.append(material.validate(beam_args)))
        self._thread.start()

    def report(self) -> Report:
        self._thread.join(_SECONDS)
        assert self._reports, "the validation has not ended, or ended in an error"
        return self._reports[0]


@pytest.fixture
def gated(material: Material, tmp_path: Path) -> Iterator[tuple[Material, Gate]]:
    """The material behind a gate that is shut; at the end it is open and as it was."""
    shutil.rmtree(material.gate)
    gate = Gate(material.gate)
    yield material, gate
    gate.close()


def measured(report: Report, code: str) -> dict[str, object]:
    return dict(next(check for check in report.checks if check.code == code).measurements)


def test_the_local_runner_finds_what_is_bad(local_report: Report) -> None:
    assert local_report.verdict.value == "NOT_BLESSED"
    runs = measured(local_report, "SM301")
    assert runs["refused"]["serving_default"]["examples"] == 1  # type: ignore[index]
    assert [Path(str(file)).name for file in runs["files_cut_short"]] == ["short.gz"]  # type: ignore[attr-defined]
    assert ROWS * (FILES - 1) < int(str(measured(local_report, CODE)["passed"])) < ROWS * FILES


def test_processes_on_this_machine(material: Material, expected: dict[str, object]) -> None:
    assert told(material.validate(PROCESSES)) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="looks for a process's parent as Linux shows it")
def test_a_process_on_this_machine_killed_in_mid_run(gated: tuple[Material, Gate], expected: dict[str, object]) -> None:
    material, gate = gated
    running = Running(material, PROCESSES)
    host = parent_of(min(gate.wait_for(2, _SECONDS)))
    os.kill(parent_of(host), signal.SIGKILL)
    gate.open()
    assert told(running.report()) == expected


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])


def test_spark(material: Material, expected: dict[str, object], spark: Engine) -> None:
    assert told(material.validate(spark.beam_args)) == expected


def test_flink_with_a_task_manager_killed_in_mid_run(
    gated: tuple[Material, Gate], expected: dict[str, object], flink: FlinkCluster
) -> None:
    material, gate = gated
    running = Running(material, flink.beam_args)
    gate.wait_for(2, _SECONDS)
    (job,) = [job for job in flink.rest("/jobs")["jobs"] if job["status"] == "RUNNING"]
    flink.processes.kill("task-manager-1")
    gate.open()
    assert told(running.report()) == expected
    attempts = [vertex["attempt"] for vertex in _subtasks(flink, job["id"])]
    assert max(attempts) > 0, "no task was begun again, so none was lost"


def _subtasks(flink: FlinkCluster, job: str) -> Iterator[dict[str, int]]:
    for vertex in flink.rest(f"/jobs/{job}")["vertices"]:
        yield from flink.rest(f"/jobs/{job}/vertices/{vertex['id']}")["subtasks"]
