"""A job server that is not there is named within seconds."""

from __future__ import annotations

import socket

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from tfx_savedmodel.beam.job_server import wait_for_job_server
from tfx_savedmodel.errors import UsageError

pytestmark = pytest.mark.tfx


def _pipeline(endpoint: str) -> beam.Pipeline:
    return beam.Pipeline(options=PipelineOptions(["--runner=PortableRunner", f"--job_endpoint={endpoint}"]))


def test_what_listens_is_waited_for_no_longer() -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        wait_for_job_server(_pipeline(f"127.0.0.1:{server.getsockname()[1]}"), said.append, seconds=0)
    assert said == []


def test_what_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(UsageError, match="no job server listens there") as caught:
        wait_for_job_server(_pipeline(endpoint), lambda line: None, seconds=0)
    assert caught.value.where == "--job_endpoint" and endpoint in caught.value.found


@pytest.mark.parametrize("endpoint", ["embed", "dns:///jobs:8099"])
def test_what_only_beam_can_reach_is_left_to_it(endpoint: str) -> None:
    wait_for_job_server(_pipeline(endpoint), lambda line: None, seconds=0)


def test_other_runners_have_none() -> None:
    wait_for_job_server(beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])), lambda line: None, seconds=0)
