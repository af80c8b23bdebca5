"""One process for all loads of the suite, and sound models that are made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sabotage.case import Workshop
from tfx_savedmodel.validation.loading.observe import LoaderHost


@pytest.fixture(scope="session")
def host() -> Iterator[LoaderHost]:
    with LoaderHost() as running:
        yield running


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))
