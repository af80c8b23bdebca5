"""Where a file name in a graph comes from: an asset, a constant, the caller, the saver, or elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from tfx_savedmodel.saved_model.reachability import functions_of, node_of
from tfx_savedmodel.saved_model.tensors import split_tensor
from tfx_savedmodel.saved_model.view import FunctionView, MetaGraphView, NodeView

#: Ops that pass a file name on; every data input counts.
_PASSING = frozenset(
    "Identity IdentityN StopGradient ExpandDims Reshape Squeeze Pack ConcatV2 Concat StridedSlice Slice StringJoin "
    "Select SelectV2 PlaceholderWithDefault Switch Merge RefSwitch RefMerge Enter Exit Fill Tile GatherV2 Unpack "
    "PreventGradient Snapshot Where".split()
)

#: Ops that call one function with their inputs, after this many of their own.
_CALLS = {"PartitionedCall": 0, "StatefulPartitionedCall": 0, "If": 1, "StatelessIf": 1, "Case": 1, "StatelessCase": 1}
_LOOPS = frozenset({"While", "StatelessWhile"})


@dataclasses.dataclass(frozen=True)
class Origin:
    """One source of a value: `kind` is "asset", "constant", "caller", "saver" or "computed"."""

    kind: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}".strip()


class Origins:
    """Traces tensors of one MetaGraph back to their sources, through function calls."""

    def __init__(self, meta_graph: MetaGraphView) -> None:
        self._meta_graph = meta_graph
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
        elif holder is None and name in self._assets:
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
        if node.op == "Const":
            values = node.attr("value")
            yield from (Origin("constant", str(item)) for item in (values if isinstance(values, list) else [""]))
        elif node.op in _PASSING:
            for source in node.inputs:
                if not source.startswith("^"):
                    yield from self._trace(holder, source, seen)
        elif node.op in _CALLS:
            for called in functions_of(self._meta_graph, node):
                yield from self._result(self._meta_graph.functions[called], value, seen)
        elif node.op in ("Placeholder", "PlaceholderV2"):
            yield Origin("caller", node.name)
        elif node.op == "ReadVariableOp":
            yield from self._variable(holder, node, seen)
        else:
            yield Origin("computed", f"by {node.op}")

    def _variable(self, holder: FunctionView | None, node: NodeView, seen: set[tuple[str, str]]) -> Iterator[Origin]:
        """TF 2.0 to 2.4 keep an asset's path in a variable that the graph assigns once."""
        variable = node_of(node.inputs[0]) if node.inputs else ""
        assigned = [
            other.inputs[1]
            for other in self._meta_graph.nodes.values()
            if other.op == "AssignVariableOp" and len(other.inputs) > 1 and node_of(other.inputs[0]) == variable
        ]
        if holder is not None or not assigned:
            yield Origin("computed", "by a variable")
        for source in assigned if holder is None else ():
            yield from self._trace(None, source, seen)

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
        if asset is not None:
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
        else:
            yield from self._trace(outer, inputs[index + offset], seen)

    def _calling(self, function: str) -> list[tuple[FunctionView | None, NodeView]]:
        if self._callers is None:
            self._callers = {}
            holders: list[FunctionView | None] = [None, *self._meta_graph.functions.values()]
            for holder in holders:
                for node in (holder.nodes if holder else self._meta_graph.nodes).values():
                    for called in functions_of(self._meta_graph, node):
                        self._callers.setdefault(called, []).append((holder, node))
        return self._callers.get(function, [])
