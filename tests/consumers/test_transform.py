"""Exports through a Transform graph, with its vocabulary tables, run in real old TensorFlows."""

from __future__ import annotations

import pytest

from tests.consumers.cases import CASES
from tests.consumers.questions import Consumers, cases_and_targets, it_answers_there
from tests.consumers.workshop import Workshop

pytestmark = pytest.mark.tfx


@pytest.mark.parametrize(("name", "target"), cases_and_targets(name for name, case in CASES.items() if case.transform))
def test_an_export_for_a_consumer(name: str, target: str, workshop: Workshop, consumer: Consumers) -> None:
    it_answers_there(name, target, workshop, consumer)
