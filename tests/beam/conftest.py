"""Models that the tests of this folder share, made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.beam.models import good_rows, save_scorer, write_rows
from tfx_savedmodel.beam.hosts.hosting import kept_hosts


@pytest.fixture(scope="session", autouse=True)
def hosts() -> Iterator[None]:
    """The processes that run models stay for the next test: each has imported TensorFlow."""
    with kept_hosts():
        yield


@pytest.fixture(scope="session")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_scorer(tmp_path_factory.mktemp("scorer") / "model")


@pytest.fixture(scope="session")
def other_scorer(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_scorer(tmp_path_factory.mktemp("other") / "model", weight=0.6, shift=0.01)


@pytest.fixture(scope="session")
def log_scorer(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_scorer(tmp_path_factory.mktemp("log") / "model", log=True)


@pytest.fixture(scope="session")
def good_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_rows(tmp_path_factory.mktemp("examples") / "good.tfrecord", good_rows(50))
