"""SM305 explanation-chain."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun, RunFailed, Skip
from tfx_savedmodel.validation.checks.explanation_contract import MODEL, PREPROCESS
from tfx_savedmodel.validation.checks.parity import comparison_json, difference_finding
from tfx_savedmodel.validation.comparing import Comparison, add, compare
from tfx_savedmodel.validation.result import Finding

SERVING = "serving_default"

#: (the explained model's output, the served one's)
Pair = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Chain:
    """The comparison of each pair of outputs, and how many examples one of the signatures refused."""

    compared: Mapping[Pair, Comparison] = dataclasses.field(default_factory=dict)
    failed: int = 0


@dataclasses.dataclass(frozen=True)
class ExplanationChain(ExampleCheck):
    """`xai_model` on what `xai_preprocess` gives answers as `serving_default` does.

    Outputs pair by name; where each signature has exactly one output, of one dtype, these two pair.
    The tolerances are those of SM304 parity.

    Why: an explanation is computed through the two `xai` signatures; if they are another function
    than the one that is served, it explains answers that nobody got.
    Remedy: export all three from one model with one Transform graph.
    """

    code: ClassVar[str] = "SM305"
    name: ClassVar[str] = "explanation-chain"
    rtol: float = 1e-4
    """The relative tolerance of numbers."""
    atol: float = 1e-6
    """The absolute tolerance of numbers."""

    def measure(self, run: ExamplesRun) -> Chain:
        _require_signatures(run)
        try:
            prepared, served = run.outputs(PREPROCESS), run.outputs(SERVING)
            explained = run.call(MODEL, _inputs(run, prepared))
        except RunFailed:
            return Chain(failed=run.size)
        compared = {
            (own, other): compare(
                explained[own],
                served[other],
                rtol=self.rtol,
                atol=self.atol,
                position=run.position,
                rows=run.size,
                example=run.example,
            )
            for own, other in _pairs(explained, served)
        }
        return Chain(compared)

    def merge(self, a: Chain, b: Chain) -> Chain:
        none = Comparison()
        pairs = sorted({*a.compared, *b.compared})
        compared = {pair: add(a.compared.get(pair, none), b.compared.get(pair, none)) for pair in pairs}
        return Chain(compared, a.failed + b.failed)

    def judge(self, total: Chain) -> Iterator[Finding]:
        if not total.compared:
            raise Skip(f"no example ran through all of {PREPROCESS}, {MODEL} and {SERVING}")
        for (own, _), comparison in sorted(total.compared.items()):
            if comparison.differing:
                where = {"signature": MODEL, "output": own}
                yield difference_finding(comparison, where, f"{SERVING!r}", self.rtol, self.atol)

    def measurements(self, total: Chain) -> Mapping[str, Any]:
        compared = {own: comparison_json(comparison) for (own, _), comparison in sorted(total.compared.items())}
        return {"compared": compared, "refused_examples": total.failed, "rtol": self.rtol, "atol": self.atol}


def _require_signatures(run: ExamplesRun) -> None:
    for key in (PREPROCESS, MODEL, SERVING):
        if key in run.refused:
            raise Skip(f"the examples cannot feed {key!r}: {run.refused[key]}")
        if key not in run.signatures:
            raise Skip(f"the model has no signature {key!r}")


def _inputs(run: ExamplesRun, prepared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of `xai_model` out of what `xai_preprocess` gave."""
    meta_graph = run.graph.meta_graph()
    wanted = sorted(meta_graph.signatures[MODEL].inputs) if meta_graph is not None else []
    missing = [name for name in wanted if name not in prepared]
    if missing:
        raise Skip(f"{PREPROCESS!r} gives nothing for the input(s) {', '.join(missing)} of {MODEL!r}")
    return {name: prepared[name] for name in wanted}


def _pairs(explained: Mapping[str, Any], served: Mapping[str, Any]) -> list[Pair]:
    shared = [(name, name) for name in sorted(explained) if name in served]
    if shared:
        return shared
    if len(explained) == len(served) == 1:
        (own, left), (other, right) = next(iter(explained.items())), next(iter(served.items()))
        if left.dtype == right.dtype:
            return [(own, other)]
    raise Skip(
        f"no outputs pair by name ({MODEL}: {', '.join(sorted(explained))}; {SERVING}: {', '.join(sorted(served))})"
    )
