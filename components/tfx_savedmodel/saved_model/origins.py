"""Where a file name in a graph comes from: an asset, a constant, the caller, the saver, or elsewhere."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator

from tfx_savedmodel.saved_model.attributes import PLACEHOLDER
from tfx_savedmodel.saved_model.facts import all_nodes
from tfx_savedmodel.saved_model.reachability import may_run, node_of
from tfx_savedmodel.saved_model.tensors import split_tensor
from tfx_savedmodel.saved_model.view import FunctionView, MetaGraphView, NodeView

#: Ops that pass a file name on; every data input counts.
_PASSING = frozenset(
    "Identity IdentityN StopGradient ExpandDims Reshape Squeeze Pack ConcatV2 Concat StridedSlice Slice "
    "PlaceholderWithDefault Switch Merge RefSwitch RefMerge Enter Exit Fill Tile GatherV2 Unpack "
    "PreventGradient Snapshot Where".split()
)

#: Ops whose first input only chooses between the others.
_CHOOSING = frozenset({"Select", "SelectV2"})

#: Ops that make a name of a first part and suffixes.
_JOINING = frozenset({"StringJoin", "ShardedFilename", "ShardedFilespec"})

#: Ops that call one function with their inputs, after this many of their own.
_CALLS = {"PartitionedCall": 0, "StatefulPartitionedCall": 0, "If": 1, "StatelessIf": 1, "Case": 1, "StatelessCase": 1}
_LOOPS = frozenset({"While", "StatelessWhile"})

#: How ops begin that give a variable another value.
_ASSIGNING = ("Assign", "ResourceScatter", "ResourceStridedSliceAssign", "ResourceApply", "ResourceSparseApply")

#: So many texts may a joined name be made of.
_MOST_JOINED = 64


@dataclasses.dataclass(frozen=True)
class Origin:
    """One source of a value: `kind` is "asset", "constant", "caller", "saver" or "computed"."""

    kind: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}".strip()


class Origins:
    """Traces tensors of one MetaGraph back to their sources, through function calls.

    What cannot be followed is "computed": nothing is taken for an asset that is not shown to be one.

    Args:
      at_init: whether the values are wanted while the model is initialised. A loader gives an asset's
        tensor the path of the asset only then; later it has the value that the graph holds.
    """

    def __init__(self, meta_graph: MetaGraphView, *, at_init: bool) -> None:
        self._meta_graph = meta_graph
        self._at_init = at_init
        self._assets = {split_tensor(name)[0]: file for name, file in meta_graph.assets.items()}
        self._inputs = {
            split_tensor(spec.tensor)[0]
            for signature in meta_graph.signatures.values()
            for spec in signature.inputs.values()
        }
        saver = meta_graph.saver
        self._saver = split_tensor(saver.filename_tensor)[0] if saver else ""
        self._callers: dict[str, list[tuple[FunctionView | None, NodeView]]] | None = None

    def of(self, function: str | None, value: str) -> set[Origin]:
        """Return every source of an input as a NodeDef of `function` (None: the graph) writes it."""
        holder = self._meta_graph.functions[function] if function is not None else None
        return set(self._trace(holder, value, set()))

    def _trace(self, holder: FunctionView | None, value: str, seen: set[tuple[str, str]]) -> Iterator[Origin]:
        key = (holder.name if holder else "", value)
        if key in seen:
            return
        seen.add(key)
        name = node_of(value)
        if holder is not None and name not in holder.nodes:
            yield from self._argument(holder, name, seen)
            return
        node = (holder.nodes if holder else self._meta_graph.nodes).get(name)
        if node is None:
            yield Origin("computed", f"an unknown tensor {value!r}")
        elif holder is None and name in self._assets and self._at_init:
            yield Origin("asset", self._assets[name])
        elif holder is None and name == self._saver:
            yield Origin("saver")
        elif holder is None and name in self._inputs:
            yield Origin("caller", name)
        else:
            yield from self._node(holder, node, value, seen)

    def _node(
        self, holder: FunctionView | None, node: NodeView, value: str, seen: set[tuple[str, str]]
    ) -> Iterator[Origin]:
        inputs = [source for source in node.inputs if not source.startswith("^")]
        if node.op in self._meta_graph.functions:  # whatever its name promises
            yield from self._result(self._meta_graph.functions[node.op], value, seen)
        elif node.op == "Const":
            yield from _constant(node)
        elif node.op in _PASSING or node.op in _CHOOSING:
            for source in inputs[1:] if node.op in _CHOOSING else inputs:
                yield from self._trace(holder, source, seen)
        elif node.op in _JOINING and inputs:
            yield from self._trace(holder, inputs[0], seen)
            if node.op == "StringJoin":
                yield from self._suffixes(holder, inputs[1:], str(node.attr("separator", "")), seen)
        elif node.op in _CALLS:
            for called in may_run(self._meta_graph, node):
                yield from self._result(self._meta_graph.functions[called], value, seen)
        elif node.op in ("Placeholder", "PlaceholderV2"):
            yield Origin("caller", node.name)
        elif node.op == "ReadVariableOp" and holder is None:
            yield from self._variable(node)
        else:
            yield Origin("computed", f"by {node.op}")

    def _suffixes(
        self, holder: FunctionView | None, values: list[str], separator: str, seen: set[tuple[str, str]]
    ) -> Iterator[Origin]:
        """A constant ending that stays below the first part is no source of its own; two dots may be of two parts."""
        parts: list[list[str]] = []
        for value in values:
            origins = list(self._trace(holder, value, set(seen)))
            yield from (origin for origin in origins if origin.kind != "constant")
            parts.append([origin.detail for origin in origins if origin.kind == "constant"])
        if math.prod(map(len, parts)) > _MOST_JOINED:
            yield Origin("computed", "of many texts")
            return
        for texts in itertools.product(*parts):
            ending = "".join(f"{separator}{text}" for text in texts)
            if ".." in ending or separator.startswith(PLACEHOLDER):
                yield Origin("constant", ending)

    def _variable(self, node: NodeView) -> Iterator[Origin]:
        """TF 2.0 and later keep an asset's path in a variable that the graph assigns when it is initialised."""
        handle = self._handle(node)
        assigned = []
        for function, other in all_nodes(self._meta_graph):
            if not other.op.startswith(_ASSIGNING) or _is_of_numbers(other):
                continue
            if function is not None or other.op != "AssignVariableOp" or len(other.inputs) < 2:
                handle = None  # an assignment that cannot be followed
            elif self._handle(other) in (handle, None):
                assigned.append(other.inputs[1])
        if handle is None or not assigned:
            yield Origin("computed", "by a variable")
            return
        initial = Origins(self._meta_graph, at_init=True)
        for source in assigned:
            yield from initial.of(None, source)

    def _handle(self, node: NodeView) -> tuple[str, str] | None:
        """Return what a variable is shared by; None where its handle is not made right there."""
        name = node_of(node.inputs[0]) if node.inputs else ""
        made = self._meta_graph.nodes.get(name)
        if made is None or made.op != "VarHandleOp":
            return None
        return str(made.attr("container", "")), str(made.attr("shared_name", "") or name)

    def _result(self, called: FunctionView, value: str, seen: set[tuple[str, str]]) -> Iterator[Origin]:
        index = value.rpartition(":")[2] if ":" in value else "0"
        returns = list(called.returns.values())
        chosen = [returns[int(index)]] if index.isdecimal() and int(index) < len(returns) else returns
        for source in chosen:
            yield from self._trace(called, source, seen)

    def _argument(self, holder: FunctionView, name: str, seen: set[tuple[str, str]]) -> Iterator[Origin]:
        if name not in holder.arguments:
            yield Origin("computed", f"an unknown tensor {name!r}")
            return
        index = holder.arguments.index(name)
        callers = self._calling(holder.name)
        asset = self._meta_graph.captured_assets.get(holder.name, {}).get(index)
        if asset is not None and not callers:
            yield Origin("asset", asset)
        elif not callers:
            yield Origin("caller", f"argument {index} of {holder.name}")
        for outer, node in callers:
            yield from self._passed(outer, node, index, seen)

    def _passed(
        self, outer: FunctionView | None, node: NodeView, index: int, seen: set[tuple[str, str]]
    ) -> Iterator[Origin]:
        inputs = [value for value in node.inputs if not value.startswith("^")]
        offset = 0 if node.op in _LOOPS else _CALLS.get(node.op)
        if offset is None or index + offset >= len(inputs):
            yield Origin("computed", f"passed by {node.op}")
            return
        yield from self._trace(outer, inputs[index + offset], seen)
        if node.op in _LOOPS:  # from the second turn on, what the body gave back
            body = self._meta_graph.functions.get(str(node.attr("body", "")))
            returns = list(body.returns.values()) if body else []
            if body is None or index >= len(returns):
                yield Origin("computed", f"by {node.op}")
            else:
                yield from self._trace(body, returns[index], seen)

    def _calling(self, function: str) -> list[tuple[FunctionView | None, NodeView]]:
        if self._callers is None:
            self._callers = {}
            holders: list[FunctionView | None] = [None, *self._meta_graph.functions.values()]
            for holder in holders:
                for node in (holder.nodes if holder else self._meta_graph.nodes).values():
                    for called in may_run(self._meta_graph, node):
                        self._callers.setdefault(called, []).append((holder, node))
        return self._callers.get(function, [])


def _is_of_numbers(node: NodeView) -> bool:
    dtype = node.attr("dtype")
    return isinstance(dtype, str) and dtype != "string" and not dtype.startswith(PLACEHOLDER)


def _constant(node: NodeView) -> Iterator[Origin]:
    values = node.attr("value")
    if not isinstance(values, list):
        yield Origin("computed", "by a constant that does not show its text")
        return
    yield from (Origin("constant", str(item)) for item in values)
