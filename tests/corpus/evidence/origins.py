"""Where the file names of a graph's ops come from, followed by hand as far as the corpus needs it."""

from __future__ import annotations

from typing import Any

from tests.corpus.evidence.graphs import INSIDE, OUTSIDE, assets, nodes

#: Which input names the file (the first where an op is not named).
FILE_INPUT = {"InitializeTableFromTextFile": 1, "InitializeTableFromTextFileV2": 1, "InitializeTRTResource": 1}

#: Ops that hand their (first, or all) inputs on.
HAND_ON = frozenset(
    "Identity ReadVariableOp StringJoin ShardedFilename Select SelectV2 Pack ExpandDims PlaceholderWithDefault".split()
)

#: Collections that name what a loader runs after restoring.
INITS = ("saved_model_main_op", "legacy_init_op")


def called(node: Any) -> set[str]:
    """Return what may be a function's name in a node: its op, and its attributes that are functions."""
    one = {value.func.name for value in node.attr.values() if value.HasField("func")}
    return {node.op} | one | {each.name for value in node.attr.values() for each in value.list.func}


class Followed:
    """A MetaGraph's tensors and the calls of its functions."""

    def __init__(self, meta: Any) -> None:
        self.meta = meta
        self.assets = assets(meta)
        self.graphs = {None: {node.name: node for node in meta.graph_def.node}}
        self.arguments: dict[str, list[str]] = {}
        for function in meta.graph_def.library.function:
            self.graphs[function.signature.name] = {node.name: node for node in function.node_def}
            self.arguments[function.signature.name] = [argument.name for argument in function.signature.input_arg]
        self.calls: dict[str, list[tuple[str | None, Any]]] = {}
        for place, node in nodes(meta):
            for name in called(node):
                self.calls.setdefault(name, []).append((place, node))
        self._cut()

    def outside(self) -> list[dict[str, Any]]:
        """Return each op that may reach outside: its node, its function, and where its file name comes from."""
        found = []
        for place, node in nodes(self.meta):
            if not OUTSIDE.search(node.op) or INSIDE.match(node.op):
                continue
            index = FILE_INPUT.get(node.op, 0)
            names = [name for name in node.input if not name.startswith("^")]
            origin = sorted(self.origin(place, names[index])) if index < len(names) else []
            fact = {"op": node.op, "node": node.name, "function": place, "file_name": origin}
            if "output_stream" in node.attr:
                fact["stream"] = node.attr["output_stream"].s.decode()
            found.append({**fact, "served": self.served(place, node.name)})
        return found

    def served(self, place: str | None, name: str) -> bool:
        """Tell whether TensorFlow keeps the node when it cuts the graph down to what serving runs.

        A node of a function counts where what is kept calls that function, through others too.
        """
        return name in self.kept if place is None else place in self.kept_functions

    def _cut(self) -> None:
        from tensorflow.python.framework import graph_util_impl

        ends = {info.name.split(":")[0] for each in self.meta.signature_def.values() for info in each.outputs.values()}
        ends |= {value.split(":")[0] for key in INITS for value in self.meta.collection_def[key].node_list.value}
        ends &= set(self.graphs[None])
        cut = graph_util_impl.extract_sub_graph(self.meta.graph_def, sorted(ends)).node if ends else ()
        self.kept = {node.name for node in cut}
        self.kept_functions: set[str] = set()
        ahead = [name for node in cut for name in called(node)]
        while ahead:
            function = ahead.pop()
            if function in self.graphs and function not in self.kept_functions:
                self.kept_functions.add(function)
                ahead += [name for node in self.graphs[function].values() for name in called(node)]

    def origin(self, place: str | None, name: str, depth: int = 0) -> set[str]:
        """Return what a tensor's value is made of: assets, the saver's file name, constants, placeholders."""
        plain = name.split(":")[0]
        full = name if ":" in name else f"{name}:0"
        if place is None and full in self.assets:
            return {f"asset {self.assets[full]}"}
        if place is None and full == self.meta.saver_def.filename_tensor_name:
            return {"saver"}
        if depth > 40:
            return {"too deep"}
        if place is not None and plain in self.arguments[place]:
            return self._argument(place, self.arguments[place].index(plain), depth)
        node = self.graphs[place].get(plain)
        if node is None:
            return {f"no node {plain}"}
        if node.op == "Const":
            return {f"constant {[bytes(value) for value in node.attr['value'].tensor.string_val][:3]}"}
        if node.op == "VarHandleOp":
            return self._assigned(place, plain, depth)
        if node.op in HAND_ON:
            inputs = [value for value in node.input if not value.startswith("^")]
            inputs = inputs[1:] if node.op.startswith("Select") else inputs
            return set().union(*(self.origin(place, value, depth + 1) for value in inputs)) if inputs else {node.op}
        return {f"{node.op} {plain}"}

    def _assigned(self, place: str | None, variable: str, depth: int) -> set[str]:
        """Return what is assigned to a variable: TF2 keeps an asset's path in one."""
        found: set[str] = set()
        for node in self.graphs[place].values():
            if node.op == "AssignVariableOp" and node.input[0].split(":")[0] == variable:
                found |= self.origin(place, node.input[1], depth + 1)
        return found or {f"variable {variable}"}

    def _argument(self, function: str, index: int, depth: int) -> set[str]:
        found: set[str] = set()
        for place, node in self.calls.get(function, ()):
            inputs = [value for value in node.input if not value.startswith("^")]
            if index < len(inputs):
                found |= self.origin(place, inputs[index], depth + 1)
        return found | self._captured(function, index) or {f"argument {index} of {function}, which nothing calls"}

    def _captured(self, function: str, index: int) -> set[str]:
        """Return the asset that TF2's object graph gives a function for this argument."""
        graph = self.meta.object_graph_def
        concrete = graph.concrete_functions.get(function) if function in graph.concrete_functions else None
        if concrete is None:
            return set()
        place = index - (len(self.arguments[function]) - len(concrete.bound_inputs))
        if place < 0:
            return {f"caller of {function}"}
        bound = graph.nodes[concrete.bound_inputs[place]]
        if bound.WhichOneof("kind") == "asset":
            return {f"asset {self.meta.asset_file_def[bound.asset.asset_file_def_index].filename}"}
        return {f"captured {bound.WhichOneof('kind')}"}
