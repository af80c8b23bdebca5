"""The steps of an export into a directory that is not published yet."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TfxSavedModelError, UnsupportedModelError
from tfx_savedmodel.operations.carrying import (
    carry_explanation,
    carry_the_rest,
    carry_warmup,
    edit_notes,
    not_carried,
    other_graphs,
)
from tfx_savedmodel.operations.gate import refuse_unsafe
from tfx_savedmodel.operations.materials import ExportMaterials
from tfx_savedmodel.saved_model.as_tf1 import write_as_tf1
from tfx_savedmodel.saved_model.carry import carry_files
from tfx_savedmodel.saved_model.fingerprint import FILE as FINGERPRINT_FILE
from tfx_savedmodel.saved_model.fingerprint import renew_fingerprint
from tfx_savedmodel.saved_model.function_aliases import carry_function_aliases, replaced_function_aliases
from tfx_savedmodel.saved_model.init_op import set_init_op
from tfx_savedmodel.saved_model.reader import CONTRACT_FILE, EXPLANATION_FILE, read_saved_model
from tfx_savedmodel.saved_model.rewrite import Chosen, Named, choose_signatures, edit
from tfx_savedmodel.saved_model.temporary import temporary_folder
from tfx_savedmodel.saved_model.view import GraphView, TensorSpec
from tfx_savedmodel.signatures.build import TRANSFORM_ATTRIBUTE, TraceBuilder
from tfx_savedmodel.signatures.growing import Ends
from tfx_savedmodel.signatures.kinds import PREDICT
from tfx_savedmodel.signatures.options import SaveOptions
from tfx_savedmodel.signatures.resolved import KEPT, ResolvedPlan, ResolvedSignature
from tfx_savedmodel.signatures.session_builder import SessionBuilder
from tfx_savedmodel.sources.attach import attached
from tfx_savedmodel.sources.graph_model import GraphSource
from tfx_savedmodel.sources.save_options import save_options
from tfx_savedmodel.versions import __version__


def rewrite(view: GraphView, resolved: ResolvedPlan, staged: Path, *, copy: bool) -> tuple[str, ...]:
    """Write the source with other signatures, its weights hard-linked; return what was left out, in words."""
    carry_files(view.path, staged, leave_out={*not_carried(view, resolved), *other_graphs(view)}, copy=copy)
    chosen = {key: _chosen(item) for key, item in resolved.signatures.items()}

    def prepare(meta_graph: Any) -> None:
        if resolved.plan.init_op is not None:
            set_init_op(meta_graph, resolved.plan.init_op)

    choose_signatures(staged, view.tags, chosen, new_tags=resolved.plan.tags, prepare=prepare)
    return _carried(view, resolved, staged)


def session(materials: ExportMaterials, resolved: ResolvedPlan, staged: Path, *, copy: bool) -> tuple[str, ...]:
    """Write a TF1 source with what its new signatures need in its graph, its weights hard-linked.

    Nothing of the source is loaded; returns what was left out, in words.
    """
    view = materials.view
    assert view is not None
    builder = SessionBuilder(resolved, materials, lambda: Ends(*_graph_source(materials).ends))
    builder.build()
    carry_files(view.path, staged, leave_out={*not_carried(view, resolved), *other_graphs(view)}, copy=copy)
    chosen = {key: _chosen(item) for key, item in resolved.signatures.items() if item.only_renames}

    def prepare(meta_graph: Any) -> None:
        if resolved.plan.init_op is not None:
            set_init_op(meta_graph, resolved.plan.init_op)
        chosen.update(builder.apply(meta_graph, staged))

    choose_signatures(staged, view.tags, chosen, new_tags=resolved.plan.tags, prepare=prepare)
    notes = [note for note in _carried(view, resolved, staged) if not note.startswith(FINGERPRINT_FILE)]
    if FINGERPRINT_FILE in view.files:
        notes += _renew_fingerprint(staged)
    return tuple(notes)


def session_of_trace(materials: ExportMaterials, resolved: ResolvedPlan, staged: Path) -> tuple[str, ...]:
    """Trace and save the signatures, and write the result as TF1 does; return what was left out, in words."""
    with temporary_folder() as folder:
        traced = Path(folder) / "model"
        traced.mkdir()
        notes = [note for note in trace(materials, resolved, traced) if not note.startswith(FINGERPRINT_FILE)]
        traced_view = read_saved_model(traced, tags_of(resolved, materials.view))
        refuse_unsafe(traced_view, materials.source.described)
        write_as_tf1(traced, tags_of(resolved, materials.view), staged)
        carry_the_rest(traced, staged, (EXPLANATION_FILE,))
        if (traced / EXPLANATION_FILE).exists():
            notes.append(f"{EXPLANATION_FILE} is left out: it is of a TF2 model, and names no tensors of a graph")
        if (traced / FINGERPRINT_FILE).exists():
            notes += _renew_fingerprint(staged)
    return tuple(notes)


def _graph_source(materials: ExportMaterials) -> GraphSource:
    source = materials.source
    assert isinstance(source, GraphSource)
    return source


def _carried(view: GraphView, resolved: ResolvedPlan, staged: Path) -> tuple[str, ...]:
    """Carry what lies beside an edited graph; return what was left out."""
    warmup = carry_warmup(view, resolved, staged, same_graph=True)
    return (*edit_notes(view), *warmup, *carry_explanation(view, resolved, staged))


def _chosen(item: ResolvedSignature) -> Chosen | Named:
    """What is kept has all its names; any other may have some of the outputs only."""
    if item.of_graph:
        sides = (
            {name: TensorSpec(tensor.source, tensor.dtype, tensor.shape) for name, tensor in side.items()}
            for side in (item.inputs, item.outputs)
        )
        return Named(item.method_name, *sides)
    if item.kind == KEPT:
        return Chosen(item.of or item.key, item.method_name)
    inputs = {name: tensor.source for name, tensor in item.inputs.items()}
    outputs = {name: tensor.source for name, tensor in item.outputs.items()}
    return Chosen(item.of or item.key, item.method_name, inputs, outputs)


def trace(materials: ExportMaterials, resolved: ResolvedPlan, staged: Path) -> tuple[str, ...]:
    """Trace and save the signatures over the loaded source; return what was left out, in words.

    What TF2's save loses of the source is put back.
    """
    builder = TraceBuilder(resolved, materials)
    functions = builder.build()
    source, view = materials.source, materials.view
    debug = view is not None and any(name.startswith("debug/") for name in view.files)
    options = _options(resolved.plan.save_options, builder.aliases(), debug_info=debug)
    tracked = {} if builder.tracked is None else {TRANSFORM_ATTRIBUTE: builder.tracked}
    with attached(source.root, tracked), _explaining(source.described):
        source.save(staged, functions, options)
    has_fingerprint = (staged / FINGERPRINT_FILE).exists()
    _correct(resolved, tags_of(resolved, view), staged)
    notes = [*source.notes]
    if view is not None:
        notes += _carry_aliases(view, resolved, staged)
        carry_the_rest(view.path, staged, not_carried(view, resolved))
        notes += carry_warmup(view, resolved, staged, same_graph=False)
        notes += carry_explanation(view, resolved, staged)
    if has_fingerprint and not (staged / FINGERPRINT_FILE).exists():  # an edit removed it
        notes += _renew_fingerprint(staged)
    return tuple(notes)


def _renew_fingerprint(staged: Path) -> Iterator[str]:
    reason = renew_fingerprint(staged)
    if reason is not None:
        yield f"{FINGERPRINT_FILE} is left out: TensorFlow does not make it anew: {reason}"


def _carry_aliases(view: GraphView, resolved: ResolvedPlan, staged: Path) -> Iterator[str]:
    """Carry the source's function aliases; yield what the export does not have of them, in words."""
    for alias in carry_function_aliases(view.path, staged, view.tags):
        yield f"the function alias {alias!r} is left out: its function is not in the export, or has another"
    for alias in replaced_function_aliases(view.path, staged, view.tags, resolved.plan.function_aliases):
        yield f"the function alias {alias!r} is the plan's: the source has it for another function, which loses it"


def write_contract(resolved: ResolvedPlan, builder: str, staged: Path) -> None:
    """Leave in the model what was planned, for SM106 and for readers."""
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


def verified(resolved: ResolvedPlan, view: GraphView | None, staged: Path) -> GraphView:
    """Read the export again: it must be what was planned, for TensorFlow renames what it cannot express."""
    exported = read_saved_model(staged, tags_of(resolved, view))
    meta_graph = exported.meta_graph()
    written = meta_graph.signatures if meta_graph else {}
    for key, planned in resolved.signatures.items():
        signature = written.get(key)
        found = (sorted(signature.inputs), sorted(signature.outputs)) if signature else None
        wanted = (sorted(planned.inputs), sorted(planned.outputs))
        if found != wanted:
            raise TfxSavedModelError(
                "TensorFlow wrote another signature than planned",
                where=f"signature {key!r}",
                found=str(found),
                wanted=str(wanted),
                next_step="use names of letters, digits and underscores",
            )
    return exported


def tags_of(resolved: ResolvedPlan, view: GraphView | None) -> tuple[str, ...]:
    """Return the tags of the MetaGraph that is exported."""
    return resolved.plan.tags or (view.tags if view else ("serve",))


def _options(plan: SaveOptions, aliases: dict[str, Any], *, debug_info: bool) -> Any:
    return save_options(function_aliases=aliases or None, save_debug_info=debug_info, **plan.model_dump())


@contextlib.contextmanager
def _explaining(described: str) -> Iterator[None]:
    """TensorFlow says of a resource that nothing holds that it is untracked, at length and as an AssertionError."""
    try:
        yield
    except AssertionError as error:
        if "untracked" not in str(error):
            raise
        raise UnsupportedModelError(
            "a signature uses a variable or table that the model does not hold",
            where=described,
            found=str(error)[:600],
            wanted="every variable, table and layer as an attribute of the model that is saved",
            next_step="assign it to an attribute of the model: model.lookup = table",
        ) from error


def _correct(resolved: ResolvedPlan, tags: tuple[str, ...], staged: Path) -> None:
    """TF2's save knows one method name, predict, and one tag, serve, and more aliases than functions."""
    methods = {key: item.method_name for key, item in resolved.signatures.items() if item.method_name != PREDICT}
    if not methods and tags == ("serve",) and not resolved.plan.function_aliases:
        return

    def change(proto: Any) -> None:
        for meta_graph in proto.meta_graphs:
            del meta_graph.meta_info_def.tags[:]
            meta_graph.meta_info_def.tags.extend(tags)
            _drop_aliases_of_nothing(meta_graph)
            for key, method in methods.items():
                meta_graph.signature_def[key].method_name = method

    edit(staged, change)


def _drop_aliases_of_nothing(meta_graph: Any) -> None:
    """TF2's save also names traces of a function that it made for the names alone, and did not save."""
    saved = {function.signature.name for function in meta_graph.graph_def.library.function}
    aliases = meta_graph.meta_info_def.function_aliases
    for name in [name for name in aliases if name not in saved]:
        del aliases[name]
