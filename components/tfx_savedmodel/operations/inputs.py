"""What an export is given beside the plan, staged locally and looked at; what is wrong with it is said at once."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tfx_savedmodel.errors import PlanError, Problem, TfxSavedModelError, UsageError
from tfx_savedmodel.operations.beside import Beside
from tfx_savedmodel.operations.materials import ExportMaterials
from tfx_savedmodel.saved_model.remote import Staging
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.signatures.kinds import Classify, Module, Preprocess, Regress, ServeExamples, ServeFeatures
from tfx_savedmodel.signatures.plan import CheckedPlan, Plan
from tfx_savedmodel.signatures.resolve import resolve
from tfx_savedmodel.signatures.resolved import ResolvedPlan
from tfx_savedmodel.sources.examples import find_example_files
from tfx_savedmodel.sources.find import Found, find_trained_model
from tfx_savedmodel.sources.module_file import ModuleFile, load_module
from tfx_savedmodel.sources.schema import read_schema
from tfx_savedmodel.sources.source import TrainedModel
from tfx_savedmodel.sources.statistics import read_statistics
from tfx_savedmodel.sources.transform import TransformGraph

PathLike = str | os.PathLike[str]
Made = TypeVar("Made")


@dataclasses.dataclass(frozen=True)
class MadeOfTf1:
    """How a SavedModel was made of a TF1 source that is none.

    `builder` is "rewrite" or "session"; where not `complete` the SavedModel is good only to say what is
    wrong with the plan.
    """

    builder: str
    notes: tuple[str, ...] = ()
    complete: bool = True


@dataclasses.dataclass(frozen=True)
class Given:
    """The source, where it is on disk, and what is given beside it; nothing of the model is loaded.

    `errors` say by argument what cannot be used: the plan is resolved all the same, as far as that goes, so
    that whoever mends one mistake does not meet the next one after it.
    """

    found: Found | None
    beside: Beside
    transform: TransformGraph | None = None
    schema: Any | None = None
    module: ModuleFile | None = None
    errors: Mapping[str, TfxSavedModelError] = dataclasses.field(default_factory=dict)
    normal: MadeOfTf1 | None = None

    def materials(
        self, plan: Plan, open_source: Callable[[ExportMaterials], TrainedModel], view: GraphView | None
    ) -> ExportMaterials:
        builder = "rewrite" if self.normal is None else self.normal.builder
        return ExportMaterials(plan, open_source, view, self.transform, self.schema, self.module, builder)

    def resolved(self, checked: CheckedPlan, materials: ExportMaterials) -> ResolvedPlan:
        """Return the resolved plan.

        Raises:
          PlanError: every mistake of its form, against the model, and in what is given beside it.
          TfxSavedModelError: the one thing that cannot be used, where the plan has no mistake.
        """
        errors = tuple(self.errors.values())
        possible = _without(checked, frozenset(self.errors))
        problems = [*checked.problems, *map(_problem, errors)]
        try:
            found = resolve(possible.plan, materials, problems=problems, broken=possible.broken, where=checked.where)
            if self.normal is not None and not self.normal.complete:
                raise UsageError(
                    "the plan names no tensors of the graph",
                    where=checked.where,
                    wanted="a signature of kind tensors",
                    next_step="name the graph's inputs and outputs in it",
                )
            return found
        except PlanError as error:
            if errors and len(error.problems) == 1:
                raise errors[0] from None
            raise
        except TfxSavedModelError as error:
            # The source cannot be opened, perhaps for want of the module file: what is known so far is said.
            if not problems:
                raise
            raise_all([*errors, *([] if "module_file" in self.errors else [error])], checked)
            raise


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The arguments of an export that name files, local or remote, and the model, which may be an object."""

    stage: Staging
    model: Any
    transform_graph: PathLike | None
    schema: PathLike | None
    examples: PathLike | Sequence[PathLike]
    statistics: PathLike | None
    module_file: PathLike | None

    def staged(self, checked: CheckedPlan) -> Given:
        """Bring everything here and look at it.

        Raises:
          PlanError, TfxSavedModelError: there is no model, with whatever else is wrong.
        """
        errors: dict[str, TfxSavedModelError] = {}

        def looked_at(name: str, value: Any, look: Callable[[Any], Made]) -> Made | None:
            if value is None:
                return None
            try:
                return look(value)
            except TfxSavedModelError as error:
                errors[name] = error
                return None

        local = self.stage.path
        is_path = isinstance(self.model, (str, os.PathLike))
        source = self.model if is_path else None
        found = looked_at("model", source, lambda path: find_trained_model(self.stage.trained_model(path)))
        transform = looked_at(
            "transform_graph", self.transform_graph, lambda path: TransformGraph(local(path, "the Transform graph"))
        )
        schema = looked_at("schema", self.schema, lambda path: read_schema(local(path, "the schema")))
        module = looked_at("module_file", self.module_file, lambda path: load_module(os.fspath(path)))
        statistics = looked_at(
            "statistics", self.statistics, lambda path: read_statistics(local(path, "the statistics"))
        )
        examples = looked_at(
            "examples", self.examples, lambda given: find_example_files(self.stage.examples(given, natively=False))
        )
        beside = Beside(statistics, tuple(examples or ()))
        if "examples" not in errors:
            looked_at("warmup", checked.plan, beside.check)
        if not checked.tells_source:
            raise PlanError([*checked.problems, *map(_problem, errors.values())], where=checked.where)
        if "model" in errors:
            raise_all(list(errors.values()), checked)
        return Given(found, beside, transform, schema, module, errors)


#: Kinds that cannot be judged without these arguments.
_NEEDED_BY = {
    "transform_graph": (ServeExamples, ServeFeatures, Preprocess, Classify, Regress),
    "schema": (ServeExamples, ServeFeatures, Preprocess, Classify, Regress),
    "module_file": (Module,),
}


def _without(checked: CheckedPlan, missing: frozenset[str]) -> CheckedPlan:
    """Return the part of a plan that can be judged without what is missing."""
    kinds = tuple(kind for name in missing for kind in _NEEDED_BY.get(name, ()))
    if not kinds:
        return checked
    signatures = {key: part for key, part in checked.plan.signatures.items() if not isinstance(part, kinds)}
    broken = checked.broken | (set(checked.plan.signatures) - set(signatures))
    update: dict[str, Any] = {"signatures": signatures}
    if missing & {"transform_graph", "schema"}:
        update["exclude_features"] = ()
    return dataclasses.replace(checked, plan=checked.plan.model_copy(update=update), broken=broken)


def _problem(error: TfxSavedModelError) -> Problem:
    return Problem(error.where or "what is given", error.message, error.found, error.wanted, error.next_step)


def raise_all(errors: Sequence[TfxSavedModelError], checked: CheckedPlan) -> None:
    """Raise what is wrong with the inputs together with what is wrong with the plan's form, if anything is."""
    if not errors:
        return
    if len(errors) == 1 and not checked.problems:
        raise errors[0]
    raise PlanError([*checked.problems, *map(_problem, errors)], where=checked.where)
