"""TF1 sources that are no SavedModels, each made into one: judged before anything of it is run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TfxSavedModelError, UsageError
from tfx_savedmodel.operations.gate import refuse_broken, refuse_unsafe
from tfx_savedmodel.operations.inputs import Given, MadeOfTf1, raise_all
from tfx_savedmodel.operations.materials import no_module, users
from tfx_savedmodel.saved_model.candidates import candidates
from tfx_savedmodel.saved_model.graph_files import is_graph_def, read_graph_file
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.remote import Staging
from tfx_savedmodel.saved_model.rewrite import edit
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.signatures.kinds import Tensors
from tfx_savedmodel.signatures.plan import CheckedPlan, Plan
from tfx_savedmodel.sources.find import CHECKPOINT, GRAPH_FILE, SAVED_MODEL, Found
from tfx_savedmodel.sources.open import no_graph
from tfx_savedmodel.sources.schema import feature_spec
from tfx_savedmodel.sources.tf1.checkpoint_files import read_checkpoint
from tfx_savedmodel.sources.tf1.features import tensor_specs
from tfx_savedmodel.sources.tf1.function import GraphFunction, save_function
from tfx_savedmodel.sources.tf1.normal_form import Wanted, normal_form
from tfx_savedmodel.sources.tf1.restore import restore_and_save

_SHOWN = 12
_JUDGED = "the plan's tensors"


def as_saved_model(checked: CheckedPlan, given: Given, stage: Staging) -> Given:
    """Return what is given with a SavedModel in the place of a TF1 graph, or of a checkpoint with its graph.

    Anything else is returned as it is.

    Raises:
      PlanError, TfxSavedModelError: what the source is, with whatever else is wrong.
    """
    try:
        if given.found is None:
            if checked.plan.source.graph is not None:
                raise _needless_graph(checked.plan)
            return given
        return _as_saved_model(checked.plan, given, given.found, stage)
    except TfxSavedModelError as error:
        raise_all([*given.errors.values(), error], checked)
        raise


def _as_saved_model(plan: Plan, given: Given, found: Found, stage: Staging) -> Given:
    graph = _graph(plan, found, stage)
    if graph is None:
        return _of_function(plan, given, found, stage)
    checkpoint = read_checkpoint(found.path) if found.form == CHECKPOINT else None
    form = normal_form(read_graph_file(graph), checkpoint, _wanted(plan))
    directory = stage.made(found.path)
    form.write(directory, tensors_as=_JUDGED if form.complete else None)
    view = read_saved_model(directory, form.wanted.tags)
    if not form.wanted.tensors and not view.meta_graphs[0].signatures:
        raise _no_tensors(view)
    if form.complete:
        refuse_broken(view)
        refuse_unsafe(view)
        edit(directory, lambda proto: proto.meta_graphs[0].signature_def.pop(_JUDGED, None))
    if form.restores:
        directory = stage.made(found.path) / "model"
        restore_and_save(form, directory)
    normal = MadeOfTf1("session" if form.restores else "rewrite", form.notes, complete=form.complete)
    return dataclasses.replace(given, found=Found(directory, SAVED_MODEL), normal=normal)


def _of_function(plan: Plan, given: Given, found: Found, stage: Staging) -> Given:
    """Build the graph of a checkpoint that knows its variables by name; another one is for TF2."""
    name = plan.source.model_fn
    if found.form != CHECKPOINT:
        return given
    if name is None:
        if _wanted(plan).tensors:
            raise no_graph(found)
        return given
    checkpoint = read_checkpoint(found.path)
    if not checkpoint.by_name or given.errors.keys() & {"module_file", "transform_graph", "schema"}:
        return given
    if given.module is None:
        raise no_module(f"a plan with source.model_fn {name!r}")
    module, directory = given.module, stage.made(found.path) / "model"
    others = users(given.transform, given.schema)
    function = GraphFunction(
        lambda more: module.call(name, {**others, **more}),
        module.parameters(name),
        f"{module.where}, {name}",
        lambda: _features(plan, given),
        plan.source.params,
    )
    notes = save_function(function, checkpoint, plan.source.tags, directory)
    return dataclasses.replace(given, found=Found(directory, SAVED_MODEL), normal=MadeOfTf1("session", notes))


def _features(plan: Plan, given: Given) -> Mapping[str, Any]:
    """Return the spec of what an Estimator's model_fn takes: the plan's, else Transform's, else the schema's."""
    exclude = plan.exclude_features
    if plan.source.features is not None:
        return tensor_specs({name: (spec.dtype, spec.shape) for name, spec in plan.source.features.items()})
    if given.transform is not None:
        spec = given.transform.transformed_feature_spec()
        return {name: feature for name, feature in spec.items() if name not in exclude}
    if given.schema is not None:
        return feature_spec(given.schema, exclude)
    raise UsageError(
        "it is not said which features the model_fn takes",
        where=f"source.model_fn {plan.source.model_fn!r}",
        found="no Transform graph, no schema and no source.features",
        wanted="one of them",
        next_step='give --transform-graph, --schema, or "features": {"x": {"dtype": "float32", "shape": [null, 4]}} '
        "in the plan's source",
    )


def _graph(plan: Plan, found: Found, stage: Staging) -> Path | None:
    """Return the file of the TF1 graph that is the model, or goes with the checkpoint."""
    named = plan.source.graph
    if found.form == CHECKPOINT and plan.source.model_fn is None:
        beside = found.path.with_name(f"{found.path.name}.meta")
        if named is not None:
            return stage.path(named, "the plan's source.graph")
        return beside if beside.is_file() else None
    if named is not None:
        raise _needless_graph(plan)
    if found.form == GRAPH_FILE:
        return found.path
    if found.form == SAVED_MODEL:
        file = next(file for name in GRAPH_FILES if (file := found.path / name).exists())
        if file.suffix != ".cpb" and is_graph_def(file):
            return file
    return None


def _needless_graph(plan: Plan) -> UsageError:
    source = plan.source
    return UsageError(
        "the plan names a graph, and the model is no checkpoint that needs one",
        where="source.graph",
        found=f"{source.graph}" if source.model_fn is None else f"{source.graph}, source.model_fn {source.model_fn!r}",
        wanted="a graph for a checkpoint without source.model_fn",
        next_step="leave source.graph out, or name the checkpoint as the model",
    )


def _no_tensors(view: GraphView) -> UsageError:
    """Say what a graph without signatures has that the plan may name."""
    found = candidates(view)
    inputs, outputs = (", ".join(side[:_SHOWN]) or "none" for side in (found.inputs, found.outputs))
    example = {
        "kind": "tensors",
        "inputs": {tensor.partition(":")[0]: tensor for tensor in found.inputs[:1]},
        "outputs": {tensor.partition(":")[0]: tensor for tensor in found.outputs[:1]},
    }
    return UsageError(
        "the graph has no signatures, and the plan names no tensors of it",
        where=str(view.path),
        found=f"placeholders {inputs}; results that no other node takes {outputs}",
        wanted="a signature of kind tensors, with the graph's inputs and outputs",
        next_step=f'such as "serving_default": {json.dumps(example)}',
    )


def _wanted(plan: Plan) -> Wanted:
    parts = [part for part in plan.signatures.values() if isinstance(part, Tensors)]
    signatures = tuple((tuple(part.inputs.values()), tuple(part.outputs.values())) for part in parts)
    return Wanted(signatures, plan.source.tags, plan.init_op)
