"""SM304 parity."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun, RunFailed, Skip
from tfx_savedmodel.validation.comparing import DIFFERENCES, Comparison, Worst, add, brief_example, compare, first_texts
from tfx_savedmodel.validation.result import Finding

#: (signature, the model's output, the reference's output)
Pair = tuple[str, str, str]


@dataclasses.dataclass(frozen=True)
class Pairs:
    """The comparison of each pair of outputs; by signature, what has no partner (as text) and how many
    examples one of both refused.
    """

    compared: Mapping[Pair, Comparison] = dataclasses.field(default_factory=dict)
    unpaired: Mapping[str, str] = dataclasses.field(default_factory=dict)
    failed: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Parity(ExampleCheck):
    """The model answers as its reference does.

    Each signature that both have is run on the same examples. Outputs pair by name, or as the
    policy's `outputs` maps them, never by position. Numbers are the same where
    |model - reference| <= atol + rtol * |reference|; NaN equals NaN; strings and integers have to
    be equal. float32 carries seven digits, of which sums in another order cost two or three: hence
    `rtol` 1e-4; `atol` 1e-6 is for what should be zero.

    Why: a conversion or a re-export can change a model's answers without an error: stale weights,
    another preprocessing, a lost table.
    Remedy: run the example shown through both; compare the inputs first, then layer by layer.
    """

    code: ClassVar[str] = "SM304"
    name: ClassVar[str] = "parity"
    rtol: float = 1e-4
    """The relative tolerance of numbers."""
    atol: float = 1e-6
    """The absolute tolerance of numbers."""

    def measure(self, run: ExamplesRun) -> Pairs:
        reference = run.reference
        if reference is None:
            raise Skip("no reference model was given")
        shared = [key for key in run.signatures if key in reference.signatures]
        if not shared:
            raise Skip(_nothing_shared(run, reference))
        compared: dict[Pair, Comparison] = {}
        unpaired: dict[str, str] = {}
        failed: dict[str, int] = {}
        for key in shared:
            try:
                own, wanted = run.outputs(key), reference.outputs(key)
            except RunFailed:
                failed[key] = run.size
                continue
            pairs = [(name, run.renamed_outputs.get(name, name)) for name in own]
            for name, other in pairs:
                if other in wanted:
                    compared[key, name, other] = compare(
                        own[name],
                        wanted[other],
                        rtol=self.rtol,
                        atol=self.atol,
                        position=run.position,
                        rows=run.size,
                        example=run.example,
                    )
            alone = sorted(name for name, other in pairs if other not in wanted)
            others = sorted(set(wanted) - {other for _, other in pairs})
            if alone or others:
                unpaired[key] = f"the model's {alone or 'none'}, the reference's {others or 'none'}"
        return Pairs(compared, unpaired, failed)

    def merge(self, a: Pairs, b: Pairs) -> Pairs:
        places = sorted({*a.compared, *b.compared})
        none = Comparison()
        compared = {place: add(a.compared.get(place, none), b.compared.get(place, none)) for place in places}
        failed = {key: a.failed.get(key, 0) + b.failed.get(key, 0) for key in sorted({*a.failed, *b.failed})}
        return Pairs(compared, first_texts(a.unpaired, b.unpaired), failed)

    def judge(self, total: Pairs) -> Iterator[Finding]:
        if not total.compared:
            unpaired = "; ".join(f"{key}: {text}" for key, text in sorted(total.unpaired.items()))
            raise Skip(f"no outputs pair by name ({unpaired})" if unpaired else "no example ran through both models")
        for (key, name, other), comparison in sorted(total.compared.items()):
            if comparison.differing:
                renamed = "" if name == other else f" (the reference's {other!r})"
                yield difference_finding(
                    comparison, {"signature": key, "output": name}, f"the reference{renamed}", self.rtol, self.atol
                )

    def measurements(self, total: Pairs) -> Mapping[str, Any]:
        compared: dict[str, dict[str, Any]] = {}
        for (key, name, _), comparison in sorted(total.compared.items()):
            compared.setdefault(key, {})[name] = comparison_json(comparison)
        differences = {f"{key}.{name}": item for (key, name, _), item in sorted(total.compared.items())}
        return {
            "compared": compared,
            "differences": differences_json(differences),
            "unpaired_outputs": dict(sorted(total.unpaired.items())),
            "refused_examples": dict(total.failed),
            "rtol": self.rtol,
            "atol": self.atol,
        }


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return what a report shows of a comparison."""
    return {
        "examples": comparison.examples,
        "differing": comparison.differing,
        # No number says how far NaN or a word is from another answer, and JSON has no infinity.
        "largest_difference": comparison.largest if _is_measurable(comparison) else None,
    }


def differences_json(compared: Mapping[str, Comparison]) -> dict[str, Any]:
    """Return for each comparison of numbers the largest difference, and how many examples differ by how much."""
    shown: dict[str, Any] = {}
    for name, comparison in compared.items():
        if comparison.counts:
            edges, counts = DIFFERENCES.histogram({0: 0, **comparison.counts})
            shown[name] = {"max": comparison.largest, "histogram": {"edges": edges, "counts": counts}}
    return shown


def _is_measurable(comparison: Comparison) -> bool:
    is_number = comparison.worst is None or math.isfinite(comparison.worst.difference)
    return is_number and not comparison.mismatch


def difference_finding(
    comparison: Comparison, where: Mapping[str, Any], other: str, rtol: float, atol: float
) -> Finding:
    """Return the finding that outputs differ from `other`'s, with the worst example."""
    share = f"{comparison.differing:,} of {comparison.examples:,} examples"
    worst = comparison.worst
    if worst is None:
        text = f"it cannot be compared with {other}'s"
        return mismatch_finding(comparison, where, text, "make both give the same shape and kind of output")
    by = f", at worst by {worst.difference:.6g}" if _is_measurable(comparison) else ""
    return Finding(
        f"it differs from {other} on {share}{by}",
        place(where, worst),
        found=worst.found,
        wanted=f"{worst.wanted}, within atol {atol:g} + rtol {rtol:g}",
        next="run the example shown through both, and compare their inputs first",
    )


def mismatch_finding(comparison: Comparison, where: Mapping[str, Any], text: str, next_step: str) -> Finding:
    """Return the finding that arrays could not be compared: by their shape or kind, which is told after `text`."""
    found, _, wanted = comparison.mismatch.partition(" and ")
    return Finding(f"{text}: {comparison.mismatch}", where, found=found, wanted=wanted, next=next_step)


def place(where: Mapping[str, Any], worst: Worst) -> dict[str, Any]:
    """Return a finding's place with the worst example: its file, its record and its features in short."""
    example = brief_example(worst.example)
    return {**where, **worst.position, **({"example": example} if example else {})}


def _nothing_shared(run: ExamplesRun, reference: ExamplesRun) -> str:
    own = ", ".join(sorted(run.signatures)) or "none"
    theirs = ", ".join(sorted(reference.signatures)) or "none"
    return f"no signature can be run in both (the model's: {own}; the reference's: {theirs})"
