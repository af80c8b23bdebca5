"""SM308 determinism."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.saved_model.reachability import reach_of
from tfx_savedmodel.saved_model.view import MetaGraphView
from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun, RunFailed, Skip
from tfx_savedmodel.validation.checks.parity import comparison_json, place
from tfx_savedmodel.validation.comparing import Comparison, add, compare, first_texts
from tfx_savedmodel.validation.result import Finding

#: (signature, output)
Place = tuple[str, str]

#: Ops whose answer is another one each time.
RANDOM_OPS = frozenset(
    "RandomStandardNormal RandomUniform RandomUniformInt TruncatedNormal ParameterizedTruncatedNormal RandomGamma "
    "RandomPoisson RandomPoissonV2 Multinomial RandomShuffle RandomDataset RngSkip RngReadAndSkip StatefulUniform "
    "StatefulUniformInt StatefulUniformFullInt StatefulStandardNormal StatefulStandardNormalV2 "
    "StatefulTruncatedNormal StatefulRandomBinomial UniformCandidateSampler LogUniformCandidateSampler "
    "LearnedUnigramCandidateSampler FixedUnigramCandidateSampler AllCandidateSampler RandomCrop "
    "SampleDistortedBoundingBox SampleDistortedBoundingBoxV2 NonDeterministicInts Timestamp".split()
)
#: Ops that change what the next call finds.
CHANGING_OPS = frozenset(
    "Assign AssignAdd AssignSub AssignVariableOp AssignAddVariableOp AssignSubVariableOp CountUpTo "
    "ResourceCountUpTo ScatterUpdate ResourceScatterUpdate ResourceScatterAdd LookupTableInsertV2".split()
)
_MOST_HINTS = 3


@dataclasses.dataclass(frozen=True)
class Twice:
    """The comparison of both runs by output; hints by signature; signatures that ran once only, with the reason."""

    compared: Mapping[Place, Comparison] = dataclasses.field(default_factory=dict)
    hints: Mapping[str, str] = dataclasses.field(default_factory=dict)
    refused: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Determinism(ExampleCheck):
    """The same batch gets the same answers twice.

    The first `batches` batches of each shard are run a second time. By default answers have to be equal
    bit by bit, NaN to NaN; with `rtol` and `atol` numbers may differ by atol + rtol * |first|. Random
    ops, and ops that change variables, are named where the signature reaches them.

    Why: an answer that cannot be had again cannot be explained, tested or cached, and a comparison with
    a reference means nothing.
    Remedy: export with training=False (dropout, noise layers and augmentation are off then), and use
    stateless random ops with a seed from the input where randomness is meant.
    """

    code: ClassVar[str] = "SM308"
    name: ClassVar[str] = "determinism"
    batches: int = 1
    """How many batches of each shard are run a second time."""
    rtol: float = 0.0
    """The relative tolerance of numbers."""
    atol: float = 0.0
    """The absolute tolerance of numbers."""

    def measure(self, run: ExamplesRun) -> Twice | None:
        if run.ordinal >= self.batches:
            return None
        compared: dict[Place, Comparison] = {}
        hints: dict[str, str] = {}
        refused: dict[str, str] = {}
        for key in run.signatures:
            try:
                first = run.outputs(key)
            except RunFailed:
                continue  # SM301 says so.
            try:
                second = run.rerun(key)
            except RunFailed as failure:
                refused[key] = str(failure)
                continue
            for name in first:
                compared[key, name] = self._compare(run, second[name], first[name])
            if any(compared[key, name].differing for name in first):
                hints[key] = hint(run.graph.meta_graph(), key)
        if not compared and not refused:
            raise Skip("no signature could be run")
        return Twice(compared, hints, refused)

    def merge(self, a: Twice, b: Twice) -> Twice:
        none = Comparison()
        places = sorted({*a.compared, *b.compared})
        compared = {key: add(a.compared.get(key, none), b.compared.get(key, none)) for key in places}
        return Twice(compared, first_texts(a.hints, b.hints), first_texts(a.refused, b.refused))

    def judge(self, total: Twice) -> Iterator[Finding]:
        for key, reason in sorted(total.refused.items()):
            yield Finding(
                "it fails when the same batch is run again",
                {"signature": key},
                found=reason,
                wanted="the same answer",
                next="look for state that the first run changed or used up",
            )
        for (key, name), comparison in sorted(total.compared.items()):
            if comparison.differing:
                yield self._finding(key, name, comparison, total.hints.get(key, ""))

    def measurements(self, total: Twice) -> Mapping[str, Any]:
        compared: dict[str, dict[str, Any]] = {}
        for (key, name), comparison in sorted(total.compared.items()):
            compared.setdefault(key, {})[name] = comparison_json(comparison)
        return {"compared": compared, "rtol": self.rtol, "atol": self.atol}

    def _compare(self, run: ExamplesRun, second: Any, first: Any) -> Comparison:
        return compare(
            second,
            first,
            rtol=self.rtol,
            atol=self.atol,
            position=run.position,
            rows=run.size,
            example=run.example,
        )

    def _finding(self, key: str, name: str, comparison: Comparison, said: str) -> Finding:
        where: dict[str, Any] = {"signature": key, "output": name}
        worst = comparison.worst
        found, wanted = comparison.mismatch.partition(" and ")[::2]
        if worst is not None:
            where, found, wanted = place(where, worst), worst.found, worst.wanted
        share = f"{comparison.differing:,} of {comparison.examples:,} examples"
        return Finding(
            f"the same batch gets another answer the second time, for {share}",
            where,
            found=f"{found} the second time",
            wanted=f"{wanted}, as the first time",
            next=f"look at {said}" if said else "export the model with training=False; no random op is in its graph",
        )


def hint(meta_graph: MetaGraphView | None, key: str) -> str:
    """Name the first nodes that a signature reaches whose answers change from run to run; random ones first."""
    if meta_graph is None:
        return ""
    found: list[tuple[bool, str]] = []
    for function, node in reach_of(meta_graph).by_signature(key):
        if node.op in RANDOM_OPS or node.op in CHANGING_OPS:
            inside = f" of function {function!r}" if function else ""
            found.append((node.op in CHANGING_OPS, f"{node.op} in node {node.name!r}{inside}"))
    found.sort()
    more = f" and {len(found) - _MOST_HINTS} more" if len(found) > _MOST_HINTS else ""
    return ", ".join(text for _, text in found[:_MOST_HINTS]) + more
