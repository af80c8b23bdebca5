"""`export`: a trained model and a signature plan in, a SavedModel with exactly those signatures out."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TfxSavedModelError, UnreadableModelError
from tfx_savedmodel.operations.gate import refuse_broken, refuse_unsafe
from tfx_savedmodel.saved_model.carry import carry_files
from tfx_savedmodel.saved_model.garbage import collector_paused
from tfx_savedmodel.saved_model.local import local_path
from tfx_savedmodel.saved_model.locate import find_saved_model
from tfx_savedmodel.saved_model.publish import check_destination, publishing
from tfx_savedmodel.saved_model.reader import CONTRACT_FILE, read_saved_model
from tfx_savedmodel.saved_model.rewrite import choose_signatures, edit
from tfx_savedmodel.saved_model.view import GraphView, SignatureView
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
    """What was exported: where, with which signatures, and how.

    `builder` is "rewrite" where only metadata was edited, "trace" where functions were traced and saved
    by TF2; `notes` say what was left out.
    """

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
    copy: bool = False,
) -> ExportResult:
    """Export a SavedModel with exactly the signatures that the plan names and keeps.

    The result is written beside `destination` and renamed: it is there whole, or not at all. A plan
    that only keeps, drops and names signatures again is done by editing `saved_model.pb`, on TF1 and
    TF2 models alike: nothing is loaded, and the weights are hard-linked. Any other plan takes a TF2 model.

    Args:
      model: a SavedModel directory (Keras or not), or a TFX Model artifact's.
      destination: where the SavedModel goes; must not exist unless `overwrite`.
      plan: a Plan, its JSON (text, mapping or file), or a mapping of signatures alone.
      transform_graph: Transform's output, for signatures that take raw features or examples.
      schema: a schema file or artifact directory, where there is no Transform graph.
      copy: copy the weights where they would be hard-linked.

    Raises:
      PlanError: every mistake in the plan, before any work.
      UnreadableModelError, UnsafeModelError, UnsupportedModelError: what the source is.
      TransformGraphError, SchemaError, DestinationError: what else cannot be used.
    """
    checked = read_plan(plan)
    target = local_path(destination, "the destination")
    check_destination(target, overwrite=overwrite)
    view = read_saved_model(find_saved_model(model), checked.source.tags)
    refuse_broken(view)
    source = functools.cache(lambda: _open(view))
    ingredients = functools.cache(lambda: _ingredients(source(), checked, transform_graph, schema))
    with collector_paused():
        resolved = resolve(checked, _signatures(view), ingredients)
        builder = "rewrite" if resolved.only_renames else "trace"
        with publishing(target, overwrite=overwrite) as staged:
            if resolved.only_renames:
                _rewrite(view, resolved, staged, copy=copy)
            else:
                _trace(source(), resolved, ingredients, staged)
                _carry_extras(view.path, staged)
            _write_contract(resolved, builder, staged)
            exported = read_saved_model(staged, view.tags)
            _verify(resolved, exported)
    meta_graph = exported.meta_graph()
    return ExportResult(
        path=target,
        builder=builder,
        signatures=tuple(sorted(resolved.signatures)),
        fingerprint=exported.fingerprint or "",
        tensorflow_version=meta_graph.tensorflow_version if meta_graph else "",
        notes=_notes(view) if builder == "trace" else (),
    )


def _open(view: GraphView) -> SavedModelSource:
    """What is loaded is judged before."""
    refuse_unsafe(view)
    return SavedModelSource(view)


def _signatures(view: GraphView) -> Mapping[str, SignatureView]:
    """Return the signatures of the MetaGraph that the plan means, which must be there."""
    meta_graph = view.meta_graph()
    if meta_graph is None or set(meta_graph.tags) != set(view.tags):
        raise UnreadableModelError(
            "no MetaGraph with the plan's tags",
            where=str(view.path),
            found="; ".join(", ".join(item.tags) or "no tags" for item in view.meta_graphs),
            wanted=", ".join(view.tags),
            next_step="name the model's tags in the plan's source.tags",
        )
    return meta_graph.signatures


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


def _rewrite(view: GraphView, resolved: ResolvedPlan, staged: Path, *, copy: bool) -> None:
    carry_files(view.path, staged, leave_out={CONTRACT_FILE}, copy=copy)
    chosen = {key: (item.of or key, item.method_name) for key, item in resolved.signatures.items()}
    choose_signatures(staged, view.tags, chosen)


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


def _write_contract(resolved: ResolvedPlan, builder: str, staged: Path) -> None:
    contract = {
        "version": 1,
        "exporter": __version__,
        "builder": builder,
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
