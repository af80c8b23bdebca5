"""SM121 unsafe-keras."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.saved_model import keras_asks
from tfx_savedmodel.saved_model.keras_asks import Ask, asks
from tfx_savedmodel.saved_model.keras_metadata import FILE as METADATA
from tfx_savedmodel.saved_model.keras_metadata import Unreadable, parse_metadata, read_keras_nodes
from tfx_savedmodel.saved_model.keras_npz import PICKLES
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.result import Finding

#: Worst first: what happens, and what its author may do instead.
_KINDS = {
    keras_asks.CODE: (
        "holds Python code that loading it with Keras unpacks and runs",
        "replace it by a layer of Keras's, or by a registered class, and save again",
    ),
    keras_asks.FILE: ("has Keras read a file that it names", "save the model with its vocabulary in it"),
    keras_asks.CALL: (
        "has Keras call what does more than compute",
        "take it out of the model: do it before, or in the program that calls the model",
    ),
    keras_asks.HELD: (
        "names a class that whoever loads it with Keras has",
        "put the name into this check's parameter `allow` once you know what the class does",
    ),
    keras_asks.NAMED: (
        "names code that is not in it: nothing of it runs unless whoever loads the model has it",
        "put the name into this check's parameter `allow` once you know the class",
    ),
}
#: What loaders of SavedModels never look at.
_LOOKED_UP = (keras_asks.HELD, keras_asks.NAMED)


@dataclasses.dataclass(frozen=True)
class UnsafeKeras(GraphCheck):
    """Loading the model with Keras runs no code of somebody else's.

    Reads the configuration in a `.keras` or H5 file, and what Keras wrote of itself beside or inside a SavedModel,
    however deeply nested, without deserialising any of it. Graded, worst first: Python code in the file (a Lambda,
    or weights that are pickled), which is unpacked and run; a file that the configuration names and loading reads,
    such as a vocabulary's path; a function of TensorFlow, Python or Keras that does more than compute, also where it
    is written as a class, and a class of Keras's that loads a further model; and, in Keras files only, a class
    of Keras, TensorFlow or NumPy that is no known part of models, and a class or function that is merely named,
    which runs nothing unless whoever loads the model has it. In a SavedModel a class that is merely named is no
    finding: loaders of SavedModels never look at it, and Keras without it restores the layer from the graph, which
    SM120 judges. It is listed in the measurements.
    `allow` names what the author allows: a class or function as the finding shows it, `Lambda`, `pickled weights`.

    Why: whoever calls `load_model` on the file runs its code with his own rights; `safe_mode` covers `.keras` only,
    and no loader warns.
    Remedy: do not load the model with Keras before its author has explained the code; save it without it.
    """

    code: ClassVar[str] = "SM121"
    name: ClassVar[str] = "unsafe-keras"
    judges_keras_files: ClassVar[bool] = True
    allow: tuple[str, ...] = ()
    """Classes or functions as the finding shows them, Lambda, pickled weights."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        found: dict[tuple[str, str, str, str], list[str]] = {}
        try:
            for file, ask in self._asks(graph):
                if ask.kind not in _LOOKED_UP or graph.keras is not None:
                    found.setdefault((ask.kind, file, ask.what, ask.why), []).append(ask.place)
        except RecursionError:
            yield _endless(graph)
        worst_first = sorted(found.items(), key=lambda item: list(_KINDS).index(item[0][0]))
        for (kind, file, what, why), places in worst_first:
            message, remedy = _KINDS[kind]
            yield Finding(
                f"the model {message}: {what}" + (f", {why}" if why else ""),
                {"file": file, "place": places[0] or "the model"},
                found=what if len(set(places)) == 1 else f"{what}, in {len(set(places))} places",
                wanted="Keras's own layers, and what is allowed by name",
                next=remedy,
            )
        yield from _unreadable(graph)

    def measurements(self, graph: GraphView) -> Mapping[str, Any]:
        named: set[str] = set()
        with contextlib.suppress(RecursionError):  # a finding says so
            named.update(ask.what for _, ask in self._asks(graph) if ask.kind in _LOOKED_UP)
        return {"custom": sorted(named)} if named else {}

    def _asks(self, graph: GraphView) -> Iterator[tuple[str, Ask]]:
        if graph.keras is not None and PICKLES not in self.allow:
            for name in graph.keras.pickled:
                yield graph.path.name, Ask(keras_asks.CODE, PICKLES, f"model.weights.npz/{name}")
        for file, place, config in _configurations(graph):
            for ask in asks(config, place):
                if not set(ask.names) & set(self.allow):
                    yield file, ask


def _configurations(graph: GraphView) -> Iterator[tuple[str, str, Any]]:
    """Yield (file, place, configuration) for all that Keras would read of a model."""
    if graph.keras is not None:
        compiled = {"compiled with": graph.keras.training_config} if graph.keras.training_config else {}
        config = {name: value for name, value in (graph.keras.config or {}).items() if name != "compile_config"}
        yield graph.path.name, "", {**config, **compiled}
        return
    if graph.has_keras_metadata:
        try:
            yield from ((METADATA, place, config) for place, config in read_keras_nodes(graph.path))
        except Unreadable:
            return  # said in a finding of its own
    for meta_graph in graph.meta_graphs:
        for place, text in meta_graph.object_metadata.items():
            try:
                yield "saved_model.pb", place, parse_metadata(text)
            except ValueError:
                continue  # other objects have a text here too


def _endless(graph: GraphView) -> Finding:
    return Finding(
        "the Keras configuration is nested too deep to be read, so nothing tells what Keras would run",
        {"file": graph.path.name if graph.keras is not None else METADATA},
        found="nesting without an end",
        wanted="a configuration as Keras writes it",
        next="do not load the model with Keras",
    )


def _unreadable(graph: GraphView) -> Iterator[Finding]:
    if not graph.has_keras_metadata or graph.keras is not None:
        return
    try:
        for _ in read_keras_nodes(graph.path):
            pass
    except Unreadable as error:
        yield Finding(
            f"{METADATA} {error}, so nothing tells what Keras would run",
            {"file": METADATA},
            found=str(error),
            wanted="what Keras writes there, whole",
            next=f"save the model again, or delete {METADATA}: no server reads it",
        )
