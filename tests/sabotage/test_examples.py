"""Each check over examples fails on the model that was made to fail it, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sabotage.case import Workshop, assert_only
from tests.sabotage.example_cases import EXAMPLE_CASES
from tests.sabotage.models import write_examples

pytestmark = pytest.mark.tfx


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_examples(tmp_path_factory.mktemp("examples") / "some.tfrecord")


@pytest.mark.parametrize("code", EXAMPLE_CASES)
def test_one_check_fails(code: str, examples: str, workshop: Workshop, tmp_path: Path) -> None:
    assert_only(code, EXAMPLE_CASES[code], workshop, tmp_path, examples=examples)
