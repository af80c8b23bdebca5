"""What an export takes over of its source beside graph and weights, and what it says of the rest."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model.fingerprint import FILE as FINGERPRINT_FILE
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
from tfx_savedmodel.saved_model.reader import CONTRACT_FILE, EXPLANATION_FILE
from tfx_savedmodel.saved_model.tensors import compatible
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.saved_model.warmup_requests import FILE as WARMUP_FILE
from tfx_savedmodel.saved_model.warmup_requests import Served, filter_requests
from tfx_savedmodel.signatures.explanation import XAI_MODEL
from tfx_savedmodel.signatures.resolved import ResolvedPlan, ResolvedSignature

#: What TF2's save writes itself, or what cannot hold for a changed graph.
_MADE_ANEW = frozenset({*GRAPH_FILES, FINGERPRINT_FILE, "keras_metadata.pb", "variables", "assets", "debug"})


def not_carried(view: GraphView, resolved: ResolvedPlan) -> set[str]:
    """Return files of the source that say what another plan was, or that this one has made anew."""
    anew = {EXPLANATION_FILE: resolved.plan.explanation, WARMUP_FILE: resolved.plan.warmup}
    return {CONTRACT_FILE, *(name for name, asked in anew.items() if asked is not None and name in view.files)}


def other_graphs(view: GraphView) -> tuple[str, ...]:
    """Return the source's graph files that loaders do not look at, since another comes before them."""
    return tuple(name for name in GRAPH_FILES if name in view.files and name != f"saved_model.{view.format}")


def edit_notes(view: GraphView) -> tuple[str, ...]:
    """Say what an edit of the graph file leaves out of the source."""
    edited = f"saved_model.{view.format}"
    notes = [f"{name} is left out: {edited} comes before it, and was edited" for name in other_graphs(view)]
    if FINGERPRINT_FILE in view.files:
        notes.append(
            f"{FINGERPRINT_FILE} is left out: it is of the graph before the edit, and TensorFlow, "
            "which alone makes it, is not loaded for an edit"
        )
    return tuple(notes)


def carry_the_rest(source: Path, staged: Path, leave_out: Collection[str]) -> None:
    """Copy what TF2's save leaves out of the source: assets.extra, and whatever else lies there.

    Args:
      leave_out: paths relative to `source`, with "/".
    """

    def ignored(directory: str, names: list[str]) -> set[str]:
        below = Path(directory).relative_to(source)
        return {name for name in names if (below / name).as_posix() in leave_out}

    for child in sorted(source.iterdir()):
        if child.name in _MADE_ANEW or child.name in leave_out:
            continue
        if child.is_dir():
            shutil.copytree(child, staged / child.name, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy2(child, staged / child.name)


def carry_warmup(view: GraphView, resolved: ResolvedPlan, staged: Path, *, same_graph: bool) -> tuple[str, ...]:
    """Carry the source's warm-up requests, but for those that TensorFlow Serving could not run on the export.

    Args:
      same_graph: whether the graph is the source's own.
    """
    if WARMUP_FILE not in view.files or resolved.plan.warmup is not None:
        return ()
    (staged / WARMUP_FILE).unlink(missing_ok=True)
    served = _served(view, resolved, same_graph=same_graph)
    dropped = filter_requests(view.path / WARMUP_FILE, staged / WARMUP_FILE, served)
    if dropped is None:
        shutil.copy2(view.path / WARMUP_FILE, staged / WARMUP_FILE)
        return (f"{WARMUP_FILE} is carried unread: it is no file of requests that TensorFlow Serving would read",)
    return tuple(f"{count} warm-up requests are left out: {reason}" for reason, count in sorted(dropped.items()))


def _served(view: GraphView, resolved: ResolvedPlan, *, same_graph: bool) -> dict[str, Served]:
    """Return the signatures that take what the source's of the same key take."""
    meta_graph = view.meta_graph()
    signatures = meta_graph.signatures if meta_graph else {}
    served = {}
    for key, item in resolved.signatures.items():
        if key not in signatures or not item.of_source or item.of != key:
            continue
        old = signatures[key].inputs
        if all(
            name == tensor.source
            and name in old
            and tensor.dtype == old[name].dtype
            and compatible(tensor.shape, old[name].shape)
            for name, tensor in item.inputs.items()
        ):
            # TF2's save gives every signature placeholders of its own.
            tensors = {name: old[name].tensor if same_graph else f"{key}:{name}" for name in item.inputs}
            outputs = {name: tensor.dtype for name, tensor in item.outputs.items()}
            served[key] = Served(item.method_name, tensors, outputs, has_defaults=same_graph)
    return served


def carry_explanation(view: GraphView, resolved: ResolvedPlan, staged: Path) -> tuple[str, ...]:
    """Leave out the source's explanation metadata where it is true of no exported signature.

    Where it is true of one that an explainer does not take, it stays and the note says so. In TF1 it names
    tensors of the graph, which an edit does not change.
    """
    if view.explanation is None or resolved.plan.explanation is not None:
        return ()
    meta_graph = view.meta_graph()
    signatures = resolved.signatures
    names_tensors = meta_graph is not None and not meta_graph.is_tf2
    fitting = {key for key, item in signatures.items() if names_tensors or _fits(view.explanation, item)}
    if not fitting and not names_tensors:
        (staged / EXPLANATION_FILE).unlink(missing_ok=True)
        return (f"{EXPLANATION_FILE} is left out: no exported signature has the inputs and outputs that it names",)
    carried = f"{EXPLANATION_FILE} is carried, but explainers will not use it as it is"
    if XAI_MODEL in signatures and XAI_MODEL not in fitting:
        return (f"{carried}: {XAI_MODEL!r}, which they take, does not have the inputs and outputs that it names",)
    if XAI_MODEL not in signatures and len(signatures) > 1:
        return (f"{carried}: of several signatures they take {XAI_MODEL!r}, which the export does not have",)
    return ()


def _fits(metadata: Mapping[str, Any], item: ResolvedSignature) -> bool:
    return _names(metadata, "input") <= set(item.inputs) and _names(metadata, "output") <= set(item.outputs)


def _names(metadata: Mapping[str, Any], which: str) -> set[str]:
    parts = metadata.get(f"{which}s")
    parts = parts.values() if isinstance(parts, Mapping) else ()
    names = [part.get(f"{which}_tensor_name") for part in parts if isinstance(part, Mapping)]
    return {name for name in names if isinstance(name, str)}
