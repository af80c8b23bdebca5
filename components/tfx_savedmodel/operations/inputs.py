"""What an export is given beside the plan, staged locally and looked at; what is wrong with it is said at once."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tfx_savedmodel.errors import PlanError, Problem, TfxSavedModelError
from tfx_savedmodel.operations.beside import Beside
from tfx_savedmodel.operations.materials import ExportMaterials
from tfx_savedmodel.saved_model.remote import Staging
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.signatures.plan import CheckedPlan, Plan
from tfx_savedmodel.sources.find import Found, find_trained_model
from tfx_savedmodel.sources.module_file import ModuleFile, load_module
from tfx_savedmodel.sources.schema import read_schema
from tfx_savedmodel.sources.source import TrainedModel
from tfx_savedmodel.sources.transform import TransformGraph

PathLike = str | os.PathLike[str]
Made = TypeVar("Made")


@dataclasses.dataclass(frozen=True)
class Given:
    """The source, where it is on disk, and what is given beside it; nothing of the model is loaded."""

    found: Found | None
    beside: Beside
    transform: TransformGraph | None = None
    schema: Any | None = None
    module: ModuleFile | None = None

    def materials(
        self, plan: Plan, open_source: Callable[[ExportMaterials], TrainedModel], view: GraphView | None
    ) -> ExportMaterials:
        return ExportMaterials(plan, open_source, view, self.transform, self.schema, self.module)


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
          PlanError: mistakes in the plan's form together with what cannot be used, or several of that.
          TfxSavedModelError: the one thing that cannot be used, where the plan is well formed.
        """
        errors: list[TfxSavedModelError] = []

        def looked_at(value: Any, look: Callable[[Any], Made]) -> Made | None:
            if value is None:
                return None
            try:
                return look(value)
            except TfxSavedModelError as error:
                errors.append(error)
                return None

        local = self.stage.path
        is_path = isinstance(self.model, (str, os.PathLike))
        found = looked_at(self.model if is_path else None, lambda path: find_trained_model(local(path, "the model")))
        transform = looked_at(self.transform_graph, lambda path: TransformGraph(local(path, "the Transform graph")))
        schema = looked_at(self.schema, lambda path: read_schema(local(path, "the schema")))
        module = looked_at(self.module_file, lambda path: load_module(os.fspath(path)))
        statistics: Path | None = looked_at(self.statistics, lambda path: local(path, "the statistics"))
        examples = looked_at(self.examples, lambda given: tuple(self.stage.examples(given, natively=False)))
        beside = Beside(statistics, examples or ())
        if examples is not None:
            looked_at(checked.plan, beside.check)
        raise_all(errors, checked)
        return Given(found, beside, transform, schema, module)


def raise_all(errors: Sequence[TfxSavedModelError], checked: CheckedPlan) -> None:
    """Raise what is wrong with the inputs together with what is wrong with the plan's form, if anything is."""
    if not errors:
        return
    if len(errors) == 1 and not checked.problems:
        raise errors[0]
    problems = [
        Problem(error.where or "what is given", error.message, error.found, error.wanted, error.next_step)
        for error in errors
    ]
    raise PlanError([*checked.problems, *problems], where=checked.where)
