"""A resolved plan: every signature with its names, dtypes and shapes, known before any work."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.signatures.plan import Plan

#: The kind of a signature that the plan keeps.
KEPT = "kept"

#: Kinds that stand on another signature, which `of` names.
DERIVED = ("alias", "classify", "regress")


@dataclasses.dataclass(frozen=True)
class ResolvedTensor:
    """An input or output: its exported name's source name, dtype, shape, and what says "missing".

    In a derived signature the source name is that in the signature which it stands on. The source is
    empty where the values come from the plan (names of classes).
    """

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

    `of` is the key of the signature that it stands on, feeds or keeps, `of_source` whether that is one
    of the source's own; `of_graph` says that the source names are tensors of the source's graph.
    `receiver` is "examples" or "features" where raw data come in, else None. `labels` are the names of
    classes that stand beside scores. `computes` says that a derived signature does more than name
    tensors again.
    """

    key: str
    kind: str
    inputs: Mapping[str, ResolvedTensor]
    outputs: Mapping[str, ResolvedTensor]
    method_name: str
    of: str | None = None
    of_source: bool = False
    of_graph: bool = False
    receiver: str | None = None
    labels: tuple[str, ...] = ()
    computes: bool = False

    @property
    def only_renames(self) -> bool:
        """Whether it is there in the source, as a signature or as tensors, under its own or other names."""
        return (self.of_source or self.of_graph) and not self.computes

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
        """Whether nothing is to be traced."""
        return all(item.only_renames for item in self.signatures.values())

    def to_json(self) -> dict[str, Any]:
        return {key: signature.to_json() for key, signature in sorted(self.signatures.items())}
