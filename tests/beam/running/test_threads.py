"""Workers that share a machine share its cores."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from tfx_savedmodel.beam.launch import pipeline_maker
from tfx_savedmodel.beam.running import threads

pytestmark = pytest.mark.tfx


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 8)


def _threads(*arguments: str) -> int:
    return threads.threads_for(threads.processes_of(pipeline_maker(arguments)()))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), 0),
        (("--runner=FnApiRunner", "--direct_running_mode=multi_threading", "--direct_num_workers=4"), 0),
        (("--runner=FnApiRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=1"), 0),
        (("--runner=FnApiRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"), 4),
        (("--runner=FnApiRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=20"), 1),
        (("--runner=FnApiRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=0"), 1),
        (("--runner=PortableRunner", "--job_endpoint=localhost:1"), 0),
        (("--runner=PortableRunner", "--job_endpoint=localhost:1", "--sdk_worker_parallelism=4"), 2),
        (("--runner=PortableRunner", "--job_endpoint=localhost:1", "--sdk_worker_parallelism=0"), 1),
    ],
)
def test_threads_of_each_worker(arguments: Sequence[str], expected: int) -> None:
    assert _threads(*arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "processes"), [((), threads.EACH_CORE), (("--experiments=no_use_multiple_sdk_containers",), 1)]
)
def test_dataflow_has_a_worker_for_each_core_unless_told_otherwise(arguments: Sequence[str], processes: int) -> None:
    class DataflowRunner:
        pass

    class Pipeline:
        runner = DataflowRunner()
        options = PipelineOptions(list(arguments))

    assert threads.processes_of(Pipeline()) == processes


def test_the_cores_are_those_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    told = threads.processes_of(pipeline_maker(("--runner=PortableRunner", "--sdk_worker_parallelism=2"))())
    monkeypatch.setattr(threads, "cores", lambda: 32)
    assert threads.threads_for(told) == 16
