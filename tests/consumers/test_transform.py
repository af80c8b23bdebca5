"""Exports through a Transform graph, with its vocabulary tables, run in real old TensorFlows."""

from __future__ import annotations

import pytest

from tests.consumers.cases import CASES
from tests.consumers.questions import TARGETS, Consumers, it_answers_there, it_is_refused
from tests.consumers.workshop import Workshop

pytestmark = pytest.mark.tfx

LACKS: dict[tuple[str, str], set[str]] = {}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.transform])
def test_an_export_for_a_consumer(name: str, target: str, workshop: Workshop, consumer: Consumers) -> None:
    if (name, target) in LACKS:
        it_is_refused(name, target, LACKS[name, target], workshop)
    else:
        it_answers_there(name, target, workshop, consumer)
