"""`export`: a trained model and a signature plan in, a SavedModel with exactly those signatures out."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TfxSavedModelError, UnreadableModelError
from tfx_savedmodel.operations.beside import Beside
from tfx_savedmodel.operations.building import build
from tfx_savedmodel.operations.exporting import verified, write_contract
from tfx_savedmodel.operations.gate import refuse_broken, refuse_unsafe
from tfx_savedmodel.operations.inputs import Given, Inputs, raise_all
from tfx_savedmodel.operations.materials import ExportMaterials, no_module
from tfx_savedmodel.operations.targeting import fit_export, targeting
from tfx_savedmodel.operations.tf1_sources import as_saved_model
from tfx_savedmodel.saved_model.garbage import collector_paused
from tfx_savedmodel.saved_model.local import is_remote, remote_uri
from tfx_savedmodel.saved_model.overlap import refuse_overlap
from tfx_savedmodel.saved_model.publish import check_destination, publishing
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.remote import Staging
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.signatures.builders import SESSION
from tfx_savedmodel.signatures.derived import read_labels
from tfx_savedmodel.signatures.kinds import Tensors
from tfx_savedmodel.signatures.options import Explanation, Warmup
from tfx_savedmodel.signatures.plan import CheckedPlan, Plan, PlanLike, check_plan, read_plan
from tfx_savedmodel.signatures.resolved import ResolvedPlan
from tfx_savedmodel.sources.find import KERAS_FILE, SAVED_MODEL
from tfx_savedmodel.sources.graph_model import GraphSource
from tfx_savedmodel.sources.live import open_object
from tfx_savedmodel.sources.open import open_found
from tfx_savedmodel.sources.saved_model import SavedModelSource
from tfx_savedmodel.sources.source import TrainedModel

__all__ = ["Explanation", "ExportResult", "Plan", "Warmup", "export", "read_labels", "read_plan"]

PathLike = str | os.PathLike[str]


@dataclasses.dataclass(frozen=True)
class ExportResult:
    """What was exported: where, with which signatures, and how.

    `builder` is "rewrite" where only metadata was edited, "trace" where functions were traced and saved
    by TF2, "session" where the graph of a TF1 model was extended, or a session of TF1 wrote it; `notes` say
    what was left out, and what could not be told.
    """

    path: Path | str
    builder: str
    signatures: tuple[str, ...]
    fingerprint: str
    tensorflow_version: str
    notes: tuple[str, ...] = ()


def export(
    model: Any,
    destination: PathLike,
    *,
    plan: PlanLike | PathLike,
    transform_graph: PathLike | None = None,
    schema: PathLike | None = None,
    examples: PathLike | Sequence[PathLike] = (),
    statistics: PathLike | None = None,
    module_file: PathLike | None = None,
    target: str | None = None,
    allow: Sequence[str] = (),
    overwrite: bool = False,
    copy: bool = False,
) -> ExportResult:
    """Export a SavedModel with exactly the signatures that the plan names and keeps.

    The result is written beside `destination` and renamed: it is there whole, or not at all. A plan
    that only keeps, drops and names signatures again is done by editing `saved_model.pb`, on TF1 and
    TF2 models alike: nothing is loaded, and the weights are hard-linked. A TF1 SavedModel gets what other
    signatures need in its graph, its weights hard-linked too. Any other plan takes a TF2
    SavedModel, a Keras file, weights or a checkpoint with the plan's `source.model_fn`, or a Keras model,
    tf.Module or other trackable object of this process. TF1 checkpoints and graphs are made TF1 SavedModels
    first. Paths may be remote.

    Args:
      model: the path of a trained model or of a TFX Model artifact, or an object.
      destination: where the SavedModel goes; must not exist unless `overwrite`.
      plan: a Plan, its JSON (text, mapping or file), or a mapping of signatures alone.
      transform_graph: Transform's output, for signatures that take raw features or examples.
      schema: a schema file or artifact directory, where there is no Transform graph.
      examples: TFRecord files of tf.Examples, globs or an Examples artifact, for `warmup` and baselines.
      statistics: TFDV's statistics, a file or artifact directory, for the baselines of `explanation`.
      module_file: a Python file with the functions and classes that the plan names, or the dotted name of a
        module that can be imported.
      target: the oldest TensorFlow that is to load the export, "tf-1.15" or "tf-2.7", in place of the plan's own.
      allow: names of custom classes and functions that may be loaded, beside the plan's own; "Lambda" allows
        Python code in the model.
      copy: copy the weights where they would be hard-linked.

    Raises:
      PlanError: every mistake in the plan, before any work.
      UnreadableModelError, UnsafeModelError, UnsupportedModelError: what the source is.
      TargetError: the export cannot be made to fit the target, or would answer otherwise there.
      TransformGraphError, SchemaError, ExamplesError, DestinationError, UsageError: what else cannot be used.
    """
    checked = targeting(_allowing(check_plan(plan), allow), target)
    check_destination(destination, overwrite=overwrite)
    if isinstance(model, (str, os.PathLike)):
        refuse_overlap(model, destination)
    with Staging() as stage:
        inputs = Inputs(
            stage,
            model=model,
            transform_graph=transform_graph,
            schema=schema,
            examples=examples,
            statistics=statistics,
            module_file=module_file,
        )
        given = inputs.staged(checked)
        with collector_paused():
            given = as_saved_model(checked, given, stage)
            materials = _materials(checked, model, given)
            resolved = given.resolved(checked, materials)
            with publishing(destination, overwrite=overwrite) as staged:
                builder, notes = _build(materials, resolved, given.beside, staged, copy=copy)
                notes += fit_export(materials, resolved, given, staged)
                exported = verified(resolved, materials.view, staged)
                if _makes_run(builder, resolved, given):
                    refuse_unsafe(exported, _named(model))
        made = () if given.normal is None else given.normal.notes
        notes = stage.named((*made, *notes))
    meta_graph = exported.meta_graph()
    return ExportResult(
        path=remote_uri(destination) if is_remote(destination) else Path(destination),
        builder=builder,
        signatures=tuple(sorted(resolved.signatures)),
        fingerprint=exported.fingerprint or "",
        tensorflow_version=meta_graph.tensorflow_version if meta_graph else "",
        notes=notes,
    )


def _named(model: Any) -> str:
    return os.fspath(model) if isinstance(model, (str, os.PathLike)) else f"a {type(model).__name__}"


def _makes_run(builder: str, resolved: ResolvedPlan, given: Given) -> bool:
    """Tell whether the export runs what nothing ran before: what a source does not reach was not judged with it."""
    is_file = given.found is not None and given.found.form == KERAS_FILE
    return is_file or builder == SESSION or resolved.plan.init_op is not None


def _allowing(checked: CheckedPlan, allow: Sequence[str]) -> CheckedPlan:
    if not allow:
        return checked
    source = checked.plan.source
    names = [name for name in allow if name != "Lambda"]
    source = source.model_copy(
        update={
            "custom_objects": (*source.custom_objects, *names),
            "allow_lambda": source.allow_lambda or "Lambda" in allow,
        }
    )
    return dataclasses.replace(checked, plan=checked.plan.model_copy(update={"source": source}))


def _materials(checked: CheckedPlan, model: Any, given: Given) -> ExportMaterials:
    """Look at the source, and load nothing of it yet."""
    found, plan = given.found, checked.plan
    if found is not None and found.form == SAVED_MODEL:
        view = read_saved_model(found.path, plan.source.tags)
        try:
            refuse_broken(view)
            _refuse_other_tags(view)
        except TfxSavedModelError as error:
            raise_all([*given.errors.values(), error], checked)
        return given.materials(plan, lambda _: _open(view, plan), view)

    def open_other(materials: ExportMaterials) -> TrainedModel:
        if found is None:
            return open_object(model)
        return open_found(
            found,
            build=_builder(plan.source.model_fn, materials),
            custom_objects=plan.source.custom_objects,
            allow_lambda=plan.source.allow_lambda,
            module=materials.module,
        )

    return given.materials(plan, open_other, None)


def _builder(name: str | None, materials: ExportMaterials) -> Callable[[], Any] | None:
    """Return the author's function that builds the model, if the plan names one."""
    if name is None:
        return None
    module = materials.module
    if module is None:
        raise no_module(f"a plan with source.model_fn {name!r}")
    return lambda: module.call(name, materials.given_to_users)


def _open(view: GraphView, plan: Plan) -> TrainedModel:
    """What is loaded is judged before."""
    refuse_unsafe(view)
    meta_graph = view.meta_graph()
    if meta_graph is None or meta_graph.is_tf2:
        return SavedModelSource(view)
    planned = {key: part for key, part in plan.signatures.items() if isinstance(part, Tensors)}
    return GraphSource(view, {key: (part.inputs, part.outputs) for key, part in planned.items()})


def _refuse_other_tags(view: GraphView) -> None:
    """The MetaGraph that the plan means must be there."""
    meta_graph = view.meta_graph()
    if meta_graph is None or set(meta_graph.tags) != set(view.tags):
        raise UnreadableModelError(
            "no MetaGraph with the plan's tags",
            where=str(view.path),
            found="; ".join(", ".join(item.tags) or "no tags" for item in view.meta_graphs),
            wanted=", ".join(view.tags),
            next_step="name the model's tags in the plan's source.tags",
        )


def _build(
    materials: ExportMaterials, resolved: ResolvedPlan, beside: Beside, staged: Path, *, copy: bool
) -> tuple[str, tuple[str, ...]]:
    """Write the model and what goes beside it; return the builder and notes."""
    builder, notes = build(materials, resolved, staged, copy=copy)
    write_contract(resolved, builder, staged)
    return builder, (*notes, *beside.write(materials, resolved, staged))
