"""The stage of `validate` that loads: each loader that some check needs, once, in a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from tfx_savedmodel.operations.given import GivenBeside
from tfx_savedmodel.operations.selection import Selection
from tfx_savedmodel.operations.stopwatch import LIBRARIES
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import LoadedModel, LoadObservation
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.result import CheckResult
from tfx_savedmodel.validation.runner import run_model_checks


def judge_loads(
    graph: GraphView, selection: Selection, policy: Policy, given: GivenBeside
) -> tuple[list[CheckResult], Mapping[str, LoadObservation]]:
    """Return the results of the checks SM2xx, and what each loader did with the model, by its name."""
    seen = _load(graph, selection, policy, given)
    return run_model_checks(selection.model, LoadedModel(graph, _tags(graph), seen)), seen


def _tags(graph: GraphView) -> tuple[str, ...]:
    meta_graph = graph.meta_graph()
    return meta_graph.tags if meta_graph is not None else graph.tags


def _load(graph: GraphView, selection: Selection, policy: Policy, given: GivenBeside) -> Mapping[str, LoadObservation]:
    if not selection.model:
        return {}
    from tfx_savedmodel.validation.loading.observe import LoaderHost, observe_model

    with contextlib.nullcontext(given.host) if given.host else LoaderHost() as host:
        seen = observe_model(host, graph.path, _tags(graph), selection.model, policy.limits, given.progress)
    given.watch.move(sum(observation.library_seconds for observation in seen.values()), LIBRARIES)
    return seen
