"""An export for an old consumer: the staged model is edited to fit, and must answer as it did before."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import TargetError, TfxSavedModelError, UnreadableModelError, UnsupportedModelError
from tfx_savedmodel.operations.gate import refuse_broken, refuse_unsafe
from tfx_savedmodel.operations.inputs import Given
from tfx_savedmodel.operations.materials import ExportMaterials
from tfx_savedmodel.saved_model.answers import Answer, alike, ask, same, tf2_fault
from tfx_savedmodel.saved_model.consumers.fit import Fit, fit_to_consumer, fits
from tfx_savedmodel.saved_model.consumers.judgement import check_consumer
from tfx_savedmodel.saved_model.fingerprint import FILE as FINGERPRINT_FILE
from tfx_savedmodel.saved_model.fingerprint import renew_fingerprint
from tfx_savedmodel.saved_model.parsing import parsing_spec
from tfx_savedmodel.saved_model.reachability import Reach, signature_label
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.tensors import split_tensor
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView
from tfx_savedmodel.signatures.feeding import Feeder, feed_of
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.plan import CheckedPlan
from tfx_savedmodel.signatures.resolved import ResolvedPlan
from tfx_savedmodel.sources.examples import first_examples
from tfx_savedmodel.validation.check import Skip
from tfx_savedmodel.validation.loading.requests import batches_of_one, made_up_requests

if TYPE_CHECKING:
    from tfx_savedmodel.saved_model.answers import Arrays

__all__ = ["check_consumer", "fit_export", "fit_staged", "serialized_requests", "targeting"]

#: Examples that each signature is asked with, one a request.
_EXAMPLES = 8

Requests = Mapping[str, Sequence["Arrays"]]


def targeting(checked: CheckedPlan, target: str | None) -> CheckedPlan:
    """Return the plan for a consumer that is named beside it, in place of its own.

    Raises:
      UsageError: the consumer is not known.
    """
    if target is None:
        return checked
    plan = checked.plan.model_copy(update={"target": check_consumer(target, "target")})
    problems = tuple(problem for problem in checked.problems if problem.where != "target")
    return dataclasses.replace(checked, plan=plan, problems=problems)


def fit_export(materials: ExportMaterials, resolved: ResolvedPlan, given: Given, staged: Path) -> tuple[str, ...]:
    """Make an export fit its plan's target; return what was done, in words. Errors are `fit_staged`'s."""
    target = resolved.plan.target
    if target is None:
        return ()
    tags = resolved.plan.tags or (materials.view.tags if materials.view else ("serve",))

    def examples() -> Requests:
        return _from_examples(materials, resolved, given.beside.examples) if given.beside.examples else {}

    return fit_staged(staged, tags, target, examples)


def fit_staged(staged: Path, tags: Sequence[str], target: str, more: Callable[[], Requests] = dict) -> tuple[str, ...]:
    """Make a model that is not published yet fit a consumer; return what was done, in words.

    It is run before and after the edit, unless it fits as it is: every signature must answer made-up requests, and
    those of `more`, with the same bits. One that does not answer itself twice alike must keep its dtypes and ranks.

    Raises:
      TargetError: the model cannot be made to fit, answers otherwise then, or cannot be run although ops were
        replaced.
      UnreadableModelError: it is not loaded here, and no TensorFlow imports its graph.
      UsageError: the consumer is not known.
    """
    view = read_saved_model(staged, tags)
    others = _others(view, target)
    fit = fit_to_consumer(staged, tags, target, also=[*_texts(view.explanation)])
    if fit is None:
        return others
    has_fingerprint = (staged / FINGERPRINT_FILE).exists()
    notes = [*others, *fit.notes(), *_compared(view, fit, more)]
    if has_fingerprint:
        reason = renew_fingerprint(staged)
        if reason is not None:
            notes.append(f"{FINGERPRINT_FILE} is left out: TensorFlow does not make it anew: {reason}")
    return tuple(notes)


def _others(view: GraphView, target: str) -> tuple[str, ...]:
    """Return a note for each further MetaGraph that does not fit: it stays as it is."""
    meant = view.meta_graph()
    unfit = [item.tags for item in view.meta_graphs if item is not meant and not fits(item, target)]
    named = (", ".join(sorted(tags)) or "none" for tags in unfit)
    return tuple(f"for {target}: the MetaGraph with the tags {name} does not fit and stays as it is" for name in named)


def _texts(document: Any) -> Iterator[str]:
    """Yield the texts of a JSON document: explanation metadata of TF1 models name graph tensors."""
    if isinstance(document, str):
        yield split_tensor(document)[0]
    elif isinstance(document, (list, Mapping)):
        for item in document.values() if isinstance(document, Mapping) else document:
            yield from _texts(item)


def _compared(view: GraphView, fit: Fit, more: Callable[[], Requests]) -> tuple[str, ...]:
    """Write the edit, and run the model before and after it; return notes."""
    try:
        refuse_broken(view)
        refuse_unsafe(view)
    except TfxSavedModelError as error:
        return _uncompared(fit, f"it is not run: {error.found}")
    meta_graph = view.meta_graph()
    assert meta_graph is not None
    requests, unasked = _requests(meta_graph, more())
    before = ask(view.path, meta_graph.tags, requests, times=2)
    if isinstance(before, str):
        _refuse_unimportable(fit, view)
        return _uncompared(fit, f"it cannot be loaded here: {before}")
    silent = [key for key, answers in before[0].items() if not any(answer.outputs is not None for answer in answers)]
    reasons = {**unasked, **{key: _error_of(before[0][key]) for key in silent if key not in unasked}}
    _refuse_untold(fit, meta_graph, reasons)
    first, second = before
    if any(not all(map(same, answers, second[key])) for key, answers in first.items()):
        # What remembers what it was asked gives the same answers to the same questions from the start.
        again = ask(view.path, meta_graph.tags, requests)
        second = second if isinstance(again, str) else again[0]
    original = fit.write()
    after = ask(view.path, meta_graph.tags, requests)
    if isinstance(after, str):
        raise _differs(fit, "the edited model cannot be loaded", after)
    notes = [f"signature {key!r} is not compared: {reason}" for key, reason in sorted(reasons.items())]
    for key, answers in after[0].items():
        notes += _compare(fit, key, first[key], second[key], answers)
    _refuse_unloadable(fit, meta_graph, original)
    return tuple(notes)


def _refuse_unimportable(fit: Fit, view: GraphView) -> None:
    """What this TensorFlow does not load an older one may (ops that are gone), but not a graph that is broken."""
    fault = fit.unimportable()
    if fault:
        raise UnreadableModelError(
            "the graph cannot be imported by any TensorFlow",
            where=str(view.path),
            found=fault,
            wanted="nodes with names of their own, whose inputs are there",
            next_step="export the model again from where it was trained",
        )


def _refuse_untold(fit: Fit, meta_graph: MetaGraphView, reasons: Mapping[str, str]) -> None:
    """What was said in other ops must have been run by some signature that is compared, or by a loader."""
    roots = Reach(meta_graph).roots
    compared = {signature_label(key) for key in meta_graph.signatures if key not in reasons}
    for place in fit.fitted.places:
        labels = roots.get(place, frozenset())
        for key, reason in sorted(reasons.items()):
            if signature_label(key) in labels and not labels & compared:
                raise _cannot_compare(fit, f"signature {key!r} runs node {place[1]!r}, but cannot be run: {reason}")


def _refuse_unloadable(fit: Fit, meta_graph: MetaGraphView, original: bytes) -> None:
    """TF2's loader must take what it took before; it takes seconds, so that the original is asked in doubt only."""
    fault = tf2_fault(fit.directory, meta_graph.tags)
    if fault is None:
        return
    fit.undo(original)
    if tf2_fault(fit.directory, meta_graph.tags) is None:
        raise _differs(fit, "TF2's loader refuses the edited model", fault)
    fit.write()


def _compare(fit: Fit, key: str, first: list[Answer], second: list[Answer], after: list[Answer]) -> tuple[str, ...]:
    repeats = all(map(same, first, second))
    equal = same if repeats else alike
    for before, now in zip(first, after, strict=True):
        if not equal(before, now):
            raise _differs(fit, f"the edited model answers otherwise: signature {key!r}", _told(before, now))
    if repeats:
        return ()
    return (f"signature {key!r} answers the same request twice differently: only its outputs' dtypes are compared",)


def _told(before: Answer, now: Answer) -> str:
    if before.outputs is None or now.outputs is None:
        return f"{before.words or 'an answer'}, then {now.words or 'an answer'}"
    names = [
        name
        for name, value in before.outputs.items()
        if name not in now.outputs or not same(Answer({"": value}), Answer({"": now.outputs[name]}))
    ]
    shown = (
        (str(answer.outputs.get(name)) if answer.outputs else "")[:200]
        for answer in (before, now)
        for name in names[:1]
    )
    return f"output {', '.join(names)}: {', then '.join(shown)}"


def _error_of(answers: Sequence[Answer]) -> str:
    return next((answer.words for answer in answers), "no request can be made up")


def _uncompared(fit: Fit, reason: str) -> tuple[str, ...]:
    """Where nothing that runs was changed, a model that cannot be run needs no comparison."""
    if fit.fitted.places:
        raise _cannot_compare(fit, reason)
    fit.write()
    return (f"the edited model is not compared with the original: {reason}",)


def _cannot_compare(fit: Fit, reason: str) -> TargetError:
    replaced = ", ".join(sorted(fit.fitted.replaced))
    return TargetError(
        f"whether the model answers as before cannot be told, although {replaced} had to be said otherwise",
        where=f"the target {fit.fitted.consumer}",
        found=reason,
        wanted="a model that can be run here, before and after the edit",
        next_step="give examples that its signatures take, or a newer target, which needs no other ops",
    )


def _differs(fit: Fit, message: str, found: str) -> TargetError:
    return TargetError(
        message,
        where=f"the target {fit.fitted.consumer}",
        found=found,
        wanted=f"the same answer, bit by bit, after the edits for {fit.fitted.consumer}",
        next_step="choose a newer target, which needs fewer edits; and please report the model",
    )


def _requests(meta_graph: MetaGraphView, more: Requests) -> tuple[dict[str, list[Arrays]], dict[str, str]]:
    """Return requests by signature, made up and given, and why there are none for a signature."""
    requests: dict[str, list[Arrays]] = {}
    unasked: dict[str, str] = {}
    for key, signature in sorted(meta_graph.signatures.items()):
        made = list(more.get(key, ()))
        try:
            made += made_up_requests(meta_graph, signature)
        except Skip as skip:
            if not made:
                unasked[key] = str(skip)
        if made:
            requests[key] = made
    return requests, unasked


def serialized_requests(view: GraphView, files: Sequence[str]) -> Requests:
    """Return requests of examples for the signatures that parse them, one example each."""
    meta_graph = view.meta_graph()
    if meta_graph is None or not files:
        return {}
    examples = batches_of_one(first_examples(files, _EXAMPLES))
    made: dict[str, list[Arrays]] = {}
    for key, signature in meta_graph.signatures.items():
        for name in signature.inputs if len(signature.inputs) == 1 else ():
            if parsing_spec(meta_graph, signature, name) is not None:
                made[key] = [{name: one} for one in examples]
    return made


def _from_examples(materials: ExportMaterials, resolved: ResolvedPlan, files: Sequence[str]) -> Requests:
    """Return requests of the examples given to the export, as far as that costs no loading of the source."""

    def ingredients() -> Ingredients:
        if materials.is_loaded:
            return materials.ingredients()
        raise UnsupportedModelError("the source is not loaded for this")

    feeder = Feeder(ingredients, first_examples(files, _EXAMPLES))
    made: dict[str, list[Any]] = {}
    for key in resolved.signatures:
        feed = feed_of(resolved, key, ingredients, materials.takes_examples)
        if isinstance(feed, str):
            continue
        try:
            made[key] = [row for row in feeder.tensors(feed) if row is not None]
        except TfxSavedModelError:  # made-up requests do without the examples
            continue
    return made
