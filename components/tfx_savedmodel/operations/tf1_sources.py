"""TF1 sources that are no SavedModels, each made into one: judged before anything of it is run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tfx_savedmodel.errors import TfxSavedModelError, UsageError
from tfx_savedmodel.operations.gate import refuse_broken, refuse_unsafe
from tfx_savedmodel.operations.inputs import Given, NormalForm, raise_all
from tfx_savedmodel.saved_model.graph_files import is_graph_def, read_graph_file
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.remote import Staging
from tfx_savedmodel.signatures.kinds import Tensors
from tfx_savedmodel.signatures.plan import CheckedPlan, Plan
from tfx_savedmodel.sources.find import CHECKPOINT, GRAPH_FILE, SAVED_MODEL, Found
from tfx_savedmodel.sources.tf1.checkpoint_files import read_checkpoint
from tfx_savedmodel.sources.tf1.normal_form import Wanted, normal_form
from tfx_savedmodel.sources.tf1.restore import restore_and_save

_JUDGED = "the plan's tensors"


def as_saved_model(checked: CheckedPlan, given: Given, stage: Staging) -> Given:
    """Return what is given with a SavedModel in the place of a TF1 graph, or of a checkpoint with its graph.

    Anything else is returned as it is.

    Raises:
      PlanError, TfxSavedModelError: what the source is, with whatever else is wrong.
    """
    if given.found is None:
        return given
    try:
        return _as_saved_model(checked.plan, given, given.found, stage)
    except TfxSavedModelError as error:
        raise_all([*given.errors, error], checked)
        raise


def _as_saved_model(plan: Plan, given: Given, found: Found, stage: Staging) -> Given:
    graph = _graph(plan, found, stage)
    if graph is None:
        return given
    checkpoint = read_checkpoint(found.path) if found.form == CHECKPOINT else None
    form = normal_form(read_graph_file(graph), checkpoint, _wanted(plan))
    directory = stage.made(found.path)
    if form.complete:
        judged = stage.made(graph)
        form.write(judged, tensors_as=_JUDGED)
        view = read_saved_model(judged, form.wanted.tags)
        refuse_broken(view)
        refuse_unsafe(view)
    if form.restores:
        directory /= "model"
        restore_and_save(form, directory)
    else:
        form.write(directory)
    normal = NormalForm("session" if form.restores else "rewrite", form.notes, complete=form.complete)
    return dataclasses.replace(given, found=Found(directory, SAVED_MODEL), normal=normal)


def _graph(plan: Plan, found: Found, stage: Staging) -> Path | None:
    """Return the file of the TF1 graph that is the model, or goes with the checkpoint."""
    named = plan.source.graph
    if found.form == CHECKPOINT and plan.source.model_fn is None:
        beside = found.path.with_name(f"{found.path.name}.meta")
        if named is not None:
            return stage.path(named, "the plan's source.graph")
        return beside if beside.is_file() else None
    if named is not None:
        raise UsageError(
            "the plan names a graph, and the model is no checkpoint that needs one",
            where="source.graph",
            found=named if plan.source.model_fn is None else f"{named} and source.model_fn {plan.source.model_fn!r}",
            wanted="a graph for a checkpoint without source.model_fn",
            next_step="leave source.graph out, or name the checkpoint as the model",
        )
    if found.form == GRAPH_FILE:
        return found.path
    if found.form == SAVED_MODEL:
        file = next(file for name in GRAPH_FILES if (file := found.path / name).exists())
        if file.suffix != ".cpb" and is_graph_def(file):
            return file
    return None


def _wanted(plan: Plan) -> Wanted:
    parts = [part for part in plan.signatures.values() if isinstance(part, Tensors)]
    named = (tensor for part in parts for side in (part.inputs, part.outputs) for tensor in side.values())
    return Wanted(tuple(dict.fromkeys(named)), plan.source.tags, getattr(plan, "init_op", None))
