"""The running consumers, and what they are asked of, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.consumers.consumer import TESTED, Consumer, consumer_python, require_consumer

# Its assertions shall say what they compare, as those of tests do.
pytest.register_assert_rewrite("tests.consumers.questions")

if TYPE_CHECKING:
    from tests.consumers.workshop import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    # Imported here: this file is read for the unit tier too.
    from tests.consumers.workshop import Workshop

    return Workshop(tmp_path_factory.mktemp("consumers"))


@pytest.fixture(scope="session")
def consumer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Consumer]]:
    """A function that gives a running consumer by its name, or skips.

    Those that are always asked start at once: they import TensorFlow while the first model is built.
    """
    folder = tmp_path_factory.mktemp("logs")
    running = {
        name: Consumer(consumer_python(name), folder / name) for name in TESTED if consumer_python(name).exists()
    }

    def get(name: str) -> Consumer:
        python = require_consumer(name)
        if name not in running:
            running[name] = Consumer(python, folder / name)
        return running[name]

    yield get
    for each in running.values():
        each.close()
