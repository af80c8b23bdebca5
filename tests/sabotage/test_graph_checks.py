"""Each graph check fails on the model that was made to fail it, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sabotage.case import Workshop, assert_only
from tests.sabotage.graph_cases import GRAPH_CASES
from tfx_savedmodel.validation.loading.observe import LoaderHost

pytestmark = pytest.mark.tf


@pytest.mark.parametrize("code", GRAPH_CASES)
def test_one_check_fails(code: str, host: LoaderHost, workshop: Workshop, tmp_path: Path) -> None:
    assert_only(code, GRAPH_CASES[code], workshop, tmp_path, host=host)
