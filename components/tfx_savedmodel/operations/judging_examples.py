"""The stage of `validate` that runs the model on real examples, on Beam."""

from __future__ import annotations

from collections.abc import Mapping

from tfx_savedmodel.operations.given import GivenBeside
from tfx_savedmodel.operations.selection import Selection
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import LoadObservation
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.result import CheckResult
from tfx_savedmodel.validation.runner import skipped


def judge_examples(
    graph: GraphView, selection: Selection, policy: Policy, given: GivenBeside, seen: Mapping[str, LoadObservation]
) -> list[CheckResult]:
    """Return the results of the checks SM3xx; `seen` is what the loaders did with the model before."""
    if not selection.examples or not given.examples:
        return [skipped(check, "no examples were given") for check in selection.examples]
    deadly = next((said for said in map(_deadly, seen.values()) if said), None)
    if deadly is not None:  # Beam's workers have no limits, and in this process a crash would be ours
        return [skipped(check, deadly, blocked=True) for check in selection.examples]
    from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, run_example_checks
    from tfx_savedmodel.beam.launch import pipeline_maker

    make_pipeline = given.make_pipeline or pipeline_maker(given.beam_args)
    request = ExampleCheckRequest(
        model=str(graph.path),
        tags=graph.tags,
        files=given.examples,
        checks=selection.examples,
        features=policy.features,
        outputs=policy.outputs,
        schema=given.schema,
        transform_graph=given.transform_graph,
        reference=str(given.reference.path) if given.reference is not None else None,
    )
    return run_example_checks(request, make_pipeline, given.progress)


def _deadly(observation: LoadObservation) -> str | None:
    """Say how the model killed a loader's process, if it did."""
    if observation.outcome in ("crashed", "timeout", "memory"):
        return f"not run: the {observation.loader} loader ended by {observation.outcome}"
    died = next((run for run in observation.runs if run.get("died")), None)
    return f"not run: the signature {died['signature']!r} ended its process" if died else None
