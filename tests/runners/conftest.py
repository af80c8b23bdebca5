"""Engines that the tests of this folder share: each is started once, and needs Java 17 and Maven."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.engines.engine import Engine
from pipelines.engines.flink import FlinkCluster
from pipelines.engines.jars import INSTALL
from pipelines.engines.spark import Spark
from tests.conftest import require_tool
from tests.runners.material import Material, make_material, told
from tfx_savedmodel.operations.validate import Report


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="session")
def local_report(material: Material) -> Report:
    """What Beam's local runner in this process says."""
    return material.validate()


@pytest.fixture(scope="session")
def expected(local_report: Report) -> dict[str, object]:
    return told(local_report)


@pytest.fixture(scope="session")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkCluster]:
    require_java()
    with FlinkCluster(Path(tmp_path_factory.mktemp("flink"))) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    require_java()
    with Spark(Path(tmp_path_factory.mktemp("spark"))) as engine:
        yield engine


def require_java() -> None:
    """Skip where what engines are fetched and run with is absent."""
    for name, install in INSTALL.items():
        require_tool(name, install)
