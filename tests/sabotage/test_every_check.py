"""No check is without a sabotage: what was never seen to fail may be unable to."""

from __future__ import annotations

import pytest

from tests.sabotage.example_cases import EXAMPLE_CASES
from tests.sabotage.graph_cases import GRAPH_CASES
from tests.sabotage.load_cases import LOAD_CASES
from tfx_savedmodel.validation.check import ExampleCheck, GraphCheck, ModelCheck
from tfx_savedmodel.validation.registry import CHECKS

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("kind", "cases"), [(GraphCheck, GRAPH_CASES), (ModelCheck, LOAD_CASES), (ExampleCheck, EXAMPLE_CASES)]
)
def test_each_check_has_its_sabotage(kind: type, cases: dict[str, object]) -> None:
    assert sorted(cases) == sorted(check.code for check in CHECKS if issubclass(check, kind))
