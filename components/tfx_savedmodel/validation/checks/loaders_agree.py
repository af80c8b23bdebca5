"""SM205 loaders-agree."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tfx_savedmodel.validation.check import LoadedModel, ModelCheck, Skip
from tfx_savedmodel.validation.checks.load_findings import nothing_run, refuse_unavailable
from tfx_savedmodel.validation.comparing import Comparison, compare
from tfx_savedmodel.validation.result import Finding

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_SAYS = {"native": "the C++ session", "tf1": "the TF1 session", "tf2": "TF2"}
#: A float of few bits is rounded at each step: so many of its own steps are no difference.
_STEPS = 8
_BRIEF = 300
_UNANSWERED = "no signature was answered by two loaders"


@dataclasses.dataclass(frozen=True)
class LoadersAgree(ModelCheck):
    """TF1, TF2 and the C++ session give the same answers to the same inputs.

    Every loader that loads the model is asked what SM204 asks; answers are compared only where every byte of
    the question was the same. Numbers are the same where
    |one - other| <= atol + rtol * |other|, or both are NaN; strings, integers and booleans where they are equal.
    For half and bfloat16 `rtol` is at least eight of their own steps. A signature that answers otherwise each
    time, in one loader too, is no disagreement: the measurements name it.

    Why: a model is tested in Python and served in C++; where the two differ, what was tested is not what
    is served.
    Remedy: look for what the loaders treat differently: stateful ops and initialisers, optimised
    arithmetic, an object graph that was edited apart from the MetaGraph. Export the model again.
    """

    code: ClassVar[str] = "SM205"
    name: ClassVar[str] = "loaders-agree"
    loaders: ClassVar[tuple[str, ...]] = ("native", "tf1", "tf2")
    runs: ClassVar[str] = "all"

    rtol: float = 1e-4
    """The relative tolerance of numbers."""
    atol: float = 1e-6
    """The absolute tolerance of numbers."""

    def check(self, model: LoadedModel) -> Iterator[Finding]:
        told = self._told(model)
        if not told.agreed and not told.findings:
            refuse_unavailable(model, self.loaders)
            raise Skip(told.why_nothing(model))
        yield from told.findings

    def measurements(self, model: LoadedModel) -> Mapping[str, Any]:
        told = self._told(model)
        return {
            "rtol": self.rtol,
            "atol": self.atol,
            "loaders": sorted(_loaded(model)),
            "compared": told.agreed + len(told.findings),
            "largest_differences": dict(sorted(told.largest.items())),
            "varies_by_itself": sorted(told.varying),
            "not_compared": told.unkept,
        }

    def _told(self, model: LoadedModel) -> _Told:
        told = _Told()
        loaders = sorted(_loaded(model))  # "native" is first: the others are held against the server's own
        varying = self._varying(model)
        places = sorted({place for loader in loaders for place in model.observations[loader].answers})
        for place in places:
            asked = [loader for loader in loaders if place in model.observations[loader].answers]
            for other in asked[1:]:
                self._compare(model, place, (asked[0], other), varying, told)
            told.findings.extend(_not_answered(model, place, asked))
        for loader in loaders:
            for run in model.observations[loader].runs:
                if "unkept" in run:
                    told.unkept[f"{run['signature']}, batch of {run['batch']}, {loader}"] = run["unkept"]
        return told

    def _compare(
        self,
        model: LoadedModel,
        place: tuple[str, int],
        pair: tuple[str, str],
        varying: set[tuple[str, str]],
        told: _Told,
    ) -> None:
        key, batch = place
        one, other = (model.observations[loader].answers[place] for loader in pair)
        if one.digest != other.digest:  # what answers to different questions say of the loaders is nothing
            if one.inputs != other.inputs:
                told.findings.append(_other_inputs(place, pair, one.inputs, other.inputs))
            else:
                label = f"{key}, batch of {batch}, {' and '.join(pair)}"
                told.unkept[label] = f"each was asked with other bytes, which were made as {one.inputs}"
            return
        for name in sorted(set(one.outputs) | set(other.outputs)):
            if name not in one.outputs or name not in other.outputs:
                continue  # SM202 names the outputs that TF2 has not
            if other.outputs[name].shape == one.outputs[name].shape and not one.outputs[name].size:
                continue  # an empty batch's answer shows nothing
            comparison = self._comparison(other.outputs[name], one.outputs[name], batch)
            label = f"{key}.{name}"
            if not _differ(comparison):
                told.agreed += 1
                told.largest[label] = max(told.largest.get(label, 0.0), comparison.largest)
            elif (key, name) in varying:
                told.varying.add(label)
            else:
                told.findings.append(self._finding(place, pair, name, comparison))

    def _varying(self, model: LoadedModel) -> set[tuple[str, str]]:
        """Return the outputs that one loader answers otherwise when it is asked the same again."""
        found = set()
        for observation in model.observations.values():
            for (key, batch), answer in observation.answers.items():
                for name, again in answer.again.items():
                    if name not in answer.outputs or _differ(self._comparison(again, answer.outputs[name], batch)):
                        found.add((key, name))
        return found

    def _comparison(self, found: Array, wanted: Array, batch: int) -> Comparison:
        rtol = max(self.rtol, _STEPS * _step(found))
        return compare(
            _plain(found), _plain(wanted), rtol=rtol, atol=self.atol, position=lambda row: {"row": row}, rows=batch
        )

    def _finding(self, place: tuple[str, int], pair: tuple[str, str], name: str, comparison: Comparison) -> Finding:
        key, batch = place
        worst, loaders = comparison.worst, " and ".join(_SAYS[loader] for loader in pair)
        by = f"differ by {worst.difference:.3g}" if worst is not None else f"differ: {comparison.mismatch}"
        return Finding(
            f"{loaders} {by} in the output {name!r} of {key!r}, on a batch of {batch}",
            {
                "signature": key,
                "output": name,
                "batch": batch,
                "loaders": ", ".join(pair),
                **(worst.position if worst else {}),
            },
            found=f"{pair[1]}: {worst.found}" if worst else comparison.mismatch,
            wanted=f"{pair[0]}: {worst.wanted}" if worst else "the same",
            next=f"export the model again; tolerance is rtol {self.rtol:g}, atol {self.atol:g}",
        )


@dataclasses.dataclass
class _Told:
    """What came of all comparisons."""

    findings: list[Finding] = dataclasses.field(default_factory=list)
    agreed: int = 0
    largest: dict[str, float] = dataclasses.field(default_factory=dict)
    varying: set[str] = dataclasses.field(default_factory=set)
    unkept: dict[str, str] = dataclasses.field(default_factory=dict)

    def why_nothing(self, model: LoadedModel) -> str:
        loaded = _loaded(model)
        if len(loaded) < 2:
            return f"only {_SAYS[loaded[0]]} loads the model" if loaded else "no loader loads the model"
        if self.varying:
            return f"answered otherwise each time, in one loader too: {', '.join(sorted(self.varying))}"
        if self.unkept:
            return "; ".join(sorted(set(self.unkept.values())))[:_BRIEF]
        return nothing_run(model) if not any(model.observations[loader].runs for loader in loaded) else _UNANSWERED


def _loaded(model: LoadedModel) -> Sequence[str]:
    return sorted(loader for loader, observation in model.observations.items() if observation.outcome == "ok")


def _other_inputs(place: tuple[str, int], pair: tuple[str, str], one: str, other: str) -> Finding:
    key, batch = place
    return Finding(
        f"{_SAYS[pair[1]]} refuses inputs of {key!r} that {_SAYS[pair[0]]} answers, or the other way round",
        {"signature": key, "batch": batch, "loaders": ", ".join(pair)},
        found=f"{pair[1]} answers {other} first",
        wanted=f"{pair[0]} answers {one} first",
        next="run the signature on an example of yours in both loaders",
    )


def _not_answered(model: LoadedModel, place: tuple[str, int], asked: Sequence[str]) -> Iterator[Finding]:
    """Yield a finding for each loader that failed on what another answered."""
    key, batch = place
    for loader in _loaded(model):
        for run in model.observations[loader].runs:
            if (run["signature"], run["batch"]) == place and "error" in run:
                yield Finding(
                    f"{_SAYS[asked[0]]} answers a batch of {batch} of {key!r}, {_SAYS[loader]} fails on it",
                    {"signature": key, "batch": batch, "loaders": f"{asked[0]}, {loader}"},
                    found=f"{loader}: {str(run['error'])[:_BRIEF]}",
                    wanted="an answer from each",
                    next="run the signature on an example of yours in both loaders",
                )


def _differ(comparison: Comparison) -> bool:
    return bool(comparison.differing or comparison.mismatch)


def _step(array: Array) -> float:
    """Return the distance of a small float from 1 to the next, 0 for other dtypes."""
    return {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float8_e5m2": 0.25, "float8_e4m3fn": 0.125}.get(
        array.dtype.name, 0.0
    )


def _plain(array: Array) -> Array:
    """Return quantized numbers, which have one field, as integers."""
    return array[array.dtype.names[0]] if array.dtype.names else array
