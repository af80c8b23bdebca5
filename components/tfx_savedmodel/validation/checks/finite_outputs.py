"""SM302 finite-outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun, RunFailed, Skip
from tfx_savedmodel.validation.result import Finding

if TYPE_CHECKING:
    import numpy as np

#: (signature, output)
Place = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Counts:
    """One output: examples looked at, those with NaN and with infinity, and the first of them."""

    examples: int = 0
    nan: int = 0
    infinite: int = 0
    first: tuple[str, int] | None = None


@dataclasses.dataclass(frozen=True)
class FiniteOutputs(ExampleCheck):
    """No output of a signature is NaN or infinite on real examples.

    Why: a NaN spreads through whatever uses the answer, and JSON clients cannot even read it. Its absence
    is no proof of sound weights: behind a ReLU the kernels of some processors make a zero of a NaN, and
    those of others do not. SM306 finds such a weight by its gradient.
    Remedy: look at the example shown: a missing value that nothing imputes, a division or logarithm
    of zero, or weights that were NaN already when training ended.
    """

    code: ClassVar[str] = "SM302"
    name: ClassVar[str] = "finite-outputs"

    def measure(self, run: ExamplesRun) -> dict[Place, Counts]:
        found: dict[Place, Counts] = {}
        for key in run.signatures:
            try:
                outputs = run.outputs(key)
            except RunFailed:
                continue  # SM301 says so.
            for name, array in outputs.items():
                counts = _count(run, array)
                if counts is not None:
                    found[key, name] = counts
        return found

    def merge(self, a: Mapping[Place, Counts], b: Mapping[Place, Counts]) -> dict[Place, Counts]:
        return {place: _add(a.get(place, Counts()), b.get(place, Counts())) for place in sorted({*a, *b})}

    def judge(self, total: Mapping[Place, Counts]) -> Iterator[Finding]:
        if not total:
            raise Skip("no signature that could be run has a floating-point output")
        for (key, name), counts in sorted(total.items()):
            if counts.first is not None:
                yield _finding(key, name, counts, counts.first)

    def measurements(self, total: Mapping[Place, Counts]) -> Mapping[str, Any]:
        outputs: dict[str, dict[str, Any]] = {}
        for (key, name), counts in sorted(total.items()):
            outputs.setdefault(key, {})[name] = {
                "examples": counts.examples,
                "nan": counts.nan,
                "infinite": counts.infinite,
            }
        return {"outputs": outputs}


def _count(run: ExamplesRun, array: np.ndarray[Any, Any]) -> Counts | None:
    """Return the counts over a batch's output, None where it holds no floating-point numbers."""
    import numpy as np

    array = np.asarray(array)
    if array.dtype.kind not in "fc" and "float" not in array.dtype.name:
        return None
    if np.isfinite(array).all():
        return Counts(run.size)
    has_rows = array.ndim > 0 and len(array) == run.size
    flat = array.reshape((run.size if has_rows else 1, -1))
    nan, infinite = np.isnan(flat).any(axis=1), np.isinf(flat).any(axis=1)
    place = run.position(int(np.flatnonzero(nan | infinite)[0]))
    times = 1 if has_rows else run.size
    return Counts(run.size, int(nan.sum()) * times, int(infinite.sum()) * times, (place["file"], place["record"]))


def _add(a: Counts, b: Counts) -> Counts:
    first = min((each.first for each in (a, b) if each.first is not None), default=None)
    return Counts(a.examples + b.examples, a.nan + b.nan, a.infinite + b.infinite, first)


def _finding(key: str, name: str, counts: Counts, first: tuple[str, int]) -> Finding:
    kinds = [kind for kind, count in (("NaN", counts.nan), ("infinity", counts.infinite)) if count]
    file, record = first
    return Finding(
        f"it holds {' and '.join(kinds)}",
        {"signature": key, "output": name, "file": file, "record": record},
        found=f"NaN for {counts.nan:,} and infinity for {counts.infinite:,} of {counts.examples:,} examples",
        wanted="finite numbers",
        next=f"run the first of these examples by itself: record {record} of {file}",
    )
