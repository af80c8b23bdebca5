"""Resolve a plan against a model: every mistake found, all at once, before any work."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tfx_savedmodel.errors import PlanError, Problem
from tfx_savedmodel.saved_model.view import SignatureView, TensorSpec
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.misfits import misfits
from tfx_savedmodel.signatures.plan import Alias, Model, Plan, Preprocess, ServeExamples, ServeFeatures
from tfx_savedmodel.signatures.resolved import KEPT, ResolvedPlan, ResolvedSignature, ResolvedTensor

#: The key by which explainers find the model.
XAI_MODEL = "xai_model"
_Tensors = dict[str, ResolvedTensor]


def resolve(plan: Plan, source: Mapping[str, SignatureView], ingredients: Callable[[], Ingredients]) -> ResolvedPlan:
    """Return the plan with each signature's names, dtypes and shapes.

    Args:
      plan: a plan that is well formed.
      source: the source's signatures by key.
      ingredients: gives the model and features; asked for only where a kind needs them.

    Raises:
      PlanError: every mistake.
    """
    resolver = _Resolver(plan, source, ingredients)
    signatures = resolver.run()
    if resolver.problems:
        raise PlanError(resolver.problems)
    return ResolvedPlan(plan, signatures)


class _Resolver:
    def __init__(self, plan: Plan, source: Mapping[str, SignatureView], ingredients: Callable[[], Ingredients]) -> None:
        self._plan = plan
        self._source = source
        self._make = ingredients
        self._made: Ingredients | None = None
        self.problems: list[Problem] = []
        self._done: dict[str, ResolvedSignature] = {}

    def run(self) -> dict[str, ResolvedSignature]:
        self._keep()
        if not self._plan.signatures and not self._done:
            self._problem("signatures", "the plan names no signature", wanted="at least one, or keep")
        self._exclusions()
        parts = sorted(self._plan.signatures.items(), key=lambda item: _ORDER[item[1].kind])
        aliases = [key for key, part in parts if isinstance(part, Alias)]
        for key, part in parts:
            if isinstance(part, Model):
                self._model(key, part)
            elif isinstance(part, ServeExamples):
                self._serve_examples(key, part)
            elif isinstance(part, ServeFeatures):
                self._serve_features(key, part)
            elif isinstance(part, Preprocess):
                self._preprocess(key, part)
        for key in aliases:
            self._alias(key, ())
        return self._done

    def _problem(self, where: str, message: str, found: str = "", wanted: str = "", next_step: str = "") -> None:
        self.problems.append(Problem(where, message, found, wanted, next_step))

    def _ingredients(self) -> Ingredients:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _keep(self) -> None:
        plan = self._plan
        there = ", ".join(sorted(self._source)) or "no signatures"
        for field, keys in (("keep", () if plan.keep == "all" else plan.keep), ("drop", plan.drop)):
            for key in keys:
                if key not in self._source:
                    self._problem(field, "the source has no such signature", found=key, wanted=there)
        kept = list(self._source) if plan.keep == "all" else [key for key in plan.keep if key in self._source]
        for key in kept:
            if key in plan.drop:
                continue
            if key in plan.signatures:
                self._problem(f"signatures.{key}", "the key is also kept", next_step=f"add {key!r} to drop")
            self._done[key] = _from_view(key, KEPT, self._source[key])

    def _exclusions(self) -> None:
        receivers = (ServeExamples, ServeFeatures, Preprocess)
        if not self._plan.exclude_features or not any(isinstance(p, receivers) for p in self._plan.signatures.values()):
            return
        ingredients = self._ingredients()
        if ingredients.transform is None and ingredients.schema_spec is None:
            return
        if ingredients.transform is not None:
            known = set(ingredients.transform.raw_feature_spec())
        else:
            known = {feature.name for feature in ingredients.schema.feature} if ingredients.schema else set()
        for name in self._plan.exclude_features:
            if name not in known:
                self._problem("exclude_features", "no such raw feature", found=name, wanted=", ".join(sorted(known)))

    def _model(self, key: str, part: Model) -> None:
        model = self._ingredients().model
        renamed = self._renamed(f"signatures.{key}.inputs", part.inputs, model.inputs, "the model has no such input")
        inputs = {renamed.get(name, name): ResolvedTensor(name, *spec) for name, spec in model.inputs.items()}
        self._add(key, part.kind, inputs, self._outputs(key, part.outputs), part.method_name)

    def _serve_examples(self, key: str, part: ServeExamples) -> None:
        self._fits(key)
        inputs = {part.input: ResolvedTensor(part.input, "string", (None,))}
        self._add(key, part.kind, inputs, self._outputs(key, part.outputs), part.method_name, receiver="examples")

    def _serve_features(self, key: str, part: ServeFeatures) -> None:
        self._fits(key)
        inputs, outputs = self._raw_inputs(key, part.inputs), self._outputs(key, part.outputs)
        self._add(key, part.kind, inputs, outputs, part.method_name, receiver="features")

    def _preprocess(self, key: str, part: Preprocess) -> None:
        self._fits(key)
        target = self._fed(key, part)
        if target is None:
            return
        if part.receiver == "examples":
            inputs = {part.input: ResolvedTensor(part.input, "string", (None,))}
        else:
            inputs = self._raw_inputs(key, part.inputs)
        outputs = dict(target.inputs)
        self._add(key, part.kind, inputs, outputs, part.method_name, of=target.key, receiver=part.receiver)

    def _fed(self, key: str, part: Preprocess) -> ResolvedSignature | None:
        """Return the model signature that a preprocess feeds."""
        models = [name for name, item in self._plan.signatures.items() if isinstance(item, Model)]
        where = f"signatures.{key}.of"
        if part.of is not None and part.of not in models:
            self._problem(where, "no such signature of kind model", found=part.of, wanted=", ".join(models) or "one")
            return None
        fed = part.of or (XAI_MODEL if XAI_MODEL in models else None)
        if fed is None and len(models) != 1:
            found = ", ".join(models) or "none"
            self._problem(
                where, "it cannot be told which signature this feeds", found=found, wanted="one of kind model"
            )
            return None
        return self._done.get(fed or models[0])

    def _alias(self, key: str, above: tuple[str, ...]) -> ResolvedSignature | None:
        part = self._plan.signatures[key]
        assert isinstance(part, Alias)
        where = f"signatures.{key}.of"
        if key in self._done:
            return self._done[key]
        if key in above:
            self._problem(where, "the aliases go in a circle", found=" -> ".join([*above, key]))
            return None
        target = self._done.get(part.of)
        if target is None and isinstance(self._plan.signatures.get(part.of), Alias):
            target = self._alias(part.of, (*above, key))
        elif target is None and part.of not in self._plan.signatures and part.of in self._source:
            target = _from_view(part.of, KEPT, self._source[part.of])
        if target is None:
            if part.of not in self._plan.signatures:
                wanted = ", ".join(sorted({*self._plan.signatures, *self._source} - {key}))
                self._problem(where, "no such signature", found=part.of, wanted=wanted)
            return None
        method = part.method_name or target.method_name
        root = target.of if target.kind == part.kind else target.key
        self._add(key, part.kind, dict(target.inputs), dict(target.outputs), method, of=root)
        return self._done[key]

    def _fits(self, key: str) -> None:
        """Every input of the model must come out of the Transform graph, or be a raw feature, of a form that fits."""
        ingredients = self._ingredients()
        given = ingredients.given
        for name in sorted(set(ingredients.model.inputs) - given):
            if ingredients.transform is None:
                lacks = "the schema lacks" if ingredients.schema_spec is not None else "tf.Example cannot hold"
            elif name in ingredients.transform.transformed_feature_spec():
                lacks = f"without {', '.join(ingredients.exclude)} the Transform graph does not give"
            else:
                lacks = "the Transform graph does not give"
            message = f"{lacks} this input of the model"
            self._problem(f"signatures.{key}", message, found=", ".join(sorted(given)), wanted=name)
        self.problems += misfits(ingredients, f"signatures.{key}")

    def _raw_inputs(self, key: str, renames: Mapping[str, str] | None) -> _Tensors:
        raw = self._ingredients().raw
        renamed = self._renamed(f"signatures.{key}.inputs", renames, raw, "no such raw feature")
        return {
            renamed.get(name, name): ResolvedTensor(name, feature.dtype, feature.shape, feature.missing)
            for name, feature in raw.items()
        }

    def _outputs(self, key: str, names: Mapping[str, str] | None) -> _Tensors:
        model = self._ingredients().model
        where = f"signatures.{key}.outputs"
        self._renamed(where, names, model.outputs, "the model has no such output")
        chosen = names or {name: name for name in model.outputs}
        return {new: ResolvedTensor(old, *model.outputs[old]) for new, old in chosen.items() if old in model.outputs}

    def _renamed(
        self, where: str, names: Mapping[str, str] | None, known: Mapping[str, object], message: str
    ) -> dict[str, str]:
        """Return source name -> exported name; report sources that are not known or named twice."""
        renamed: dict[str, str] = {}
        for new, old in (names or {}).items():
            if old not in known:
                self._problem(f"{where}.{new}", message, found=old, wanted=", ".join(sorted(known)))
            elif old in renamed and where.endswith("inputs"):
                self._problem(f"{where}.{new}", "an input has two names", found=f"{renamed[old]} and {new} for {old}")
            renamed[old] = new
        return renamed

    def _add(
        self,
        key: str,
        kind: str,
        inputs: _Tensors,
        outputs: _Tensors,
        method: str,
        of: str | None = None,
        receiver: str | None = None,
    ) -> None:
        self._done[key] = ResolvedSignature(key, kind, inputs, outputs, method, of, receiver)


#: Kinds in the order in which they are resolved: what others are made of comes first.
_ORDER = {"model": 0, "serve_examples": 1, "serve_features": 1, "preprocess": 2, "alias": 3}


def _from_view(key: str, kind: str, view: SignatureView) -> ResolvedSignature:
    def tensors(specs: Mapping[str, TensorSpec]) -> _Tensors:
        return {name: ResolvedTensor(name, spec.dtype, spec.shape) for name, spec in specs.items()}

    return ResolvedSignature(key, kind, tensors(view.inputs), tensors(view.outputs), view.method_name, of=key)
