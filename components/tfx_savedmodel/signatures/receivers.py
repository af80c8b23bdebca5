"""Resolving the signatures that go through the model: model, serve_examples, serve_features, preprocess."""

from __future__ import annotations

from collections.abc import Mapping

from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.signatures.kinds import Model, Preprocess, ServeExamples, ServeFeatures
from tfx_savedmodel.signatures.misfits import misfits
from tfx_savedmodel.signatures.resolved import ResolvedSignature, ResolvedTensor
from tfx_savedmodel.signatures.resolving import Resolving, Tensors

#: The key by which explainers find the model.
XAI_MODEL = "xai_model"


def resolve_model(resolving: Resolving, key: str, part: Model) -> ResolvedSignature:
    model = resolving.ingredients.model
    where = f"signatures.{key}.inputs"
    inputs = resolving.inputs(where, part.inputs, tensors(model.inputs), "the model has no such input")
    return ResolvedSignature(key, part.kind, inputs, _outputs(resolving, key, part.outputs), part.method_name)


def resolve_serve_examples(resolving: Resolving, key: str, part: ServeExamples) -> ResolvedSignature:
    _fits(resolving, key)
    inputs = {part.input: ResolvedTensor(part.input, "string", (None,))}
    outputs = _outputs(resolving, key, part.outputs)
    return ResolvedSignature(key, part.kind, inputs, outputs, part.method_name, receiver="examples")


def resolve_serve_features(resolving: Resolving, key: str, part: ServeFeatures) -> ResolvedSignature:
    _fits(resolving, key)
    inputs, outputs = _raw_inputs(resolving, key, part.inputs), _outputs(resolving, key, part.outputs)
    return ResolvedSignature(key, part.kind, inputs, outputs, part.method_name, receiver="features")


def resolve_preprocess(resolving: Resolving, key: str, part: Preprocess) -> ResolvedSignature | None:
    _fits(resolving, key)
    target = _fed(resolving, key, part)
    if target is None:
        return None
    if part.receiver == "examples":
        inputs = {part.input: ResolvedTensor(part.input, "string", (None,))}
    else:
        inputs = _raw_inputs(resolving, key, part.inputs)
    return ResolvedSignature(
        key, part.kind, inputs, dict(target.inputs), part.method_name, of=target.key, receiver=part.receiver
    )


def _fed(resolving: Resolving, key: str, part: Preprocess) -> ResolvedSignature | None:
    """Return the model signature that a preprocess feeds."""
    models = [name for name, item in resolving.plan.signatures.items() if isinstance(item, Model)]
    where = f"signatures.{key}.of"
    if part.of in resolving.broken or (part.of is None and XAI_MODEL in resolving.broken):
        return None
    if part.of is not None and part.of not in models:
        wanted = ", ".join(models) or "one"
        resolving.problem(where, "no such signature of kind model", found=part.of, wanted=wanted)
        return None
    fed = part.of or (XAI_MODEL if XAI_MODEL in models else None)
    if fed is None and len(models) != 1:
        found = ", ".join(models) or "none"
        message = "it cannot be told which signature this feeds"
        resolving.problem(where, message, found=found, wanted="one of kind model")
        return None
    return resolving.done.get(fed or models[0])


def _fits(resolving: Resolving, key: str) -> None:
    """Every input of the model must come out of the Transform graph, or be a raw feature, of a form that fits."""
    ingredients = resolving.ingredients
    given = ingredients.given
    for name in sorted(set(ingredients.model.inputs) - given):
        if ingredients.transform is None:
            lacks = "the schema lacks" if ingredients.schema_spec is not None else "tf.Example cannot hold"
        elif name in ingredients.transform.transformed_feature_spec():
            lacks = f"without {', '.join(ingredients.exclude)} the Transform graph does not give"
        else:
            lacks = "the Transform graph does not give"
        message = f"{lacks} this input of the model"
        resolving.problem(f"signatures.{key}", message, found=", ".join(sorted(given)), wanted=name)
    resolving.problems += misfits(ingredients, f"signatures.{key}")


def _raw_inputs(resolving: Resolving, key: str, renames: Mapping[str, str] | None) -> Tensors:
    raw = {
        name: ResolvedTensor(name, feature.dtype, feature.shape, feature.missing)
        for name, feature in resolving.ingredients.raw.items()
    }
    return resolving.inputs(f"signatures.{key}.inputs", renames, raw, "no such raw feature")


def _outputs(resolving: Resolving, key: str, names: Mapping[str, str] | None) -> Tensors:
    known = tensors(resolving.ingredients.model.outputs)
    return resolving.outputs(f"signatures.{key}.outputs", names, known, "the model has no such output")


def tensors(specs: Mapping[str, tuple[str, Shape]]) -> Tensors:
    """Return the inputs or outputs of a function under their own names."""
    return {name: ResolvedTensor(name, *spec) for name, spec in specs.items()}
