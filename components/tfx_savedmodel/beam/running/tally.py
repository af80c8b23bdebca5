"""What a shard gave: each check's partial, merged; and how the total becomes results."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun, Skip
from tfx_savedmodel.validation.result import CheckResult, CheckVerdict
from tfx_savedmodel.validation.runner import run_check, skipped


@dataclasses.dataclass(frozen=True)
class CheckTally:
    """One check's partial so far (None: nothing measured), or why it has none."""

    partial: Any = None
    skip: str | None = None
    error: str | None = None
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Tally:
    """The tallies of the checks, in their order, how many examples were run, and how long that took.

    `load_fault` says why the model could not be loaded on a worker, `span` when the first batch was begun and the
    last one was done (seconds since the epoch; None: there was none).
    """

    checks: tuple[CheckTally, ...]
    examples: int = 0
    seconds: float = 0.0
    load_fault: str | None = None
    span: tuple[float, float] | None = None


def empty_tally(checks: Sequence[ExampleCheck]) -> Tally:
    """Return the tally of no examples."""
    return Tally(tuple(CheckTally() for _ in checks))


def add_run(checks: Sequence[ExampleCheck], tally: Tally, run: ExamplesRun) -> Tally:
    """Return the tally with one batch measured by every check that did not break before."""
    measured = tuple(
        _add(check, each, functools.partial(check.measure, run))
        for check, each in zip(checks, tally.checks, strict=True)
    )
    return dataclasses.replace(tally, checks=measured, examples=tally.examples + run.size)


def add_fault(checks: Sequence[ExampleCheck], tally: Tally, fault: Mapping[str, Any]) -> Tally:
    """Return the tally with a fault that kept examples from being run."""
    measured = tuple(
        _add(check, each, functools.partial(check.measure_fault, fault))
        for check, each in zip(checks, tally.checks, strict=True)
    )
    return dataclasses.replace(tally, checks=measured)


def merge_tallies(checks: Sequence[ExampleCheck], a: Tally, b: Tally) -> Tally:
    """Return the tally of both; associative and commutative as the checks' own merge is."""
    return Tally(
        tuple(_merge(check, one, other) for check, one, other in zip(checks, a.checks, b.checks, strict=True)),
        a.examples + b.examples,
        a.seconds + b.seconds,
        _first(a.load_fault, b.load_fault),
        _around(a.span, b.span),
    )


def _first(a: str | None, b: str | None) -> str | None:
    """Return one of two reasons, whichever order they are merged in."""
    return min((reason for reason in (a, b) if reason is not None), default=None)


def _around(a: tuple[float, float] | None, b: tuple[float, float] | None) -> tuple[float, float] | None:
    if a is None or b is None:
        return a or b
    return min(a[0], b[0]), max(a[1], b[1])


def judge(checks: Sequence[ExampleCheck], tally: Tally, nothing: str = "no example could be read") -> list[CheckResult]:
    """Return each check's result over all examples; without an example a check says `nothing`."""
    return [_judge(check, each, tally, nothing) for check, each in zip(checks, tally.checks, strict=True)]


def _add(check: ExampleCheck, tally: CheckTally, measure: Callable[[], Any]) -> CheckTally:
    if tally.error is not None:
        return tally
    started = time.perf_counter()
    try:
        partial = measure()
        if partial is not None and tally.partial is not None:
            partial = check.merge(tally.partial, partial)
        changes: dict[str, Any] = {"partial": tally.partial if partial is None else partial}
    except Skip as skip:
        changes = {"skip": tally.skip or str(skip)}
    except Exception as error:  # a check that breaks is an ERROR result and stops no other
        changes = {"error": f"{type(error).__name__}: {error}"}
    return dataclasses.replace(tally, seconds=tally.seconds + time.perf_counter() - started, **changes)


def _merge(check: ExampleCheck, a: CheckTally, b: CheckTally) -> CheckTally:
    both = CheckTally(a.partial, _first(a.skip, b.skip), _first(a.error, b.error), a.seconds + b.seconds)
    if b.partial is None:
        return both
    return _add(check, both, lambda: b.partial)


def _judge(check: ExampleCheck, tally: CheckTally, total: Tally, nothing: str) -> CheckResult:
    if tally.error is not None:
        result = CheckResult(check.code, check.name, CheckVerdict.ERROR, title=check.title(), reason=tally.error)
    elif tally.partial is not None:
        result = run_check(check, lambda: check.judge(tally.partial), lambda: check.measurements(tally.partial))
    elif total.load_fault is not None:
        result = skipped(check, f"the model cannot be loaded into a session: {total.load_fault}")
    else:
        result = skipped(check, tally.skip or nothing)
    # What the checks look at is computed once for all of them; each bears its share.
    shared = total.seconds / len(total.checks)
    return dataclasses.replace(result, seconds=result.seconds + tally.seconds + shared)
