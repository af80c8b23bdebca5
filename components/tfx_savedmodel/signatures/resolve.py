"""Resolve a plan against a model: every mistake found, all at once, before any work."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tfx_savedmodel.errors import PlanError, Problem
from tfx_savedmodel.signatures.builders import check_builder
from tfx_savedmodel.signatures.derived import kept, resolve_derived
from tfx_savedmodel.signatures.graph_tensors import resolve_tensors
from tfx_savedmodel.signatures.input_names import check_names
from tfx_savedmodel.signatures.kinds import (
    Alias,
    Classify,
    Function,
    Model,
    Module,
    Preprocess,
    Regress,
    ServeExamples,
    ServeFeatures,
    Signature,
    Tensors,
)
from tfx_savedmodel.signatures.made_functions import resolve_function, resolve_module
from tfx_savedmodel.signatures.materials import Materials
from tfx_savedmodel.signatures.plan import Plan
from tfx_savedmodel.signatures.receivers import (
    resolve_model,
    resolve_preprocess,
    resolve_serve_examples,
    resolve_serve_features,
)
from tfx_savedmodel.signatures.resolved import ResolvedPlan, ResolvedSignature
from tfx_savedmodel.signatures.resolving import Resolving


def resolve(
    plan: Plan,
    materials: Materials,
    *,
    problems: Sequence[Problem] = (),
    broken: Collection[str] = (),
    where: str = "the signature plan",
) -> ResolvedPlan:
    """Return the plan with each signature's names, dtypes and shapes.

    Args:
      plan: a plan that is well formed.
      materials: the source's signatures, and the model, features and functions, asked for only where a
        kind needs them.
      problems: mistakes that were found before, which are reported together with those found here.
      broken: keys whose parts were left out of `plan` because of such mistakes.
      where: the plan's file, for errors.

    Raises:
      PlanError: every mistake.
    """
    resolving = Resolving(plan, materials, problems, broken)
    _keep(resolving)
    if not plan.signatures and not resolving.done and not broken:
        resolving.problem("signatures", "the plan names no signature", wanted="at least one, or keep")
    _exclusions(resolving)
    derived = [key for key, part in plan.signatures.items() if isinstance(part, (Alias, Classify, Regress))]
    others = [key for key in plan.signatures if key not in derived]
    for key in sorted(others, key=lambda key: _ORDER.get(plan.signatures[key].kind, 0)):
        made = _one(resolving, key, plan.signatures[key])
        if made is not None:
            resolving.done[key] = made
    for key in derived:
        resolve_derived(resolving, key)
    resolved = ResolvedPlan(plan, resolving.done)
    check_names(resolving, resolved)
    check_builder(resolving, resolved)
    _beside(resolving, resolved)
    if resolving.problems:
        raise PlanError(resolving.problems, where=where)
    return resolved


#: What feeds another comes after it.
_ORDER = {"preprocess": 1}


def _one(resolving: Resolving, key: str, part: Signature) -> ResolvedSignature | None:
    if isinstance(part, Model):
        return resolve_model(resolving, key, part)
    if isinstance(part, ServeExamples):
        return resolve_serve_examples(resolving, key, part)
    if isinstance(part, ServeFeatures):
        return resolve_serve_features(resolving, key, part)
    if isinstance(part, Preprocess):
        return resolve_preprocess(resolving, key, part)
    if isinstance(part, Function):
        return resolve_function(resolving, key, part)
    if isinstance(part, Tensors):
        return resolve_tensors(resolving, key, part)
    assert isinstance(part, Module)
    return resolve_module(resolving, key, part)


def _keep(resolving: Resolving) -> None:
    plan, source = resolving.plan, resolving.source
    there = ", ".join(sorted(source)) or "no signatures"
    for field, keys in (("keep", () if plan.keep == "all" else plan.keep), ("drop", plan.drop)):
        for key in keys:
            if key not in source:
                resolving.problem(field, "the source has no such signature", found=key, wanted=there)
    chosen = list(source) if plan.keep == "all" else [key for key in plan.keep if key in source]
    for key in chosen:
        if key in plan.drop:
            continue
        if key in plan.signatures:
            next_step = f"add {key!r} to drop"
            resolving.problem(f"signatures.{key}", "the key is also kept", next_step=next_step)
            continue  # what else is wrong with the planned one shows too
        resolving.done[key] = kept(key, source[key])


def _exclusions(resolving: Resolving) -> None:
    plan = resolving.plan
    receivers = (ServeExamples, ServeFeatures, Preprocess)
    if not plan.exclude_features or not any(isinstance(part, receivers) for part in plan.signatures.values()):
        return
    ingredients = resolving.ingredients
    if ingredients.transform is not None:
        known = set(ingredients.transform.raw_feature_spec())
    elif ingredients.schema_spec is not None:
        known = {feature.name for feature in ingredients.schema.feature} if ingredients.schema else set()
    else:
        return
    for name in plan.exclude_features:
        if name not in known:
            resolving.problem("exclude_features", "no such raw feature", found=name, wanted=", ".join(sorted(known)))


def _beside(resolving: Resolving, resolved: ResolvedPlan) -> None:
    """What a plan says beside its signatures: function aliases, explanation, warm-up."""
    plan = resolving.plan
    functions = [key for key, part in plan.signatures.items() if isinstance(part, (Function, Module))]
    for alias, key in plan.function_aliases.items():
        first = next(name for name, other in plan.function_aliases.items() if other == key)
        if first != alias:
            resolving.problem(
                f"function_aliases.{alias}",
                "a function has one alias: TensorFlow would keep the last alone",
                found=f"{first} and {alias} for {key}",
                wanted="one of the two",
            )
        if key not in functions and key not in resolving.broken:
            wanted = ", ".join(functions) or "a signature of kind function or module"
            resolving.problem(f"function_aliases.{alias}", "no such function", found=key, wanted=wanted)
    failed = {*resolving.broken, *plan.signatures} - set(resolving.done)
    if plan.explanation is not None and plan.explanation.signature not in failed:
        from tfx_savedmodel.signatures.explanation import explanation_problems

        resolving.problems += explanation_problems(resolved)
    if plan.warmup is not None:
        from tfx_savedmodel.signatures.warmup import warmup_problems

        resolving.problems += warmup_problems(resolved)
