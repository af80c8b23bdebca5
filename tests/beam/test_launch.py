"""Beam's arguments, as whoever validates gives them."""

from __future__ import annotations

import pytest

from tfx_savedmodel.beam.launch import pipeline_maker
from tfx_savedmodel.errors import UsageError

pytestmark = pytest.mark.tfx


def test_without_arguments_it_runs_in_this_process() -> None:
    assert type(pipeline_maker()().runner).__name__ == "FnApiRunner"


def test_a_runner_that_is_named_is_kept() -> None:
    maker = pipeline_maker(["--runner=PortableRunner", "--environment_type=LOOPBACK", "--job_endpoint=localhost:1"])
    assert type(maker().runner).__name__ == "PortableRunner"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--runner=NoSuchRunner"], "NoSuchRunner"),
        (["--direct_num_workers=many"], "many"),
        (["--runner=PortableRunner", "--environment_type=EXTERNAL"], "external_service_address"),
    ],
    ids=str,
)
def test_what_beam_refuses_is_wrong_usage(arguments: list[str], found: str) -> None:
    with pytest.raises(UsageError) as caught:
        pipeline_maker(arguments)()
    assert (caught.value.where, found in caught.value.found) == ("after --", True)


def test_a_word_that_is_no_option_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="options"):
        pipeline_maker(["FlinkRunner"])
