"""What resolving one signature leaves for the next: those that are done, and the mistakes."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence

from tfx_savedmodel.errors import Problem
from tfx_savedmodel.saved_model.view import SignatureView
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.materials import Materials
from tfx_savedmodel.signatures.plan import Plan
from tfx_savedmodel.signatures.resolved import ResolvedSignature, ResolvedTensor

Tensors = dict[str, ResolvedTensor]


class Resolving:
    """A plan that is being resolved.

    `broken` are keys of the plan whose parts are malformed: what refers to them is no further mistake.
    """

    def __init__(
        self, plan: Plan, materials: Materials, problems: Sequence[Problem] = (), broken: Collection[str] = ()
    ) -> None:
        self.plan = plan
        self.materials = materials
        self.broken = broken
        self.problems: list[Problem] = list(problems)
        self.done: dict[str, ResolvedSignature] = {}

    @property
    def source(self) -> Mapping[str, SignatureView]:
        """The source's signatures by key."""
        return self.materials.signatures

    @functools.cached_property
    def ingredients(self) -> Ingredients:
        """The model and the features; asked for only where a kind needs them."""
        return self.materials.ingredients()

    def problem(self, where: str, message: str, found: str = "", wanted: str = "", next_step: str = "") -> None:
        """Note a mistake."""
        self.problems.append(Problem(where, message, found, wanted, next_step))

    def renamed(
        self, where: str, names: Mapping[str, str] | None, known: Mapping[str, object], message: str
    ) -> dict[str, str]:
        """Return source name -> exported name; report sources that are not known or named twice."""
        renamed: dict[str, str] = {}
        for new, old in (names or {}).items():
            if old not in known:
                self.problem(f"{where}.{new}", message, found=old, wanted=", ".join(sorted(known)))
            elif old in renamed and where.endswith("inputs"):
                self.problem(f"{where}.{new}", "an input has two names", found=f"{renamed[old]} and {new} for {old}")
            renamed[old] = new
        return renamed

    def inputs(self, where: str, names: Mapping[str, str] | None, known: Tensors, message: str) -> Tensors:
        """Return all inputs under their exported names; those that `names` leaves out keep their own."""
        renamed = self.renamed(where, names, known, message)
        kept = set(known) - set(renamed)
        for new, old in (names or {}).items():
            if new in kept:
                self.problem(f"{where}.{new}", "two inputs of one name", found=f"{old} and {new}", wanted="two names")
        return {renamed.get(name, name): tensor for name, tensor in known.items()}

    def outputs(self, where: str, names: Mapping[str, str] | None, known: Tensors, message: str) -> Tensors:
        """Return the outputs that `names` names, by default all, under their exported names."""
        self.renamed(where, names, known, message)
        chosen = names if names is not None else {name: name for name in known}
        return {new: known[old] for new, old in chosen.items() if old in known}
