"""Resolving the signatures that stand on another: alias, classify, regress."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from tfx_savedmodel.errors import SchemaError, TransformGraphError, UnsupportedStackError, UsageError
from tfx_savedmodel.saved_model.view import SignatureView, TensorSpec
from tfx_savedmodel.signatures.kinds import CLASSIFY, REGRESS, Alias, Classes, Classify, Regress
from tfx_savedmodel.signatures.made_functions import problem_of
from tfx_savedmodel.signatures.resolved import DERIVED, KEPT, ResolvedSignature, ResolvedTensor
from tfx_savedmodel.signatures.resolving import Resolving, Tensors

Derived = Alias | Classify | Regress

_FLOATS = ("float16", "bfloat16", "float32", "float64")


def kept(key: str, view: SignatureView) -> ResolvedSignature:
    """Return one of the source's signatures as it is."""

    def tensors(specs: Mapping[str, TensorSpec]) -> Tensors:
        return {name: ResolvedTensor(name, spec.dtype, spec.shape) for name, spec in specs.items()}

    return ResolvedSignature(
        key, KEPT, tensors(view.inputs), tensors(view.outputs), view.method_name, of=key, of_source=True
    )


def resolve_derived(resolving: Resolving, key: str, above: tuple[str, ...] = ()) -> ResolvedSignature | None:
    """Return an alias, classify or regress, having resolved what it stands on."""
    if key in resolving.done:
        return resolving.done[key]
    part = resolving.plan.signatures[key]
    assert isinstance(part, Derived)
    if key in above:
        found = " -> ".join([*above, key])
        resolving.problem(f"signatures.{key}.of", "the signatures stand on each other in a circle", found=found)
        return None
    base = _base(resolving, key, part, (*above, key))
    if base is None:
        return None
    if isinstance(part, Alias):
        made: ResolvedSignature | None = _alias(resolving, key, part, base)
    elif isinstance(part, Classify):
        made = _classify(resolving, key, part, base)
    else:
        made = _regress(resolving, key, part, base)
    if made is not None:
        resolving.done[key] = made
    return made


def _base(resolving: Resolving, key: str, part: Derived, above: tuple[str, ...]) -> ResolvedSignature | None:
    """Return the signature that `of` names: of the plan, else a kept one, else one of the source."""
    plan, source = resolving.plan.signatures, resolving.source
    if part.of != key or part.of not in source:
        if part.of in resolving.done:
            return resolving.done[part.of]
        if part.of in plan:
            return resolve_derived(resolving, part.of, above) if isinstance(plan[part.of], Derived) else None
    if part.of in source:
        return kept(part.of, source[part.of])
    if part.of not in resolving.broken:
        wanted = ", ".join(sorted({*plan, *source} - {key}))
        resolving.problem(f"signatures.{key}.of", "no such signature", found=part.of, wanted=wanted)
    return None


def _alias(resolving: Resolving, key: str, part: Alias, base: ResolvedSignature) -> ResolvedSignature:
    where, of = f"signatures.{key}", f"signature {part.of!r} has no such"
    inputs = resolving.inputs(f"{where}.inputs", part.inputs, _named(base.inputs), f"{of} input")
    outputs = resolving.outputs(f"{where}.outputs", part.outputs, _named(base.outputs), f"{of} output")
    return _stand_on(base, key, part.kind, inputs, outputs, part.method_name or base.method_name)


def _classify(resolving: Resolving, key: str, part: Classify, base: ResolvedSignature) -> ResolvedSignature | None:
    where = f"signatures.{key}"
    inputs = _examples(resolving, where, part.of, base)
    outputs: Tensors = {}
    if part.scores is not None:
        scores = _floats(resolving, f"{where}.scores", part.of, part.scores, base)
        if scores is not None:
            outputs["scores"] = scores
    labels: tuple[str, ...] = ()
    if isinstance(part.classes, Classes):
        labels = _labels(resolving, f"{where}.classes", part.classes, outputs.get("scores"))
        if "scores" in outputs:
            # TensorFlow Serving refuses every answer whose classes and scores are not of one shape.
            outputs["scores"] = dataclasses.replace(outputs["scores"], shape=(None, len(labels)))
        outputs["classes"] = ResolvedTensor("", "string", (None, len(labels)))
    elif part.classes is not None:
        classes = _strings(resolving, f"{where}.classes", part.of, part.classes, base)
        if classes is not None:
            outputs["classes"] = classes
    if inputs is None or not outputs:
        return None
    return _stand_on(base, key, part.kind, inputs, outputs, CLASSIFY, labels)


def _regress(resolving: Resolving, key: str, part: Regress, base: ResolvedSignature) -> ResolvedSignature | None:
    where = f"signatures.{key}"
    inputs = _examples(resolving, where, part.of, base)
    value = _output(resolving, f"{where}.value", part.of, part.value, base)
    if value is not None and (value.dtype not in _FLOATS or not _one_each(value)):
        wanted = "floats [batch] or [batch, 1], as TensorFlow Serving's Regress returns"
        resolving.problem(
            f"{where}.value", "the output is no regression", found=_form(part.value, value), wanted=wanted
        )
        value = None
    if inputs is None or value is None:
        return None
    return _stand_on(base, key, part.kind, inputs, {"outputs": value}, REGRESS)


def _stand_on(
    base: ResolvedSignature,
    key: str,
    kind: str,
    inputs: Tensors,
    outputs: Tensors,
    method: str,
    labels: tuple[str, ...] = (),
) -> ResolvedSignature:
    """Return a signature on `base`, or on what `base` itself only names again."""
    cast = kind != "alias" and any(item.dtype in _FLOATS and item.dtype != "float32" for item in outputs.values())
    if cast:
        outputs = {
            name: dataclasses.replace(item, dtype="float32") if item.dtype in _FLOATS else item
            for name, item in outputs.items()
        }
    through = (base.kind in (*DERIVED, KEPT) or base.of_graph) and not base.computes
    if through:
        inputs = {name: _through(item, base.inputs) for name, item in inputs.items()}
        outputs = {name: _through(item, base.outputs) for name, item in outputs.items()}
    return ResolvedSignature(
        key,
        kind,
        inputs,
        outputs,
        method,
        of=base.of if through else base.key,
        of_source=base.of_source and through,
        of_graph=base.of_graph and through,
        receiver=base.receiver,
        labels=labels,
        computes=bool(labels) or cast,
    )


def _through(item: ResolvedTensor, names: Mapping[str, ResolvedTensor]) -> ResolvedTensor:
    return dataclasses.replace(item, source=names[item.source].source) if item.source else item


def _named(known: Mapping[str, ResolvedTensor]) -> Tensors:
    """Return tensors under the names that they have in the signature which is stood on."""
    return {name: dataclasses.replace(item, source=name) for name, item in known.items()}


def _examples(resolving: Resolving, where: str, of: str, base: ResolvedSignature) -> Tensors | None:
    """Return the one input of serialized examples, under the name that TensorFlow Serving asks for."""
    name, item = next(iter(base.inputs.items())) if len(base.inputs) == 1 else ("", None)
    fits = item is not None and item.dtype == "string" and (item.shape is None or len(item.shape) == 1)
    if fits and base.of_source:
        fits = resolving.materials.takes_examples(base.of or "")
    elif fits and not base.of_graph and base.kind not in ("function", "module"):
        fits = base.receiver == "examples"
    if item is None or not fits:
        resolving.problem(
            f"{where}.of",
            "the signature does not take serialized examples",
            found=f"{of}({', '.join(_form(name, item) for name, item in sorted(base.inputs.items()))})",
            wanted="one input of serialized tf.Examples, string [batch]: TensorFlow Serving sends nothing else",
            next_step="plan a signature of kind serve_examples and name that",
        )
        return None
    return {"inputs": dataclasses.replace(item, source=name)}


def _output(resolving: Resolving, where: str, of: str, name: str, base: ResolvedSignature) -> ResolvedTensor | None:
    if name in base.outputs:
        return dataclasses.replace(base.outputs[name], source=name)
    message = f"signature {of!r} has no such output"
    resolving.problem(where, message, found=name, wanted=", ".join(sorted(base.outputs)))
    return None


def _floats(resolving: Resolving, where: str, of: str, name: str, base: ResolvedSignature) -> ResolvedTensor | None:
    item = _output(resolving, where, of, name, base)
    if item is None or (item.dtype in _FLOATS and (item.shape is None or len(item.shape) == 2)):
        return item
    wanted = "floats [batch, classes]"
    resolving.problem(where, "the output cannot be scores", found=_form(name, item), wanted=wanted)
    return None


def _strings(resolving: Resolving, where: str, of: str, name: str, base: ResolvedSignature) -> ResolvedTensor | None:
    item = _output(resolving, where, of, name, base)
    if item is None or (item.dtype == "string" and (item.shape is None or len(item.shape) == 2)):
        return item
    next_step = 'name the classes: {"vocabulary": …}, {"file": …} or {"labels": […]}'
    wanted = "strings [batch, classes]"
    resolving.problem(where, "the output cannot be classes", _form(name, item), wanted, next_step)
    return None


def _labels(resolving: Resolving, where: str, classes: Classes, scores: ResolvedTensor | None) -> tuple[str, ...]:
    try:
        labels = _read_labels(resolving, classes)
    except (UsageError, TransformGraphError, SchemaError, UnsupportedStackError) as error:
        resolving.problems.append(problem_of(error, where))
        return ()
    if scores is None or scores.shape is None or scores.shape[1] in (None, len(labels)):
        return labels
    found = f"{len(labels)} classes for scores {_form(scores.source, scores)}"
    next_step = "name the classes in the order of the scores, one for each"
    resolving.problem(where, "not as many classes as scores", found, f"{scores.shape[1]}", next_step)
    return labels


def _read_labels(resolving: Resolving, classes: Classes) -> tuple[str, ...]:
    if classes.labels is not None:
        return classes.labels
    if classes.vocabulary is not None:
        return tuple(resolving.materials.vocabulary(classes.vocabulary))
    return read_labels(classes.file or "")


def read_labels(file: str) -> tuple[str, ...]:
    """Return the classes in a text file, one a line.

    Raises:
      UsageError: the file cannot be read.
    """
    try:
        return tuple(Path(file).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        wanted = "a text file with one class a line"
        raise UsageError("the file of classes cannot be read", where=file, found=str(error), wanted=wanted) from error


def _one_each(item: ResolvedTensor) -> bool:
    return item.shape is None or len(item.shape) == 1 or (len(item.shape) == 2 and item.shape[1] in (1, None))


def _form(name: str, item: ResolvedTensor) -> str:
    sizes = "of any shape" if item.shape is None else f"[{', '.join('?' if s is None else str(s) for s in item.shape)}]"
    return f"{name}: {item.dtype} {sizes}"
