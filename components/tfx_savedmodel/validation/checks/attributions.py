"""SM306 attributions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun, Gradients, RunFailed, Skip
from tfx_savedmodel.validation.checks.explanation_metadata import METADATA
from tfx_savedmodel.validation.comparing import brief, brief_example
from tfx_savedmodel.validation.explained import Explained, ExplainedInput, explained
from tfx_savedmodel.validation.integrated_gradients import Completeness, completeness
from tfx_savedmodel.validation.result import Finding

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: An example's place: file, record, its features in short.
Place = tuple[str, int, str]


@dataclasses.dataclass(frozen=True)
class Slope:
    """One input: examples with a gradient, with one that is not finite, with one that is zero; the first bad one."""

    examples: int = 0
    missing: int = 0
    not_finite: int = 0
    zero: int = 0
    first: Place | None = None
    found: str = ""


@dataclasses.dataclass(frozen=True)
class Sums:
    """Examples whose attributions were summed, those where the sum is wrong, and of these the worst.

    `worst` is by how much it is wrong, its place, the sum and what it should be; `largest` counts all.
    """

    examples: int = 0
    incomplete: int = 0
    largest: float = 0.0
    worst: tuple[float, Place, str, str] | None = None


@dataclasses.dataclass(frozen=True)
class Attributed:
    """What was seen of one model; `refused` says why nothing could be differentiated."""

    signature: str = ""
    output: str = ""
    slopes: Mapping[str, Slope] = dataclasses.field(default_factory=dict)
    sums: Sums = Sums()
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    refused: str = ""


@dataclasses.dataclass(frozen=True)
class Attributions(ExampleCheck):
    """The explained output has finite gradients, and integrated gradients add up to it.

    `examples` examples of the first `batches` batches of each shard are differentiated: the output of
    `xai_model` (or of `serving_default` with explanation metadata) that the metadata explains, its only
    float output, or `output`; of several classes the one with the largest answer. Integrated gradients
    run from the metadata's first baseline, else from zeros, in `steps` steps, and in up to sixteen times as
    many where they do not add up; their sum may differ from f(x) - f(baseline) by the part `tolerance` of that.
    An input whose gradient is zero for every example is named in the measurements.

    Why: an explainer divides the answer among the inputs by these gradients; where there is none, or they
    do not add up, its explanation is about something else than the model's answer.
    Remedy: take rounding, lookups, argmax and stop_gradient out of `xai_model`, or put them before it,
    into `xai_preprocess`; give integer and string inputs an encoded float form.
    """

    code: ClassVar[str] = "SM306"
    name: ClassVar[str] = "attributions"
    examples: int = 4
    """How many examples of a batch are differentiated."""
    batches: int = 1
    """How many batches of each shard are looked at."""
    steps: int = 64
    """Steps from the baseline to the example."""
    tolerance: float = 0.05
    """How far the sum may be from f(x) - f(baseline), as a part of that."""
    output: str | None = None
    """The output that is explained; null: as the metadata says, else the only float one."""

    def measure(self, run: ExamplesRun) -> Attributed | None:
        what = explained(run.graph, self.output)
        if what.signature not in run.signatures:
            reason = run.refused.get(what.signature, "it is not run")
            raise Skip(f"the examples cannot feed {what.signature!r}: {reason}")
        if run.ordinal >= self.batches:
            return None
        about = Attributed(what.signature, what.output, left_out=dict(what.left_out))
        try:
            run.outputs(what.signature)
        except RunFailed:
            return None  # SM301 says so.
        sample = _Sample(run, what, self.examples)
        try:
            here = sample.gradients(sample.inputs, None)
            slopes = {name: sample.slope(here, name) for name in sample.by}
            sums = Sums()
            if any(slope is not None for slope in here.by.values()):
                sums = sample.sums(sample.completeness(here, self.steps, self.tolerance))
        except RunFailed as failure:
            return dataclasses.replace(about, refused=str(failure))
        return dataclasses.replace(about, slopes=slopes, sums=sums)

    def merge(self, a: Attributed, b: Attributed) -> Attributed:
        slopes = {
            name: _add_slopes(a.slopes.get(name, Slope()), b.slopes.get(name, Slope()))
            for name in sorted({*a.slopes, *b.slopes})
        }
        refused = min((text for text in (a.refused, b.refused) if text), default="")
        return Attributed(a.signature, a.output, slopes, _add_sums(a.sums, b.sums), a.left_out, refused)

    def judge(self, total: Attributed) -> Iterator[Finding]:
        where = {"signature": total.signature, "output": total.output}
        if total.refused:
            yield Finding(
                "it cannot be differentiated",
                where,
                found=total.refused,
                wanted="a gradient by each input",
                next="look for an op without a gradient, or export the model so that TF2 can load it",
            )
        for name, slope in sorted(total.slopes.items()):
            yield from _slope_findings({**where, "input": name}, slope)
        if total.sums.incomplete:
            yield self._incomplete(where, total.sums)

    def measurements(self, total: Attributed) -> Mapping[str, Any]:
        return {
            "signature": total.signature,
            "output": total.output,
            "gradients": {
                name: {
                    "examples": slope.examples,
                    "missing": slope.missing,
                    "not_finite": slope.not_finite,
                    "zero": slope.zero,
                }
                for name, slope in sorted(total.slopes.items())
            },
            "always_zero": [name for name, slope in sorted(total.slopes.items()) if 0 < slope.examples == slope.zero],
            "completeness": {
                "examples": total.sums.examples,
                "incomplete": total.sums.incomplete,
                "largest_gap": total.sums.largest,
            },
            "not_attributed": dict(total.left_out),
            "tolerance": self.tolerance,
        }

    def _incomplete(self, where: Mapping[str, Any], sums: Sums) -> Finding:
        assert sums.worst is not None
        _, place, found, wanted = sums.worst
        return Finding(
            f"integrated gradients do not add up for {sums.incomplete:,} of {sums.examples:,} examples",
            {**where, **_place(place)},
            found=f"attributions that sum to {found}",
            wanted=f"{wanted} = f(x) - f(baseline), within {self.tolerance:.0%}",
            next=f"look for steps (rounding, comparisons, lookups) in the network, and at the baselines in {METADATA}",
        )


class _Sample:
    """Some rows of a batch, and how the explained output changes around them."""

    def __init__(self, run: ExamplesRun, what: Explained, examples: int) -> None:
        import numpy as np

        self.run = run
        self.what = what
        self.by = tuple(item.by for item in what.inputs)
        self.rows = np.unique(np.linspace(0, run.size - 1, min(examples, run.size)).astype(np.int64))
        self.inputs = {name: array[self.rows] for name, array in run.inputs(what.signature).items()}

    def gradients(self, inputs: Mapping[str, Array], targets: Array | None) -> Gradients:
        return self.run.gradients(self.what.signature, self.what.output, inputs, self.by, targets)

    def slope(self, here: Gradients, name: str) -> Slope:
        """Return what the gradients by one name are, row by row."""
        import numpy as np

        count, slopes = len(self.rows), here.by[name]
        if slopes is None:
            return Slope(count, missing=count, first=self.place(0), found="no gradient")
        flat = slopes.reshape(count, -1)
        bad = ~np.isfinite(flat).all(axis=1)
        zero = int((flat == 0).all(axis=1).sum())
        if not bad.any():
            return Slope(count, zero=zero)
        row = int(np.flatnonzero(bad)[0])
        return Slope(count, not_finite=int(bad.sum()), zero=zero, first=self.place(row), found=brief(slopes[row]))

    def completeness(self, here: Gradients, steps: int, tolerance: float) -> Completeness:
        points = dict(here.points)
        baselines = {item.by: _baseline(item, points[item.by]) for item in self.what.inputs}

        def differentiate(at: Mapping[str, Array], rows: Array) -> Gradients:
            fixed = {name: array[rows] for name, array in self.inputs.items() if name not in at}
            return self.gradients({**fixed, **at}, here.targets[rows])

        return completeness(points, baselines, here.values, differentiate, steps=steps, tolerance=tolerance)

    def sums(self, found: Completeness) -> Sums:
        import numpy as np

        gaps = np.abs(found.sums - found.changes)
        largest = float(np.nan_to_num(gaps, nan=0.0, posinf=0.0).max())
        wrong = np.flatnonzero(~found.complete)
        if not len(wrong):
            return Sums(len(self.rows), 0, largest)
        weights = np.nan_to_num(gaps, nan=np.inf)
        row = int(wrong[weights[wrong].argmax()])
        worst = (float(weights[row]), self.place(row), f"{found.sums[row]:.6g}", f"{found.changes[row]:.6g}")
        return Sums(len(self.rows), len(wrong), largest, worst)

    def place(self, row: int) -> Place:
        at = self.run.position(int(self.rows[row]))
        return str(at["file"]), int(at["record"]), brief_example(self.run.example(int(self.rows[row])))


def _baseline(item: ExplainedInput, points: Array) -> Array:
    import numpy as np

    given = 0.0 if item.baseline is None else item.baseline
    try:
        one = np.broadcast_to(np.asarray(given, points.dtype), points.shape[1:])
    except (ValueError, TypeError) as error:
        raise Skip(f"the baseline of {item.name!r} in {METADATA} does not fit it: {error}") from error
    return np.repeat(one[None], len(points), axis=0)


def _add_slopes(a: Slope, b: Slope) -> Slope:
    first, found = min(((each.first, each.found) for each in (a, b) if each.first is not None), default=(None, ""))
    return Slope(
        a.examples + b.examples,
        a.missing + b.missing,
        a.not_finite + b.not_finite,
        a.zero + b.zero,
        first,
        found,
    )


def _add_sums(a: Sums, b: Sums) -> Sums:
    worst = max((each.worst for each in (a, b) if each.worst is not None), default=None)
    return Sums(a.examples + b.examples, a.incomplete + b.incomplete, max(a.largest, b.largest), worst)


def _slope_findings(where: Mapping[str, Any], slope: Slope) -> Iterator[Finding]:
    place = {**where, **_place(slope.first)}
    if slope.missing:
        yield Finding(
            "no gradient leads from the explained output to it",
            place,
            found="no gradient",
            wanted="a gradient",
            next="look for rounding, a cast to integers, argmax or stop_gradient between them, or an unused input",
        )
    if slope.not_finite:
        yield Finding(
            f"its gradient is not finite for {slope.not_finite:,} of {slope.examples:,} examples",
            place,
            found=slope.found,
            wanted="finite numbers",
            next="look for a square root, logarithm or division at zero",
        )


def _place(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {}
    file, record, example = place
    return {"file": file, "record": record, **({"example": example} if example else {})}
