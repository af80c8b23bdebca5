"""SM301 runs-on-examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from tfx_savedmodel.validation.check import ExampleCheck, ExamplesRun, RunFailed, Skip
from tfx_savedmodel.validation.result import Finding


@dataclasses.dataclass(frozen=True)
class Kept:
    """An example that was not run: its file, its record, the reason, and where in the file that is."""

    file: str
    record: int
    reason: str
    at: str = ""

    def __str__(self) -> str:
        return f"record {self.record} of {self.file}{f' ({self.at})' if self.at else ''}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class Died:
    """Where the model ended its process: the first example, how many were lost with it, and how it ended.

    `end` is empty where examples were not tried any more, `signature` where none was running.
    """

    file: str
    record: int
    lost: int
    end: str
    signature: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Ran:
    """One signature: examples offered, refused one by one, and refused only with their whole batch."""

    offered: int = 0
    refused: int = 0
    in_batches: int = 0
    kept: tuple[Kept, ...] = ()


@dataclasses.dataclass(frozen=True)
class Total:
    """What was offered to each signature; what could not be fed, read or loaded, and why."""

    signatures: Mapping[str, Ran] = dataclasses.field(default_factory=dict)
    not_fed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    examples: int = 0
    unread: int = 0
    unread_kept: tuple[Kept, ...] = ()
    rest_lost: tuple[str, ...] = ()
    load_fault: str = ""
    deaths: tuple[Died, ...] = ()
    untried: int = 0
    untried_kept: tuple[Died, ...] = ()
    halved: int = 0
    halved_kept: tuple[Kept, ...] = ()


@dataclasses.dataclass(frozen=True)
class RunsOnExamples(ExampleCheck):
    """Every signature runs on real examples.

    An example that a signature refuses is isolated and kept with its file, record number and
    reason, and so is a record that cannot be read; the rest is run all the same. `keep` is how many
    of them are shown for each signature. A signature that the examples cannot feed is named, with
    what is missing; where it is one of `required`, that is a fault. A batch that is too large for memory is run
    in halves, which is counted and no fault. The model runs in a process of its
    own: an example on which that crashes, hangs or takes too much memory is found and named as well.

    Why: inputs made up from a declaration do not have a missing value, an unknown word or an empty
    string; requests do.
    Remedy: look at the first example shown; give the receiver a default for what may be missing.
    """

    code: ClassVar[str] = "SM301"
    name: ClassVar[str] = "runs-on-examples"
    keep: int = 5
    """How many refused examples are shown for each signature."""
    required: tuple[str, ...] = ("serving_default",)
    """Signatures that the examples have to feed."""

    def measure(self, run: ExamplesRun) -> Total:
        signatures = {key: self._ran(run, key) for key in run.signatures}
        return Total(signatures, dict(run.refused), examples=run.size)

    def measure_fault(self, fault: Mapping[str, Any]) -> Total:
        if "file" not in fault:
            return Total(load_fault=str(fault["reason"]))
        kept = Kept(str(fault["file"]), int(fault["record"]), str(fault["reason"]), str(fault.get("at", "")))
        if "halved" in fault:
            reason = f"{fault['halved']:,} examples together: {kept.reason}"
            return Total(halved=1, halved_kept=(dataclasses.replace(kept, reason=reason),))
        if "died" in fault:
            ended = (int(fault["lost"]), str(fault["died"]), str(fault.get("signature", "")), kept.reason)
            died = (Died(kept.file, kept.record, *ended),)
            return Total(deaths=died) if died[0].end else Total(untried=1, untried_kept=died)
        lost = (kept.file,) if fault.get("rest_lost") else ()
        return Total(unread=int(fault.get("records", 1)), unread_kept=(kept,), rest_lost=lost)

    def merge(self, a: Total, b: Total) -> Total:
        keys = sorted({*a.signatures, *b.signatures})
        return Total(
            {key: self._add(a.signatures.get(key, Ran()), b.signatures.get(key, Ran())) for key in keys},
            {**a.not_fed, **b.not_fed},
            a.examples + b.examples,
            a.unread + b.unread,
            self._first((*a.unread_kept, *b.unread_kept)),
            tuple(sorted({*a.rest_lost, *b.rest_lost})),
            max(a.load_fault, b.load_fault),
            _sorted({*a.deaths, *b.deaths}),
            a.untried + b.untried,
            _sorted({*a.untried_kept, *b.untried_kept})[: self.keep],
            a.halved + b.halved,
            self._first((*a.halved_kept, *b.halved_kept)),
        )

    def judge(self, total: Total) -> Iterator[Finding]:
        if total.load_fault:
            yield Finding(
                "the model cannot be loaded into a session, so no signature runs",
                found=total.load_fault,
                wanted="a model that loads",
                next="see SM203, which loads it by itself",
            )
            return
        if total.unread:
            yield _unread(total)
        yield from map(_death, total.deaths)
        if total.untried:
            yield _untried(total)
        if not total.signatures and not total.unread and not total.deaths and not total.untried:
            reasons = "; ".join(f"{key}: {reason}" for key, reason in sorted(total.not_fed.items()))
            raise Skip(f"the examples cannot feed any signature ({reasons or 'the model has none'})")
        for key in sorted(set(self.required) & set(total.not_fed)):
            yield Finding(
                f"the examples cannot feed {key!r}",
                {"signature": key},
                found=total.not_fed[key],
                wanted="examples with what it takes",
                next="give the Transform graph or schema, map names in the policy, or take it out of `required`",
            )
        for key, ran in sorted(total.signatures.items()):
            if ran.refused or ran.in_batches:
                yield _refused(key, ran)

    def measurements(self, total: Total) -> Mapping[str, Any]:
        ran = {key: each.offered - each.refused - each.in_batches for key, each in total.signatures.items()}
        return {
            "examples": total.examples,
            "ran": ran,
            "refused": {
                key: {
                    "examples": each.refused + each.in_batches,
                    "first": [dataclasses.asdict(kept) for kept in each.kept],
                }
                for key, each in total.signatures.items()
                if each.refused or each.in_batches
            },
            "unreadable_records": total.unread,
            "files_cut_short": list(total.rest_lost),
            "batches_halved": {
                "batches": total.halved,
                "first": [dataclasses.asdict(kept) for kept in total.halved_kept],
            },
            "ended_its_process": [dataclasses.asdict(died) for died in total.deaths],
            "not_run": dict(sorted(total.not_fed.items())),
        }

    def _ran(self, run: ExamplesRun, key: str) -> Ran:
        try:
            run.outputs(key)
        except RunFailed as failure:
            reasons = failure.reasons
            if not reasons:
                return Ran(run.size, 0, run.size, (_kept(run, 0, str(failure)),))
            kept = self._first([_kept(run, row, reason) for row, reason in enumerate(reasons[: self.keep])])
            return Ran(run.size, len(reasons), 0, kept)
        return Ran(run.size)

    def _add(self, a: Ran, b: Ran) -> Ran:
        kept = self._first((*a.kept, *b.kept))
        return Ran(a.offered + b.offered, a.refused + b.refused, a.in_batches + b.in_batches, kept)

    def _first(self, kept: Sequence[Kept]) -> tuple[Kept, ...]:
        return tuple(sorted(set(kept), key=lambda each: (each.file, each.record, each.reason))[: self.keep])


def _kept(run: ExamplesRun, row: int, reason: str) -> Kept:
    place = run.position(row)
    return Kept(str(place["file"]), int(place["record"]), reason, _at(place))


def _at(place: Mapping[str, Any]) -> str:
    """Return what is said of an example's place beside its file and record."""
    details = {name: value for name, value in place.items() if name not in ("file", "record")}
    return ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in details.items())


def _refused(key: str, ran: Ran) -> Finding:
    count = ran.refused + ran.in_batches
    first = ran.kept[0]
    message = f"it fails on {count:,} of {ran.offered:,} examples"
    if ran.in_batches:
        message += f", {ran.in_batches:,} of them in batches that it refused as a whole"
    return Finding(
        message,
        {"signature": key, "file": first.file, "record": first.record},
        found="; ".join(str(kept) for kept in ran.kept),
        wanted="an answer for every example",
        next="look at the first example, or give the receiver a default for what it lacks",
    )


def _sorted(deaths: Collection[Died]) -> tuple[Died, ...]:
    return tuple(sorted(deaths, key=lambda died: (died.file, died.record, died.reason)))


def _death(died: Died) -> Finding:
    where: dict[str, Any] = {"signature": died.signature} if died.signature else {}
    lost = f"it ends its process, with {died.lost:,} example(s) that were not run"
    return Finding(
        lost if died.lost else "it ended its process",
        {**where, "file": died.file, "record": died.record},
        found=died.reason,
        wanted="an answer for every example, within the policy's limits of time and memory",
        next="run the examples from this record on by themselves; if they need more, raise the policy's limits",
    )


def _untried(total: Total) -> Finding:
    first = total.untried_kept[0]
    parts = "these examples" if total.untried == 1 else f"{total.untried:,} files of examples, or parts of them"
    return Finding(
        f"it was not run on {parts}",
        {"file": first.file, "record": first.record},
        found="; ".join(f"from record {died.record} of {died.file} on: {died.reason}" for died in total.untried_kept),
        wanted="an answer for every example, within the policy's limits of time and memory",
        next="mend what ended the process before, and run these again",
    )


def _unread(total: Total) -> Finding:
    first = total.unread_kept[0]
    cut = f"; of {len(total.rest_lost)} file(s) the rest could not be read" if total.rest_lost else ""
    return Finding(
        f"{total.unread:,} record(s) cannot be read{cut}",
        {"file": first.file, "record": first.record},
        found="; ".join(str(kept) for kept in total.unread_kept),
        wanted="records that can be read and are whole",
        next="write the examples again, or leave the file out",
    )
