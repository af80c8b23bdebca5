"""What a consumer, a version of TensorFlow that is to load a model, lacks of it; no TensorFlow is needed.

A loader imports every node of the graph. Of the library the C++ loader looks at what runs, TF2's loader in Python
at every function: so all of them are judged. A kernel is wanted only of what a signature, the initialiser or the
saver runs. Whether a graph's `versions.min_consumer` is above the consumer's own number is not judged: the tables
do not hold that number, and no TensorFlow so far writes another minimum than one that all of them meet.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.saved_model.consumers.nodes import Fault, NodeJudge
from tfx_savedmodel.saved_model.consumers.specs import unreadable
from tfx_savedmodel.saved_model.facts import all_nodes
from tfx_savedmodel.saved_model.op_tables import versions
from tfx_savedmodel.saved_model.reachability import Reach, reach_of
from tfx_savedmodel.saved_model.structures import CAPTURED
from tfx_savedmodel.saved_model.view import MetaGraphView, NodeView

PREFIX = "tf-"

#: Who loads what no signature, initialiser or saver runs.
UNREACHED = "whoever imports the graph"
UNCALLED = "TF2's loader"


@dataclasses.dataclass(frozen=True)
class Lack:
    """A node that a consumer cannot load or run as it is; or, without a node, a function that it cannot read.

    `function` is the library function that holds the node, None for the graph itself. `reached_by` says what
    runs it: "init", "save", "restore", "signature 'key'", else what loads it. `versions` are those that would
    do, the oldest first; none where no version that is known would.
    """

    op: str
    node: str
    function: str | None
    fault: Fault
    reached_by: tuple[str, ...]
    versions: tuple[str, ...]

    @property
    def would_do(self) -> str:
        """Say which versions would do."""
        known = versions()
        runs: list[list[str]] = []
        for number, version in enumerate(known):
            if version in self.versions:
                if not number or known[number - 1] not in self.versions:
                    runs.append([])
                runs[-1].append(PREFIX + version)
        texts = [f"{run[0]} to {run[-1]}" if len(run) > 1 else run[0] for run in runs]
        if runs and len(runs[-1]) > 1 and runs[-1][-1] == PREFIX + known[-1]:
            texts[-1] = f"{runs[-1][0]} or newer"
        return ", ".join(texts) or "no version of TensorFlow"

    def __str__(self) -> str:
        places = (("node", self.node), ("function", self.function))
        place = " of ".join(f"{what} {name!r}" for what, name in places if name)
        return f"{self.fault.text}: {place}, reached by {', '.join(self.reached_by)}; {self.would_do} would do"


def consumer_names() -> tuple[str, ...]:
    """Return the consumers that are known, the oldest first: "tf-1.15", "tf-2.0", …"""
    return tuple(PREFIX + version for version in versions())


def check_consumer(name: object, where: str = "") -> str:
    """Return the name of a consumer as it is.

    Raises:
      UsageError: it is not known, or no text; the error has the nearest one that is known.
    """
    known = consumer_names()
    if isinstance(name, str) and name in known:
        return name
    meant = _meant(str(name))
    if meant is None:
        next_step = f"name a version of TensorFlow, {known[0]} to {known[-1]}"
    elif _number(meant) == _number(str(name)):
        next_step = f"did you mean {meant!r}?"
    else:
        next_step = f"did you mean {meant!r}? It is the nearest of those that are known, {known[0]} to {known[-1]}"
    raise UsageError(
        "no such consumer",
        where=where,
        found=repr(name),
        wanted=f"one of {', '.join(known)}",
        next_step=next_step,
    )


def _meant(name: str) -> str | None:
    """Return the consumer that is nearest by its version; None where a text has no number."""
    number = _number(name)
    if number is None:
        return None
    known = {pair: each for each in consumer_names() if (pair := _number(each))}
    older = [pair for pair in known if pair <= number]
    return known[max(older, default=min(known))]


def _number(name: str) -> tuple[int, int] | None:
    """Return the major and minor number in a text. A patch number is none of a consumer: its ops are the minor's."""
    found = re.search(r"(\d+)(?:\.(\d+))?", name)
    return (int(found[1]), int(found[2] or 0)) if found else None


def lacks(meta_graph: MetaGraphView, consumer: str) -> Iterator[Lack]:
    """Yield what the consumer lacks of a MetaGraph, node by node.

    Args:
      consumer: "tf-1.15", "tf-2.7", …

    Raises:
      UsageError: the consumer is not known.
    """
    judge = NodeJudge(consumer, meta_graph)
    reach, would_do = reach_of(meta_graph), VersionFinder(meta_graph)
    for function, node in all_nodes(meta_graph):
        # What reaches a node is asked of few: finding out of all of them takes longer than judging them.
        faults = judge.faults(node)
        if not faults:
            continue
        roots = tuple(reach.some_roots((function, node.name)))
        for fault in faults:
            if fault.kind == "kernel" and not roots:
                continue
            found = roots or (loaded_by(meta_graph, reach, function),)
            yield Lack(node.op, node.name, function, fault, found, would_do(node))
    for function in meta_graph.function_kinds:
        yield from undeclared(meta_graph, function, judge.table.version)


def undeclared(meta_graph: MetaGraphView, function: str, version: str) -> Iterator[Lack]:
    """Yield what a version's TF2 loader cannot read of what the object graph declares of a function."""
    kinds = meta_graph.function_kinds.get(function, frozenset())
    for kind in unreadable(kinds, version):
        what = "what a function binds" if kind == CAPTURED else "what a function declares"
        fault = Fault("declaration", f"TF2's loader does not read {kind} in {what}")
        able = tuple(each for each in versions() if not unreadable(kinds, each))
        yield Lack(kind, "", function, fault, (f"function {function!r} of the object graph",), able)


def loaded_by(meta_graph: MetaGraphView, reach: Reach, function: str | None) -> str:
    """Say who loads a node that no signature, initialiser or saver runs."""
    if function is None:
        return UNREACHED
    if function in reach.callable_functions:
        return f"function {function!r} of the object graph"
    return UNCALLED if meta_graph.is_tf2 else UNREACHED


class VersionFinder:
    """Finds the versions that would do for a node; equal nodes are looked at once."""

    def __init__(self, meta_graph: MetaGraphView) -> None:
        self._judges = [(version, NodeJudge(version, meta_graph)) for version in versions()]
        self._found: dict[Any, tuple[str, ...]] = {}

    def __call__(self, node: NodeView) -> tuple[str, ...]:
        """Return the versions that have all that a node needs, the oldest first."""
        attributes = node.raw()
        # No rule looks at constants.
        key = (
            node.op,
            frozenset(
                (name, value.SerializeToString(deterministic=True))
                for name, value in attributes.items()
                if value.WhichOneof("value") != "tensor" and not name.startswith("_")
            ),
        )
        if key not in self._found:
            fits = (version for version, judge in self._judges if not judge.faults(node))
            self._found[key] = tuple(fits)
        return self._found[key]
