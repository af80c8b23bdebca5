"""Runs checks: a check's generator of findings becomes a result, whatever happens in it."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tfx_savedmodel.saved_model.view import KERAS, GraphView
from tfx_savedmodel.validation.check import Check, GraphCheck, LoadedModel, ModelCheck, Skip
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict, Finding

#: What must not have failed before anything of a model is loaded or run.
GATES = ("SM101", "SM120", "SM121")

#: Why a Keras file is judged by few checks.
NO_GRAPH = "a Keras file has no graph: export it first (tfx-savedmodel export)"


def run_check(
    check: Check,
    find: Callable[[], Iterable[Finding]],
    measurements: Callable[[], Mapping[str, Any]] = dict,
    *,
    measured_when_skipped: bool = False,
) -> CheckResult:
    """Return the result of one check: no finding is PASS, Skip is SKIP, another exception ERROR."""
    started = time.perf_counter()
    verdict, reason = CheckVerdict.PASS, None
    findings: tuple[Finding, ...] = ()
    measured: dict[str, Any] = {}
    try:
        try:
            findings = tuple(find())
            measured = dict(measurements())
            verdict = CheckVerdict.FAIL if findings else CheckVerdict.PASS
        except Skip as skip:
            verdict, reason, measured = CheckVerdict.SKIP, str(skip), skip.measurements
            if measured_when_skipped:
                measured = {**measured, **measurements()}
    except Exception as error:  # a broken check is a result, never the end of the run
        verdict, reason = CheckVerdict.ERROR, f"{type(error).__name__}: {error}"
    return CheckResult(
        code=check.code,
        name=check.name,
        title=check.title(),
        verdict=verdict,
        reason=reason,
        findings=findings,
        measurements=measured,
        seconds=time.perf_counter() - started,
    )


def skipped(check: Check, reason: str, *, blocked: bool = False) -> CheckResult:
    """Return the SKIP of a check that was not made; `blocked` where it was not safe to make it."""
    return CheckResult(check.code, check.name, CheckVerdict.SKIP, title=check.title(), reason=reason, blocked=blocked)


def run_graph_checks(checks: Sequence[GraphCheck], graph: GraphView) -> list[CheckResult]:
    """Return the results of the graph checks.

    Where the file cannot be read, or is one of Keras's, only the checks that say so can be made.
    """
    results = []
    for check in checks:
        reason = _unmade(check, graph)
        if reason is not None:
            results.append(skipped(check, reason))
        else:
            found = functools.partial(check.check, graph)
            results.append(run_check(check, found, functools.partial(check.measurements, graph)))
    return results


def _unmade(check: GraphCheck, graph: GraphView) -> str | None:
    """Return why a check has nothing to judge, or None."""
    if graph.format == KERAS and not check.judges_keras_files:
        return NO_GRAPH
    if graph.fault is not None and not check.judges_unreadable:
        return f"the {'file' if graph.format == KERAS else 'graph'} cannot be read: {graph.fault}"
    return None


def run_model_checks(checks: Sequence[ModelCheck], model: LoadedModel) -> list[CheckResult]:
    """Return the results of the checks over what the loaders did; a load's time counts for its check."""
    results = []
    for check in checks:
        result = run_check(
            check,
            functools.partial(check.check, model),
            functools.partial(check.measurements, model),
            measured_when_skipped=True,  # why nothing was run, how long a load took that has no budget
        )
        loads = [model.observations[loader].seconds for loader in check.loaders] if len(check.loaders) == 1 else []
        results.append(dataclasses.replace(result, seconds=result.seconds + sum(loads)))
    return results


def blocked(results: Sequence[CheckResult]) -> str | None:
    """Return why nothing of this model may be loaded, or None."""
    failed = [result for result in results if result.code in GATES and result.verdict is not CheckVerdict.PASS]
    failed = [result for result in failed if result.verdict is not CheckVerdict.SKIP or result.code == "SM101"]
    if not failed:
        return None
    first = failed[0]
    what = first.findings[0].message if first.findings else (first.reason or "no answer")
    said = f"{first.code} found that {what}" if first.findings else f"{first.code}: {what}"
    return f"not run: {said} (a policy that says `trusted` runs it all the same)"
