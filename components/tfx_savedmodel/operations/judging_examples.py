"""The stage of `validate` that runs the model on real examples, on Beam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfx_savedmodel.operations.given import GivenBeside
from tfx_savedmodel.operations.selection import Selection
from tfx_savedmodel.operations.stopwatch import LIBRARIES
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import LoadObservation
from tfx_savedmodel.validation.checks.runs_on_examples import RunsOnExamples
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict
from tfx_savedmodel.validation.runner import skipped


def judge_examples(
    graph: GraphView, selection: Selection, policy: Policy, given: GivenBeside, seen: Mapping[str, LoadObservation]
) -> list[CheckResult]:
    """Return the results of the checks SM3xx; `seen` is what the loaders did with the model before."""
    if not selection.examples or not given.examples:
        return [skipped(check, "no examples were given") for check in selection.examples]
    deadly = next((said for said in map(_deadly, seen.values()) if said), None)
    if deadly is not None:  # the same loader would end the same way
        return [skipped(check, deadly, blocked=True) for check in selection.examples]
    with given.watch.spend(LIBRARIES):
        from tfx_savedmodel.beam.example_checks import ExampleCheckRequest, run_example_checks
        from tfx_savedmodel.beam.launch import pipeline_maker

    make_pipeline = given.make_pipeline or pipeline_maker(given.beam_args)
    request = ExampleCheckRequest(
        model=str(graph.path),
        tags=graph.tags,
        files=given.examples,
        format=given.examples_format,
        sample=given.sample,
        batch_size=given.batch_size,
        data_view=given.data_view,
        checks=selection.examples,
        features=policy.features,
        outputs=policy.outputs,
        limits=policy.limits,
        schema=given.schema,
        transform_graph=given.transform_graph,
        reference=str(given.reference.path) if given.reference is not None else None,
    )
    return run_example_checks(request, make_pipeline, given.progress, given.watch.spend(LIBRARIES))


def example_notes(results: Sequence[CheckResult]) -> list[str]:
    """Return which signatures were not run, and why, where others were: SM301 says it of required ones only."""
    ran = next((result for result in results if result.code == RunsOnExamples.code), None)
    if ran is None or ran.verdict not in (CheckVerdict.PASS, CheckVerdict.FAIL):
        return []
    told = {finding.where.get("signature") for finding in ran.findings}
    reasons: Mapping[str, str] = ran.measurements.get("not_run", {})
    return [
        f"signature {key!r} was not run on the examples: {reason}" for key, reason in reasons.items() if key not in told
    ]


def _deadly(observation: LoadObservation) -> str | None:
    """Say how loading as the examples' process loads killed the loader's, if it did.

    What a signature does to its process is seen again on the examples, and the limits hold there too.
    """
    if observation.loader in ("native", "tf1") and observation.outcome in ("crashed", "timeout", "memory"):
        return f"not run: the {observation.loader} loader ended by {observation.outcome}"
    return None
