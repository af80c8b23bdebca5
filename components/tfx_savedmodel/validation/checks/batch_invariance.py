"""SM307 batch-invariance."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tfx_savedmodel.saved_model.reachability import reach_of
from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun, RunFailed, Skip
from tfx_savedmodel.validation.checks.parity import comparison_json, mismatch_finding, place
from tfx_savedmodel.validation.comparing import Comparison, add, compare, first_texts, tolerances
from tfx_savedmodel.validation.result import Finding

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: The ways in which an example is run again.
ALONE, ORDER, COMPANY = "alone", "in another order", "among fewer others"

#: (signature, output, way)
Place = tuple[str, str, str]


@dataclasses.dataclass(frozen=True)
class Again:
    """The comparison of each way with the batch's own answers; ways that were refused, each with the reason.

    `varying` are the outputs, as (signature, output), whose answers differ when the same is asked again.
    """

    compared: Mapping[Place, Comparison] = dataclasses.field(default_factory=dict)
    refused: Mapping[tuple[str, str], str] = dataclasses.field(default_factory=dict)
    varying: frozenset[tuple[str, str]] = frozenset()


@dataclasses.dataclass(frozen=True)
class BatchInvariance(ExampleCheck):
    """An example's answer does not depend on the rest of its batch.

    Of the first `batches` batches of each shard, `examples` examples are run again: each alone, all of
    the batch in the reverse order, and these few among themselves. Numbers are the same where
    |found - wanted| <= atol + rtol * |wanted|; kernels add in another order for another batch size, so by
    default float32 and float64 may differ by rtol 1e-4 and atol 1e-5, float16 by 2e-2 and 1e-2, bfloat16
    by 1e-1 and 5e-2, and so may other floats that are computed through these. Everything else has to be
    equal. Outputs without a row for each example are left out; of an inner dimension that is declared
    open, what both answers have is compared. Where answers differ, the same is asked once more: an output
    that answers itself otherwise, such as one with noise, says nothing of its batch. The measurements name it,
    and SM308 is the check that finds it.

    Why: a server puts whatever requests come together into one batch, so the same request would get
    another answer each time.
    Remedy: look for batch normalisation exported in training mode, for means, softmaxes or sorts over
    the batch axis, and for tensors flattened across it.
    """

    code: ClassVar[str] = "SM307"
    name: ClassVar[str] = "batch-invariance"
    batches: int = 1
    """How many batches of each shard are looked at."""
    examples: int = 4
    """How many examples of a batch are run again, alone and among themselves."""
    rtol: float | None = None
    """The relative tolerance; null: by dtype."""
    atol: float | None = None
    """The absolute tolerance; null: by dtype."""

    def measure(self, run: ExamplesRun) -> Again | None:
        if run.ordinal >= self.batches:
            return None
        if run.size < 2:
            raise Skip("no batch had a second example")
        compared: dict[Place, Comparison] = {}
        refused: dict[tuple[str, str], str] = {}
        varying: set[tuple[str, str]] = set()
        for key in run.signatures:
            try:
                own = by_row(run, key)
            except RunFailed:
                continue  # SM301 says so.
            if not own:
                continue
            for way, rows in self._ways(run.size):
                try:
                    for part in [rows[number : number + 1] for number in range(len(rows))] if way == ALONE else [rows]:
                        varying |= self._add(compared, run, (key, way), own, part)
                except RunFailed as failure:
                    refused[key, way] = str(failure)
            differing = {name for (of, name, _), each in compared.items() if of == key and each.differing}
            varying |= self._varying(run, key, None, own, differing)
        if not compared and not refused:
            raise Skip("no signature that could be run has an output with a row for each example")
        return Again(compared, refused, frozenset(varying))

    def merge(self, a: Again, b: Again) -> Again:
        none = Comparison()
        places = sorted({*a.compared, *b.compared})
        compared = {key: add(a.compared.get(key, none), b.compared.get(key, none)) for key in places}
        return Again(compared, first_texts(a.refused, b.refused), a.varying | b.varying)

    def judge(self, total: Again) -> Iterator[Finding]:
        for (key, way), reason in sorted(total.refused.items()):
            yield Finding(
                f"it runs on a batch, but not on its examples {way}",
                {"signature": key},
                found=reason,
                wanted="an answer for a batch of any size",
                next="look for a batch size that is fixed within the graph",
            )
        told = {place: each for place, each in total.compared.items() if place[:2] not in total.varying}
        for (key, name, way), comparison in sorted(told.items()):
            if comparison.differing:
                yield _finding(key, name, way, comparison)
        if not told and not total.refused:
            raise Skip(f"answered otherwise each time, in the same batch too: {', '.join(_labels(total))}")

    def measurements(self, total: Again) -> Mapping[str, Any]:
        compared: dict[str, dict[str, Any]] = {}
        for (key, name, way), comparison in sorted(total.compared.items()):
            if (key, name) not in total.varying:
                compared.setdefault(key, {}).setdefault(name, {})[way] = comparison_json(comparison)
        return {"compared": compared, "varies_by_itself": _labels(total)}

    def _ways(self, size: int) -> Iterator[tuple[str, Array]]:
        import numpy as np

        few = np.unique(np.linspace(0, size - 1, min(self.examples, size)).astype(np.int64))
        yield ALONE, few
        yield ORDER, np.arange(size)[::-1]
        if 1 < len(few) < size:
            yield COMPANY, few

    def _add(
        self,
        compared: dict[Place, Comparison],
        run: ExamplesRun,
        place: tuple[str, str],
        own: Mapping[str, Array],
        rows: Array,
    ) -> set[tuple[str, str]]:
        """Run these rows together and compare them with what they got in their batch.

        Returns:
          The outputs that differ, and are answered otherwise as well when the very same is asked once more.
        """
        key, way = place
        again = run.rerun(key, rows)
        differing = set()
        for name, answers in own.items():
            comparison = self._of_output(run, (key, name), again[name], answers[rows], rows)
            compared[key, name, way] = add(compared.get((key, name, way), Comparison()), comparison)
            if comparison.differing:
                differing.add(name)
        return self._varying(run, key, rows, again, differing)

    def _varying(
        self, run: ExamplesRun, key: str, rows: Array | None, before: Mapping[str, Any], names: Collection[str]
    ) -> set[tuple[str, str]]:
        """Ask the very same again (of all the batch without `rows`), and return the outputs that answer otherwise.

        It was answered before, so that it does not run this time tells nothing of the batch, and nothing of them.
        """
        import numpy as np

        if not names:
            return set()
        try:
            found = run.rerun(key, rows)
        except RunFailed:
            return set()
        of = np.arange(run.size) if rows is None else rows
        return {
            (key, name) for name in names if self._of_output(run, (key, name), found[name], before[name], of).differing
        }

    def _of_output(
        self, run: ExamplesRun, output: tuple[str, str], found: Array, wanted: Array, rows: Array
    ) -> Comparison:
        key, name = output
        found, wanted = _overlap(run, key, name, found, wanted)
        comparison = self._compare(run, found, wanted, rows, wanted.dtype.name)
        through = half_precision(run, key) if comparison.differing and wanted.dtype.kind == "f" else None
        return comparison if through is None else self._compare(run, found, wanted, rows, through)

    def _compare(self, run: ExamplesRun, found: Array, wanted: Array, rows: Array, dtype: str) -> Comparison:
        rtol, atol = tolerances(dtype)
        return compare(
            found,
            wanted,
            rtol=rtol if self.rtol is None else self.rtol,
            atol=max(atol, _ATOL) if self.atol is None else self.atol,
            position=lambda row: run.position(int(rows[row])),
            rows=len(rows),
            example=lambda row: run.example(int(rows[row])),
        )


#: What should be zero is a difference of numbers about one in many models, so it is as exact as they are.
_ATOL = 1e-5


def _labels(total: Again) -> list[str]:
    return sorted(f"{key}.{name}" for key, name in total.varying)


def by_row(run: ExamplesRun, key: str) -> dict[str, Array]:
    """Return a signature's outputs that have a row for each example, as declared and in fact.

    Raises:
      RunFailed: it does not run.
    """
    import numpy as np

    meta_graph = run.graph.meta_graph()
    signature = meta_graph.signatures.get(key) if meta_graph is not None else None
    found = {}
    for name, value in run.outputs(key).items():
        array = np.asarray(value)
        declared = signature.outputs.get(name) if signature is not None else None
        fixed = declared is not None and declared.shape is not None and declared.shape[:1] != (None,)
        if array.ndim and len(array) == run.size and (not fixed or _is_batch_fixed(signature)):
            found[name] = array
    return found


def _is_batch_fixed(signature: Any) -> bool:
    return any(spec.shape and spec.shape[0] is not None for spec in signature.inputs.values())


def half_precision(run: ExamplesRun, key: str) -> str | None:
    """Return the coarsest of the 16-bit floats that a signature computes with, or None."""
    meta_graph = run.graph.meta_graph()
    if meta_graph is None:
        return None
    used = {node.attr("T") for _, node in reach_of(meta_graph).by_signature(key)}
    return next((dtype for dtype in ("bfloat16", "float16") if dtype in used), None)


def _overlap(run: ExamplesRun, key: str, name: str, found: Any, wanted: Array) -> tuple[Array, Array]:
    """Return both cut to what they share of the dimensions that are declared open.

    These are often as long as the longest of the batch, and what is behind an example's own end is filling.
    """
    import numpy as np

    found = np.asarray(found)
    meta_graph = run.graph.meta_graph()
    signature = meta_graph.signatures.get(key) if meta_graph is not None else None
    declared = signature.outputs[name].shape if signature is not None and name in signature.outputs else None
    if found.ndim != wanted.ndim or found.shape == wanted.shape:
        return found, wanted
    shared = [slice(None)]
    for axis in range(1, wanted.ndim):
        is_open = declared is None or declared[axis] is None
        shared.append(slice(min(found.shape[axis], wanted.shape[axis])) if is_open else slice(None))
    return found[tuple(shared)], wanted[tuple(shared)]


def _finding(key: str, name: str, way: str, comparison: Comparison) -> Finding:
    where = {"signature": key, "output": name}
    worst = comparison.worst
    if worst is None:
        text = f"its shape is another one {way}"
        return mismatch_finding(comparison, where, text, "look for what takes a size from the batch")
    return Finding(
        f"{comparison.differing:,} of {comparison.examples:,} examples get another answer {way} than in their batch",
        place(where, worst),
        found=f"{worst.found} {way}",
        wanted=f"{worst.wanted}, as in its batch",
        next="look for what mixes the rows of a batch: batch normalisation in training mode, a mean or sort over it",
    )
