"""The steps of an export into a directory that is not published yet."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import TfxSavedModelError, UnsupportedModelError
from tfx_savedmodel.operations.materials import ExportMaterials
from tfx_savedmodel.saved_model.carry import carry_files
from tfx_savedmodel.saved_model.function_aliases import carry_function_aliases
from tfx_savedmodel.saved_model.reader import CONTRACT_FILE, EXPLANATION_FILE, read_saved_model
from tfx_savedmodel.saved_model.rewrite import Chosen, choose_signatures, edit
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.saved_model.warmup_requests import FILE as WARMUP_FILE
from tfx_savedmodel.saved_model.warmup_requests import filter_requests
from tfx_savedmodel.signatures.build import TRANSFORM_ATTRIBUTE, TraceBuilder
from tfx_savedmodel.signatures.kinds import PREDICT
from tfx_savedmodel.signatures.options import SaveOptions
from tfx_savedmodel.signatures.resolved import ResolvedPlan, ResolvedSignature
from tfx_savedmodel.sources.attach import attached
from tfx_savedmodel.sources.save_options import save_options
from tfx_savedmodel.versions import __version__

#: What TF2's save writes itself, or what cannot hold for a changed graph.
_MADE_ANEW = (
    "saved_model.pb",
    "saved_model.pbtxt",
    "fingerprint.pb",
    "keras_metadata.pb",
    "variables",
    "assets",
    "debug",
    EXPLANATION_FILE,
)


def rewrite(view: GraphView, resolved: ResolvedPlan, staged: Path, *, copy: bool) -> tuple[str, ...]:
    """Write the source with other signatures, its weights hard-linked; return what was left out, in words."""
    carry_files(view.path, staged, leave_out={CONTRACT_FILE, *_stale(view, resolved)}, copy=copy)
    chosen = {key: _chosen(item) for key, item in resolved.signatures.items()}
    choose_signatures(staged, view.tags, chosen, new_tags=resolved.plan.tags)
    return (*_carry_warmup(view, resolved, staged), *_carry_explanation(view, resolved, staged))


def _chosen(item: ResolvedSignature) -> Chosen:
    """Names are given only where one differs: a signature under its own names is shared, not copied."""
    inputs = {name: tensor.source for name, tensor in item.inputs.items()}
    outputs = {name: tensor.source for name, tensor in item.outputs.items()}
    whole = item.kind in ("kept", "alias") and all(new == old for new, old in [*inputs.items(), *outputs.items()])
    return Chosen(item.of or item.key, item.method_name, None if whole else inputs, None if whole else outputs)


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
    _correct(resolved, _tags(resolved, view), staged)
    if view is None:
        return source.notes
    lost = carry_function_aliases(view.path, staged, view.tags)
    _carry_the_rest(view.path, staged, _stale(view, resolved))
    notes = [*source.notes, *_carry_warmup(view, resolved, staged), *_carry_explanation(view, resolved, staged)]
    notes += [f"the function alias {alias!r} is left out: its function is not in the export" for alias in lost]
    return tuple(notes)


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
    exported = read_saved_model(staged, _tags(resolved, view))
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


def _tags(resolved: ResolvedPlan, view: GraphView | None) -> tuple[str, ...]:
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


def _stale(view: GraphView, resolved: ResolvedPlan) -> set[str]:
    """Files of the source that the plan has made anew."""
    plan = resolved.plan
    anew = {EXPLANATION_FILE: plan.explanation, WARMUP_FILE: plan.warmup}
    return {name for name, asked in anew.items() if asked is not None and name in view.files}


def _carry_warmup(view: GraphView, resolved: ResolvedPlan, staged: Path) -> tuple[str, ...]:
    """Carry the source's warm-up requests, but for signatures that the export does not have under these names."""
    if WARMUP_FILE not in view.files or resolved.plan.warmup is not None:
        return ()
    same = {
        key
        for key, item in resolved.signatures.items()
        if item.of_source and item.of == key and all(name == tensor.source for name, tensor in item.inputs.items())
    }
    (staged / WARMUP_FILE).unlink(missing_ok=True)
    dropped = filter_requests(view.path / WARMUP_FILE, staged / WARMUP_FILE, same)
    if dropped is None:
        shutil.copy2(view.path / WARMUP_FILE, staged / WARMUP_FILE)
        return (f"{WARMUP_FILE} is carried unread: it is no file of requests that TensorFlow Serving would read",)
    if not dropped:
        return ()
    return (f"{dropped} warm-up requests are left out: the export does not have their signatures",)


def _carry_explanation(view: GraphView, resolved: ResolvedPlan, staged: Path) -> tuple[str, ...]:
    """Leave out the source's explanation metadata where no exported signature has the names that it gives."""
    if view.explanation is None or resolved.plan.explanation is not None:
        return ()
    inputs, outputs = (_tensor_names(view.explanation, which) for which in ("input", "output"))
    for item in resolved.signatures.values():
        if inputs <= set(item.inputs) and outputs <= set(item.outputs):
            return ()
    (staged / EXPLANATION_FILE).unlink(missing_ok=True)
    return (f"{EXPLANATION_FILE} is left out: no exported signature has the inputs and outputs that it names",)


def _tensor_names(metadata: Mapping[str, Any], which: str) -> set[str]:
    parts = metadata.get(f"{which}s")
    parts = parts.values() if isinstance(parts, Mapping) else ()
    names = [part.get(f"{which}_tensor_name") for part in parts if isinstance(part, Mapping)]
    return {name for name in names if isinstance(name, str)}


def _carry_the_rest(source: Path, staged: Path, stale: set[str]) -> None:
    """TF2's save writes graph, variables and assets, and leaves out assets.extra and whatever else lies there."""
    for child in sorted(source.iterdir()):
        if child.name in _MADE_ANEW and child.name != EXPLANATION_FILE:
            continue
        names = [name for name in (CONTRACT_FILE, *stale) if name.startswith(f"{child.name}/")]
        if child.is_dir():
            ignored = shutil.ignore_patterns(*(Path(name).name for name in names))
            shutil.copytree(child, staged / child.name, ignore=ignored, dirs_exist_ok=True)
        elif child.name not in stale:
            shutil.copy2(child, staged / child.name)
