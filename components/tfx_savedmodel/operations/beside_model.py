"""What `validate` is given beside the model: looked for, brought to local disk, and what it requires."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tfx_savedmodel.beam.reading.formats import AUTO, check_format
from tfx_savedmodel.beam.reading.sampling import read_sample
from tfx_savedmodel.beam.running.batch_size import check_batch_size
from tfx_savedmodel.errors import (
    ExamplesError,
    SchemaError,
    TfxSavedModelError,
    TransformGraphError,
    UnsupportedStackError,
)
from tfx_savedmodel.operations.contracts import ModelOrContract, read_baseline
from tfx_savedmodel.saved_model.consumers.judgement import check_consumer
from tfx_savedmodel.saved_model.local import is_remote
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.remote import Staging
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.result import CheckResult

PathLike = str | os.PathLike[str]

#: What has to be answered where something is given: who gives it wants it looked at.
REQUIRED = {
    "examples": ("SM301", "SM302", "SM303"),
    "reference": ("SM304",),
    "baseline": ("SM106",),
    "plan": ("SM105",),
    "target": ("SM110",),
}

#: By what is given: the beginnings of the codes of the checks that look at it.
LOOKED_AT_BY = {**REQUIRED, "examples": ("SM3",), "schema": ("SM3",), "transform_graph": ("SM3",)}


#: Things that are given, and not how they are to be taken.
_THINGS = ("examples", "schema", "transform_graph", "reference", "baseline", "plan", "target")


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The arguments of `validate` beside the model, as they were given."""

    examples: PathLike | Sequence[PathLike] | None
    schema: PathLike | None
    transform_graph: PathLike | None
    reference: PathLike | None
    baseline: ModelOrContract | None
    plan: Any | None
    target: str | None
    examples_format: str = AUTO
    splits: Sequence[str] = ()
    sample: str | float | None = None
    sample_seed: int = 0
    data_view: PathLike | None = None
    batch_size: int | None = None

    @property
    def patterns(self) -> tuple[str, ...]:
        """The files of examples, or patterns of them, however they were given."""
        given = (self.examples,) if isinstance(self.examples, (str, os.PathLike)) else self.examples or ()
        return tuple(os.fspath(one) for one in given if one)

    def given(self) -> list[str]:
        """Return the names of those that were given."""
        values = {name: getattr(self, name) for name in _THINGS}
        return [name for name, value in values.items() if value is not None and value not in ("", (), [])]

    def of_examples(self) -> dict[str, Any]:
        """Return the format of the examples, the sample of them and the batch size, as `GivenBeside` takes them.

        Raises:
          UsageError: one of them is none.
        """
        has_view = self.data_view is not None
        form = check_format(self.examples_format, "examples_format", has_view=has_view)
        sample = read_sample(self.sample, self.sample_seed)
        return {"examples_format": form, "sample": sample, "batch_size": check_batch_size(self.batch_size)}

    def required(self) -> list[str]:
        """Return the codes of checks that have to be answered because of what is given."""
        return [code for name in self.given() for code in REQUIRED.get(name, ())]

    def parameters(self, stage: Staging, tags: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what the checks are told of baseline, plan and target, by code.

        Raises:
          TfxSavedModelError: one of them cannot be used.
        """
        told: dict[str, dict[str, Any]] = {}
        if self.plan is not None:
            told["SM105"] = {"expected": _planned(self.plan)}
        if self.baseline is not None:
            signatures, name = read_baseline(stage, self.baseline, tags)
            told["SM106"] = {"baseline": signatures, "baseline_name": name}
        if self.target is not None:
            told["SM110"] = {"target": check_consumer(self.target, "target")}
        return told

    def staged(
        self,
        stage: Staging,
        codes: Collection[str],
        tags: Sequence[str],
        hollow: Collection[str],
        importing: contextlib.AbstractContextManager[None],
    ) -> dict[str, Any]:
        """Return examples, schema, Transform graph and reference as local ones, as `GivenBeside` takes them.

        `importing` is entered while Beam is imported, where examples are looked for with it.

        Raises:
          TfxSavedModelError: one of them is not there.
        """
        runs = any(code.startswith(LOOKED_AT_BY["examples"]) for code in codes)
        reference = self.reference
        return {
            "examples": _files(stage, self.patterns, self.splits, importing, looked_at=runs),
            **self.of_examples(),
            "data_view": _there(stage, self.data_view, "the DataView", ExamplesError),
            "schema": _there(stage, self.schema, "the schema", SchemaError),
            "transform_graph": _there(stage, self.transform_graph, "the Transform graph", TransformGraphError),
            "reference": None
            if reference is None
            else read_saved_model(stage.model(reference, "the reference", hollow=hollow), tuple(tags)),
        }

    def notes(self, codes: Collection[str]) -> list[str]:
        """Return what was given in vain."""
        found = [
            f"{name.replace('_', ' ')} given, and no selected check looks at it"
            for name in self.given()
            if not any(code.startswith(LOOKED_AT_BY[name]) for code in codes)
        ]
        ways = {"a sample": self.sample, "a DataView": self.data_view, "a split": self.splits or None}
        return found + [
            f"{name} given, and no examples" for name, way in ways.items() if way is not None and not self.patterns
        ]


def policy_notes(policy: Policy, graph: GraphView, results: Sequence[CheckResult]) -> list[str]:
    """Return what in a policy did nothing: waivers that matched no finding, names that the model does not have."""
    notes = [
        f"the waiver of {waiver} matched nothing: take it out of the policy, or mend its `where`"
        for waiver in policy.idle_waivers(results)
    ]
    meta_graph = graph.meta_graph()
    signatures = meta_graph.signatures.values() if meta_graph is not None else ()
    for field, names, side in (("features", policy.features, "input"), ("outputs", policy.outputs, "output")):
        known = {name for signature in signatures for name in getattr(signature, f"{side}s")}
        for name in sorted(set(names) - known) if signatures else ():
            notes.append(f"{field} of the policy names {name!r}, which is no {side} of any signature")
    return notes


def _there(stage: Staging, path: PathLike | None, what: str, error: type[TfxSavedModelError]) -> str | None:
    if path is None:
        return None
    local = stage.path(path, what)
    if not local.exists():
        raise error(f"{what} is not there", where=os.fspath(path), found="no such path", next_step="check the path")
    return str(local)


def _files(
    stage: Staging,
    patterns: str | Sequence[str],
    splits: Sequence[str],
    importing: contextlib.AbstractContextManager[None],
    *,
    looked_at: bool,
) -> tuple[str, ...]:
    if not patterns:
        return ()
    if not looked_at:
        # Nobody reads them, but a pattern that matches nothing is a mistake all the same; Beam is not needed to see it.
        from tfx_savedmodel.sources.examples import find_example_files

        given = [patterns] if isinstance(patterns, str) else patterns
        return tuple(find_example_files([pattern for pattern in given if not is_remote(pattern)]))
    if importlib.util.find_spec("apache_beam") is None:
        raise UnsupportedStackError(
            "Apache Beam is not installed",
            wanted="it, to run a model on examples",
            next_step="install tfx-savedmodel[beam], or leave the examples out",
        )
    with importing:
        from tfx_savedmodel.beam.example_checks import expand_files

    return expand_files(stage.examples(patterns), splits)


def _planned(plan: Any) -> Mapping[str, Any]:
    from tfx_savedmodel.signatures.contract import planned_signatures
    from tfx_savedmodel.signatures.plan import read_plan

    return planned_signatures(read_plan(plan))
