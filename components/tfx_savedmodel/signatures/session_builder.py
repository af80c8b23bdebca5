"""The session builder: a resolved plan's signatures as tensors of a TF1 graph, which gets what they need."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model.clone import clone
from tfx_savedmodel.saved_model.graft import bind, free_prefix, merge
from tfx_savedmodel.saved_model.rewrite import Named
from tfx_savedmodel.saved_model.view import TensorSpec
from tfx_savedmodel.signatures.growing import Ends, Grown, Specs, grow
from tfx_savedmodel.signatures.materials import Materials
from tfx_savedmodel.signatures.resolved import ResolvedPlan, ResolvedSignature, ResolvedTensor


class SessionBuilder:
    """Puts the signatures of a resolved plan that compute into a TF1 MetaGraph, whose weights stay as they are.

    Receivers and the like are built with TensorFlow and merged into the graph; the way from the model's
    inputs to its outputs is there once more for each receiver, over the same variables and tables.

    Args:
      model: gives the tensors of the model's inputs and outputs; called where a signature goes through it.
    """

    def __init__(self, resolved: ResolvedPlan, materials: Materials, model: Callable[[], Ends]) -> None:
        self._signatures = {key: item for key, item in resolved.signatures.items() if not item.only_renames}
        self._all = resolved.signatures
        self._materials = materials
        self._get_model = model
        self._prefix = ""
        self._through: dict[str, Mapping[str, str]] = {}

    @functools.cached_property
    def _model(self) -> Ends:
        return self._get_model()

    @functools.cached_property
    def _grown(self) -> Grown | None:
        ways = {item.receiver for item in self._signatures.values() if item.receiver and not item.of_source}
        finishers = {key: (item, self._specs(item)) for key, item in self._signatures.items() if item.computes}
        if not ways and not finishers:
            return None
        return grow(self._materials.ingredients, sorted(ways - {None}), finishers)

    def build(self) -> None:
        """Do what TensorFlow is needed for.

        Raises:
          TransformGraphError: the Transform graph cannot be put into another graph.
        """
        _ = self._grown

    def apply(self, meta_graph: Any, directory: Path) -> dict[str, Named]:
        """Edit the MetaGraphDef of a SavedModel at `directory`, and return the signatures that compute, by key."""
        grown = self._grown
        if grown is not None:
            self._prefix = free_prefix(meta_graph.graph_def)
            merge(meta_graph, grown.graft, self._prefix, directory)
            for way, receiver in sorted(grown.receivers.items()):
                self._through[way] = self._cloned(meta_graph.graph_def, way, receiver)
            bound = {}
            for key, part in grown.finishers.items():
                before = self._base(self._signatures[key]).outputs
                bound.update({self._placed(tensor).partition(":")[0]: before[n] for n, tensor in part.inputs.items()})
            bind(meta_graph.graph_def, bound)
        return {key: self._named(item) for key, item in self._signatures.items()}

    def _cloned(self, graph_def: Any, way: str, receiver: Ends) -> dict[str, str]:
        """Return the model's outputs by name, computed of what a receiver gives."""
        if not any(item.kind == f"serve_{way}" for item in self._signatures.values()):
            return {}
        feeds = {tensor: self._placed(receiver.outputs[name]) for name, tensor in self._model.inputs.items()}
        outputs = self._model.outputs
        made = clone(graph_def, feeds, set(outputs.values()), f"{self._prefix}/{way}_model")
        return {name: made[tensor] for name, tensor in outputs.items()}

    def _placed(self, tensor: str) -> str:
        return f"{self._prefix}/{tensor}"

    def _named(self, item: ResolvedSignature) -> Named:
        ends = self._ends(item)
        inputs = {name: _spec(ends.inputs[name], tensor) for name, tensor in item.inputs.items()}
        outputs = {name: _spec(ends.outputs[name], tensor) for name, tensor in item.outputs.items()}
        return Named(item.method_name, inputs, outputs)

    def _ends(self, item: ResolvedSignature) -> Ends:
        """Return the tensors of a signature under its exported names."""
        outputs: Mapping[str, str]
        if item.computes:
            assert self._grown is not None
            finisher = self._grown.finishers[item.key]
            outputs = {name: self._placed(tensor) for name, tensor in finisher.outputs.items()}
            return Ends(_sources(item.inputs, self._base(item).inputs), outputs)
        if item.kind == "preprocess":
            receiver = self._receiver(item)
            outputs = {name: self._placed(tensor) for name, tensor in receiver.outputs.items()}
            return Ends(self._fed(item), _sources(item.outputs, outputs))
        if item.kind == "model":
            return Ends(_sources(item.inputs, self._model.inputs), _sources(item.outputs, self._model.outputs))
        if item.kind in ("serve_examples", "serve_features"):
            return Ends(self._fed(item), _sources(item.outputs, self._through[item.receiver or ""]))
        base = self._base(item)
        return Ends(_sources(item.inputs, base.inputs), _sources(item.outputs, base.outputs))

    def _base(self, item: ResolvedSignature) -> Ends:
        """Return the tensors of what a derived or kept signature stands on, by the names that are its sources."""
        if item.of_graph:
            tensors = {each.source: each.source for each in (*item.inputs.values(), *item.outputs.values())}
            return Ends(tensors, tensors)
        if item.of_source:
            view = self._materials.signatures[item.of or item.key]
            sides = ({name: spec.tensor for name, spec in side.items()} for side in (view.inputs, view.outputs))
            return Ends(*sides)
        return self._ends(self._all[item.of or ""])

    def _receiver(self, item: ResolvedSignature) -> Ends:
        assert self._grown is not None
        return self._grown.receivers[item.receiver or ""]

    def _fed(self, item: ResolvedSignature) -> dict[str, str]:
        fed = {name: self._placed(tensor) for name, tensor in self._receiver(item).inputs.items()}
        if item.receiver == "examples":
            return dict.fromkeys(item.inputs, fed["examples"])
        return _sources(item.inputs, fed)

    def _specs(self, item: ResolvedSignature) -> Specs:
        """Return dtype and shape of what a signature computes with, by source name."""
        if item.of_source:
            view = self._materials.signatures[item.of or item.key].outputs
            known = {name: (spec.dtype, spec.shape) for name, spec in view.items()}
        elif item.of_graph:
            known = {each.source: self._materials.tensor(each.source) for each in item.outputs.values() if each.source}
        else:
            known = {name: (each.dtype, each.shape) for name, each in self._all[item.of or ""].outputs.items()}
        return {each.source: known[each.source] for each in item.outputs.values() if each.source}


def _sources(items: Mapping[str, ResolvedTensor], tensors: Mapping[str, str]) -> dict[str, str]:
    return {name: tensors[item.source] for name, item in items.items() if item.source}


def _spec(tensor: str, item: ResolvedTensor) -> TensorSpec:
    return TensorSpec(tensor, item.dtype, item.shape)
