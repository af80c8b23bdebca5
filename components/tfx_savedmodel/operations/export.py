"""`export`: a trained model and a signature plan in, a SavedModel with exactly those signatures out."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TfxSavedModelError
from tfx_savedmodel.operations.gate import refuse_unsafe
from tfx_savedmodel.saved_model.garbage import collector_paused
from tfx_savedmodel.saved_model.locate import find_saved_model
from tfx_savedmodel.saved_model.publish import check_destination, publishing
from tfx_savedmodel.saved_model.reader import CONTRACT_FILE, read_saved_model
from tfx_savedmodel.saved_model.rewrite import edit
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.signatures.build import TraceBuilder, save_functions
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.plan import PREDICT, Plan, PlanLike, read_plan
from tfx_savedmodel.signatures.resolve import resolve
from tfx_savedmodel.signatures.resolved import ResolvedPlan
from tfx_savedmodel.sources.saved_model import SavedModelSource
from tfx_savedmodel.sources.schema import feature_spec, read_schema
from tfx_savedmodel.sources.transform import TransformGraph
from tfx_savedmodel.versions import __version__

__all__ = ["ExportResult", "Plan", "export", "read_plan"]

PathLike = str | os.PathLike[str]
_EXTRA = "assets.extra"


@dataclasses.dataclass(frozen=True)
class ExportResult:
    """What was exported: where, how ("trace"), with which signatures; `notes` say what was left out."""

    path: Path
    builder: str
    signatures: tuple[str, ...]
    fingerprint: str
    tensorflow_version: str
    notes: tuple[str, ...] = ()


def export(
    model: PathLike,
    destination: PathLike,
    *,
    plan: PlanLike | PathLike,
    transform_graph: PathLike | None = None,
    schema: PathLike | None = None,
    overwrite: bool = False,
) -> ExportResult:
    """Export a TF2 SavedModel with exactly the signatures that the plan names and keeps.

    The result is written beside `destination` and renamed: it is there whole, or not at all.

    Args:
      model: a SavedModel directory (Keras or not), or a TFX Model artifact's.
      destination: where the SavedModel goes; must not exist unless `overwrite`.
      plan: a Plan, its JSON (text, mapping or file), or a mapping of signatures alone.
      transform_graph: Transform's output, for signatures that take raw features or examples.
      schema: a schema file or artifact directory, where there is no Transform graph.

    Raises:
      PlanError: every mistake in the plan, before any work.
      UnreadableModelError, UnsafeModelError, UnsupportedModelError: what the source is.
      TransformGraphError, SchemaError, DestinationError: what else cannot be used.
    """
    checked = read_plan(plan)
    target = Path(destination)
    check_destination(target, overwrite=overwrite)
    view = read_saved_model(find_saved_model(model), checked.source.tags)
    refuse_unsafe(view)
    source = SavedModelSource(view)
    ingredients = functools.cache(lambda: _ingredients(source, checked, transform_graph, schema))
    with collector_paused():
        resolved = resolve(checked, source.meta_graph.signatures, ingredients)
        with publishing(target, overwrite=overwrite) as staged:
            _trace(source, resolved, ingredients, staged)
            _carry_extras(view.path, staged)
            _write_contract(resolved, staged)
            exported = read_saved_model(staged, checked.source.tags)
            _verify(resolved, exported)
    meta_graph = exported.meta_graph()
    return ExportResult(
        path=target,
        builder="trace",
        signatures=tuple(sorted(resolved.signatures)),
        fingerprint=exported.fingerprint or "",
        tensorflow_version=meta_graph.tensorflow_version if meta_graph else "",
        notes=_notes(view),
    )


def _ingredients(
    source: SavedModelSource, plan: Plan, transform_graph: PathLike | None, schema: PathLike | None
) -> Ingredients:
    parsed = read_schema(schema) if schema is not None else None
    return Ingredients(
        model=source.model,
        transform=TransformGraph(transform_graph) if transform_graph is not None else None,
        schema_spec=feature_spec(parsed, plan.exclude_features) if parsed is not None else None,
        schema=parsed,
        exclude=plan.exclude_features,
    )


def _trace(
    source: SavedModelSource, resolved: ResolvedPlan, ingredients: Callable[[], Ingredients], staged: Path
) -> None:
    builder = TraceBuilder(resolved, ingredients, source.signature)
    functions = builder.build()
    save_functions(source.loaded, functions, staged, tracked=builder.tracked)
    _set_methods(resolved, staged)


def _set_methods(resolved: ResolvedPlan, staged: Path) -> None:
    """TF2's save knows one method name, predict."""
    methods = {key: item.method_name for key, item in resolved.signatures.items() if item.method_name != PREDICT}
    if not methods:
        return

    def change(proto: Any) -> None:
        for meta_graph in proto.meta_graphs:
            for key, method in methods.items():
                meta_graph.signature_def[key].method_name = method

    edit(staged, change)


def _carry_extras(source: Path, staged: Path) -> None:
    """TF2's save leaves assets.extra out; our own contract in it is written anew."""
    if (source / _EXTRA).is_dir():
        ours = Path(CONTRACT_FILE).name
        shutil.copytree(source / _EXTRA, staged / _EXTRA, ignore=shutil.ignore_patterns(ours), dirs_exist_ok=True)


def _write_contract(resolved: ResolvedPlan, staged: Path) -> None:
    contract = {
        "version": 1,
        "exporter": __version__,
        "builder": "trace",
        "plan": json.loads(resolved.plan.to_json()),
        "signatures": resolved.to_json(),
    }
    file = staged / CONTRACT_FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(contract, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _verify(resolved: ResolvedPlan, exported: GraphView) -> None:
    """What was written must be what was planned: TensorFlow renames what it cannot express."""
    meta_graph = exported.meta_graph()
    written = meta_graph.signatures if meta_graph else {}
    for key, planned in resolved.signatures.items():
        view = written.get(key)
        found = (sorted(view.inputs), sorted(view.outputs)) if view else None
        wanted = (sorted(planned.inputs), sorted(planned.outputs))
        if found != wanted:
            raise TfxSavedModelError(
                "TensorFlow wrote another signature than planned",
                where=f"signature {key!r}",
                found=str(found),
                wanted=str(wanted),
                next_step="use names of letters, digits and underscores",
            )


def _notes(view: GraphView) -> tuple[str, ...]:
    if not view.has_keras_metadata:
        return ()
    return (
        "Keras metadata is left out: it indexes the source's object graph and would break load_model; "
        "tf.saved_model.load gives the exported model",
    )
