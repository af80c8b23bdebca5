"""A resolved plan: every signature with its names, dtypes and shapes, known before any work."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.signatures.plan import Plan

#: The kind of a signature that the plan keeps, or that an alias of the source's stands on.
KEPT = "kept"


@dataclasses.dataclass(frozen=True)
class ResolvedTensor:
    """An input or output: its exported name's source name, dtype, shape, and what says "missing"."""

    source: str
    dtype: str
    shape: Shape
    missing: str | None = None

    def to_json(self, *, is_input: bool) -> dict[str, Any]:
        shape = None if self.shape is None else list(self.shape)
        facts: dict[str, Any] = {"dtype": self.dtype, "shape": shape}
        return {**facts, "missing": self.missing} if is_input else facts


@dataclasses.dataclass(frozen=True)
class ResolvedSignature:
    """A signature to be exported.

    `of` is the key whose function it shares or that it feeds; `receiver` is "examples" or
    "features" where raw data come in, else None.
    """

    key: str
    kind: str
    inputs: Mapping[str, ResolvedTensor]
    outputs: Mapping[str, ResolvedTensor]
    method_name: str
    of: str | None = None
    receiver: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "method_name": self.method_name,
            "inputs": {name: item.to_json(is_input=True) for name, item in sorted(self.inputs.items())},
            "outputs": {name: item.to_json(is_input=False) for name, item in sorted(self.outputs.items())},
        }


@dataclasses.dataclass(frozen=True)
class ResolvedPlan:
    """The plan and its signatures, in an order in which each comes after what it is made of."""

    plan: Plan
    signatures: Mapping[str, ResolvedSignature]

    @property
    def only_renames(self) -> bool:
        """Whether every signature is one of the source's, under its own or another name."""
        return all(item.kind in (KEPT, "alias") for item in self.signatures.values())

    def to_json(self) -> dict[str, Any]:
        return {key: signature.to_json() for key, signature in sorted(self.signatures.items())}
