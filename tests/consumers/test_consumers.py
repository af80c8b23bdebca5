"""Exports with a `target` load and run in real old TensorFlows, and give the same numbers within 1e-6."""

from __future__ import annotations

import pytest

from tests.consumers.cases import CASES
from tests.consumers.questions import (
    Consumers,
    cases_and_targets,
    it_answers_there,
    it_is_refused,
    skip_what_is_missing,
    the_control,
)
from tests.consumers.workshop import Workshop
from tfx_savedmodel import versions

pytestmark = pytest.mark.tf

#: Ops that a consumer lacks and a model cannot do without.
LACKS: dict[tuple[str, str], set[str]] = {("bag-of-words", "tf-1.15"): {"RaggedBincount"}}
NAMES = [name for name, case in CASES.items() if not case.transform]
#: What 1.15.5 says of exports that were made for today's consumers. (It takes tf1-ref as it is.)
UNTARGETED = {
    "keras2-dense": "debug_name|DisableCopyOnRead|ParseExampleV2",
    "keras3-dense": "debug_name|DisableCopyOnRead|ParseExampleV2",
    "text-table": "debug_name|DisableCopyOnRead|ParseExampleV2",
    "tf1-resource": "debug_name",
}


@pytest.mark.parametrize(("name", "target"), cases_and_targets(NAMES))
def test_an_export_for_a_consumer(name: str, target: str, workshop: Workshop, consumer: Consumers) -> None:
    skip_what_is_missing(name)
    if (name, target) in LACKS:
        it_is_refused(name, target, LACKS[name, target], workshop)
    else:
        it_answers_there(name, target, workshop, consumer)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.plan is None])
def test_models_are_converted_by_the_way_that_there_is(name: str, workshop: Workshop) -> None:
    exported = workshop.exported(name, None)
    assert exported.error is None, exported.error
    by_estimator = name == "converted" and versions.has_estimator(versions.installed("tensorflow") or "")
    assert exported.builder == ("model_to_estimator" if by_estimator else "builder")


@pytest.mark.parametrize("name", UNTARGETED)
def test_without_a_target_it_is_refused_there(name: str, workshop: Workshop, consumer: Consumers) -> None:
    skip_what_is_missing(name)
    the_control(name, "tf-1.15", UNTARGETED[name], workshop, consumer)
