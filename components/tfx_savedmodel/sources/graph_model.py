"""A TF1 SavedModel as a source: which of its tensors are the model."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.parsing import parsing_spec
from tfx_savedmodel.saved_model.tensors import output_dtypes, split_tensor
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, Shape, SignatureView, TensorSpec
from tfx_savedmodel.sources.graph_tensors import GraphTensors
from tfx_savedmodel.sources.source import ModelFunction, TrainedModel

DEFAULT = "serving_default"

_PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
#: Ops that nobody consumes and that are no result: what initialises, saves and restores.
_NO_RESULTS = ("Const", "NoOp", "Assert", "PyFunc", "Placeholder", "VarHandleOp", "VariableV2", "Variable")
_SHOWN = 12

Tensors = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class _Side:
    tensors: Tensors
    specs: Mapping[str, tuple[str, Shape]]


class GraphSource(TrainedModel):
    """A TF1 MetaGraph, of which nothing is loaded.

    Args:
      planned: inputs and outputs (exported name -> tensor) of the plan's only signature of kind `tensors`, by
        its key: it is the model where the source's signatures do not tell.
    """

    def __init__(self, view: GraphView, planned: Mapping[str, tuple[Tensors, Tensors]]) -> None:
        meta_graph = view.meta_graph()
        assert meta_graph is not None
        self.view = view
        self.meta_graph: MetaGraphView = meta_graph
        self.described = f"the TF1 SavedModel at {view.path}"
        self._planned = planned
        self._graph = GraphTensors(view)

    @property
    def root(self) -> Any:
        """There is none.

        Raises:
          UnsupportedModelError: always.
        """
        raise UnsupportedModelError(
            "this is a TF1 SavedModel",
            where=str(self.view.path),
            found="a MetaGraph without an object graph",
            wanted="a model saved by TF2 (tf.saved_model.save, Keras)",
            next_step="plan kind tensors, which names tensors of the graph",
        )

    @property
    def signatures(self) -> Mapping[str, SignatureView]:
        return self.meta_graph.signatures

    @functools.cached_property
    def model(self) -> ModelFunction:
        """The model: `serving_default` over tensors, else the only signature over tensors, else the plan's.

        Raises:
          UnsupportedModelError: it cannot be told which tensors are the model.
        """
        inputs, outputs = self._sides
        return ModelFunction(inputs.specs, outputs.specs, _not_called, self._found[0])

    @property
    def ends(self) -> tuple[Tensors, Tensors]:
        """The model's inputs and outputs as tensors of the graph, by name."""
        inputs, outputs = self._sides
        return inputs.tensors, outputs.tensors

    @functools.cached_property
    def _sides(self) -> tuple[_Side, _Side]:
        _, inputs, outputs = self._found
        return self._side(inputs), self._side(outputs)

    def _side(self, tensors: Mapping[str, TensorSpec]) -> _Side:
        """Before TF 1.0 signatures said neither dtype nor shape: the graph does."""
        specs = {
            name: self._graph.find(spec.tensor) if spec.dtype in ("", "unknown") else (spec.dtype, spec.shape)
            for name, spec in tensors.items()
        }
        return _Side({name: spec.tensor for name, spec in tensors.items()}, specs)

    @functools.cached_property
    def _found(self) -> tuple[str, Mapping[str, TensorSpec], Mapping[str, TensorSpec]]:
        plain = {key: view for key, view in self.signatures.items() if self._takes_tensors(view)}
        chosen = plain.get(DEFAULT) or (next(iter(plain.values())) if len(plain) == 1 else None)
        if chosen is not None:
            return f"signature {chosen.key!r}", chosen.inputs, chosen.outputs
        if len(self._planned) == 1:
            ((key, sides),) = self._planned.items()
            inputs, outputs = ({name: TensorSpec(tensor, "", None) for name, tensor in side.items()} for side in sides)
            return f"the plan's signature {key!r}", inputs, outputs
        raise self._untold(plain)

    def _takes_tensors(self, view: SignatureView) -> bool:
        if not view.inputs or not view.outputs:
            return False
        if any(spec.kind != "dense" for spec in (*view.inputs.values(), *view.outputs.values())):
            return False
        (name, spec), *more = view.inputs.items()
        return bool(more) or spec.dtype != "string" or parsing_spec(self.meta_graph, view, name) is None

    def _untold(self, plain: Mapping[str, SignatureView]) -> UnsupportedModelError:
        if self.signatures:
            keys = ", ".join(sorted(self.signatures))
            over = f"of which {', '.join(sorted(plain))} take tensors" if plain else "none of which takes dense tensors"
            found, wanted = f"signatures {keys}, {over}", f"{DEFAULT!r} over tensors, or one signature over tensors"
        else:
            placeholders, results = (_shown(names) for names in (self._inputs(), self._results()))
            found = f"no signatures; placeholders {placeholders}; tensors that nobody consumes {results}"
            wanted = "a signature over tensors"
        return UnsupportedModelError(
            "it cannot be told which tensors are the model",
            where=str(self.view.path),
            found=found,
            wanted=wanted,
            next_step="plan one signature of kind tensors: its inputs and outputs are the model then",
        )

    def _inputs(self) -> Iterator[str]:
        nodes = self.meta_graph.nodes.values()
        yield from (f"{node.name}:0" for node in nodes if node.op in _PLACEHOLDERS)

    def _results(self) -> Iterator[str]:
        """Yield tensors that no node takes, where the graph says that they are tensors."""
        nodes = self.meta_graph.nodes
        taken = {split_tensor(value.removeprefix("^"))[0] for node in nodes.values() for value in node.inputs}
        saver = self.meta_graph.saver
        own = {split_tensor(name)[0] for name in (saver.save_tensor, saver.filename_tensor)} if saver else set()
        for name, node in nodes.items():
            if name not in taken | own and node.op not in _NO_RESULTS and node.inputs:
                dtypes = output_dtypes(self.meta_graph, node)
                if dtypes and "Assign" not in node.op:
                    yield f"{name}:0"


def _shown(names: Iterator[str]) -> str:
    found = list(names)
    return ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "") or "none"


def _not_called(tensors: Mapping[str, Any]) -> NoReturn:
    raise UnsupportedModelError(
        "a TF1 graph is no function",
        found="a call of it",
        wanted="a graph that is extended, as builder session does",
        next_step="tell the authors of tfx-savedmodel",
    )
