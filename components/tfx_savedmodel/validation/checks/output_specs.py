"""SM303 output-specs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tfx_savedmodel.saved_model.view import SignatureView, TensorSpec
from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun, RunFailed, Skip
from tfx_savedmodel.validation.result import Finding

if TYPE_CHECKING:
    import numpy as np


@dataclasses.dataclass(frozen=True, order=True)
class Deviation:
    """A way in which an output is not what it is declared to be."""

    signature: str
    output: str
    found: str
    wanted: str
    message: str


@dataclasses.dataclass(frozen=True)
class Seen:
    """Outputs looked at, and each deviation with the examples of its batches, and the first of them."""

    outputs: frozenset[tuple[str, str]] = frozenset()
    deviations: Mapping[Deviation, tuple[int, str, int]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class OutputSpecs(ExampleCheck):
    """Every output has the dtype, the shape and the batch dimension that its signature declares.

    An open first dimension is the batch: it has to be as long as the batch that went in.

    Why: clients allocate and slice by the declaration; an output with a row less pairs every answer
    with the wrong request.
    Remedy: export the signature again from the function as it is, or mend what folds the batch.
    """

    code: ClassVar[str] = "SM303"
    name: ClassVar[str] = "output-specs"

    def measure(self, run: ExamplesRun) -> Seen:
        meta_graph = run.graph.meta_graph()
        declared = meta_graph.signatures if meta_graph is not None else {}
        outputs: set[tuple[str, str]] = set()
        deviations: dict[Deviation, tuple[int, str, int]] = {}
        for key in run.signatures:
            try:
                given = run.outputs(key)
            except RunFailed:
                continue  # SM301 says so.
            outputs.update((key, name) for name in declared[key].outputs)
            place = run.position(0)
            for deviation in _deviations(declared[key], given, run.size):
                deviations[deviation] = (run.size, place["file"], place["record"])
        return Seen(frozenset(outputs), deviations)

    def merge(self, a: Seen, b: Seen) -> Seen:
        deviations = dict(a.deviations)
        for deviation, (count, file, record) in b.deviations.items():
            known = deviations.get(deviation)
            first = (file, record) if known is None else min((file, record), known[1:])
            deviations[deviation] = (count + (known[0] if known else 0), *first)
        return Seen(a.outputs | b.outputs, deviations)

    def judge(self, total: Seen) -> Iterator[Finding]:
        if not total.outputs:
            raise Skip("no signature could be run")
        for deviation, (count, file, record) in sorted(total.deviations.items()):
            yield Finding(
                deviation.message,
                {"signature": deviation.signature, "output": deviation.output, "file": file, "record": record},
                found=f"{deviation.found}, in batches with {count:,} example{'' if count == 1 else 's'} in all",
                wanted=deviation.wanted,
                next="export the signature again from the function as it is",
            )

    def measurements(self, total: Seen) -> Mapping[str, Any]:
        outputs: dict[str, list[str]] = {}
        for key, name in sorted(total.outputs):
            outputs.setdefault(key, []).append(name)
        return {"outputs": outputs}


def _deviations(signature: SignatureView, given: Mapping[str, np.ndarray[Any, Any]], rows: int) -> Iterator[Deviation]:
    for name, spec in sorted(signature.outputs.items()):
        if name not in given:
            yield Deviation(signature.key, name, "no such output", str(spec), "the output is declared and not given")
            continue
        array = given[name]
        dtype, shape = _dtype(array), tuple(getattr(array, "shape", ()))
        if dtype != spec.dtype:
            yield Deviation(signature.key, name, dtype, spec.dtype, "the dtype is not the declared one")
        yield from _shape_deviations(signature, name, spec, shape, rows)


def _shape_deviations(
    signature: SignatureView, name: str, spec: TensorSpec, shape: tuple[int, ...], rows: int
) -> Iterator[Deviation]:
    if spec.shape is None:
        return
    if len(shape) != len(spec.shape):
        found = f"{len(shape)} dimension(s)"
        yield Deviation(signature.key, name, found, str(spec), "the rank is not the declared one")
        return
    inner = [(size, wanted) for size, wanted in zip(shape[1:], spec.shape[1:], strict=True) if wanted is not None]
    if any(size != wanted for size, wanted in inner):
        found = f"[?, {', '.join(map(str, shape[1:]))}]"
        yield Deviation(signature.key, name, found, str(spec), "the shape is not the declared one")
    if shape and shape[0] != _wanted_rows(signature, spec, rows):
        # The numbers of the batch at hand are left out, so that batches of other sizes count as the same fault.
        found = "one row" if shape[0] == 1 else f"{'fewer' if shape[0] < rows else 'more'} rows than examples"
        yield Deviation(signature.key, name, found, "one row for each example", "the batch dimension is not kept")


def _wanted_rows(signature: SignatureView, spec: TensorSpec, rows: int) -> int:
    """Return how many rows the output has to have: the batch's, unless it is declared a constant size."""
    declared = spec.shape[0] if spec.shape else None
    fixed_by_input = any(each.shape and each.shape[0] == declared for each in signature.inputs.values())
    return rows if declared is None or fixed_by_input else declared


def _dtype(array: np.ndarray[Any, Any]) -> str:
    """Return TensorFlow's name of an array's dtype; a scalar string comes as bytes."""
    dtype = getattr(array, "dtype", None)
    return "string" if dtype is None or dtype.kind in "OSU" else str(dtype.name)
