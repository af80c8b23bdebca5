"""SM309 latency-budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.validation.bins import LogBins, add_counts
from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun, RunFailed, Skip
from tfx_savedmodel.validation.result import Finding

#: Milliseconds, each bin 2.3% wide, from a microsecond to some fifteen minutes.
BINS = LogBins(first=-3, last=6, per_decade=100)
#: The report's plot has ten bins for each power of ten.
_JOINED = 10
_PERCENTILES = (50, 90, 99)

Counts = Mapping[int, int]


@dataclasses.dataclass(frozen=True)
class LatencyBudget(ExampleCheck):
    """A request is answered within the budget.

    The `percentile` of the time per request of `batch_size` examples is held to `milliseconds`; without
    a budget nothing is measured. Of the first `batches` batches of each shard up to `requests` requests
    are made, one after the other, of each signature (`signatures` names some; by default all that the
    examples can feed); the first of a batch warms up and is not counted. The time is that of the model in
    this process, with all of the machine's cores: no network, no queue.

    Why: a model that is too slow is found when its requests time out.
    Remedy: profile the signature with one request; look for lookups, parsing and string ops before the
    network, or serve a smaller model.
    """

    code: ClassVar[str] = "SM309"
    name: ClassVar[str] = "latency-budget"
    milliseconds: float | None = None
    """Most that a request may take; null: nothing is measured."""
    percentile: float = 99.0
    """Which percentile of the requests is held to it."""
    batch_size: int = 1
    """Examples in a request."""
    requests: int = 100
    """Most requests made of a batch, one after the other."""
    batches: int = 1
    """How many batches of each shard are looked at."""
    signatures: tuple[str, ...] = ()
    """Signatures to measure; empty: all that the examples can feed."""

    def measure(self, run: ExamplesRun) -> dict[str, Counts] | None:
        if self.milliseconds is None:
            raise Skip("no budget is set: give `milliseconds`")
        if run.ordinal >= self.batches:
            return None
        found: dict[str, Counts] = {}
        for key in self.signatures or run.signatures:
            if key not in run.signatures:
                raise Skip(
                    f"the examples cannot feed {key!r}: {run.refused.get(key, 'the model has no such signature')}"
                )
            try:
                run.outputs(key)
                found[key] = BINS.fill(list(self._times(run, key)))
            except RunFailed:
                continue  # SM301 says so.
        return found

    def merge(self, a: Mapping[str, Counts], b: Mapping[str, Counts]) -> dict[str, Counts]:
        return {key: add_counts(a.get(key, {}), b.get(key, {})) for key in sorted({*a, *b})}

    def judge(self, total: Mapping[str, Counts]) -> Iterator[Finding]:
        if not any(total.values()):
            raise Skip("no signature could be run")
        for key, counts in sorted(total.items()):
            if not counts:
                continue
            took = BINS.percentile(counts, self.percentile)
            if self.milliseconds is not None and took > self.milliseconds:
                examples = "1 example" if self.batch_size == 1 else f"{self.batch_size:,} examples"
                yield Finding(
                    f"{self.percentile:g}% of its requests of {examples} take up to {took:.3g} ms",
                    {"signature": key},
                    found=f"{took:.3g} ms over {sum(counts.values()):,} requests",
                    wanted=f"at most {self.milliseconds:g} ms",
                    next="profile one request, or raise the budget if this machine is slower than the server",
                )

    def measurements(self, total: Mapping[str, Counts]) -> Mapping[str, Any]:
        latency: dict[str, Any] = {}
        for key, counts in sorted(total.items()):
            if not counts:
                continue
            edges, bars = BINS.histogram(counts, _JOINED)
            latency[key] = {
                "requests": sum(counts.values()),
                **{f"p{percent}_ms": round(BINS.percentile(counts, percent), 6) for percent in _PERCENTILES},
                "histogram": {"edges_ms": edges, "counts": bars},
            }
        return {
            "latency": latency,
            "batch_size": self.batch_size,
            "percentile": self.percentile,
            "milliseconds": self.milliseconds,
        }

    def _times(self, run: ExamplesRun, key: str) -> Iterator[float]:
        """Yield the milliseconds of each request; the batch's examples are taken in turn."""
        import numpy as np

        for request in range(self.requests + 1):
            rows = np.arange(request * self.batch_size, (request + 1) * self.batch_size) % run.size
            seconds = run.seconds(key, rows)
            if request and seconds is not None:
                yield seconds * 1000.0
