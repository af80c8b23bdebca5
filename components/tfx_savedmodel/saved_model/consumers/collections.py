"""TF1's collections of a MetaGraph for a consumer: what they name is kept, or they name it no more.

TF1's importer and TF2's loader of TF1 models make Python objects of variables, loops and branches, and fail where
a node that one of them names is gone. TF2's loader lifts a variable by its handle and never runs its initialiser,
since a restore follows; so what an initialiser computes is cut off, and a placeholder stands in its place.
Sources: framework/meta_graph.py, ops/variables.py (`_init_from_proto` of ops/resource_variable_ops.py and
ref_variable.py), ops/control_flow_ops.py and eager/wrap_function.py of TensorFlow 1.15 and 2.15.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.consumers.keep import Keeper, Uses
from tfx_savedmodel.saved_model.tensors import split_tensor

_VARIABLES = (
    "variables trainable_variables local_variables model_variables moving_average_variables metric_variables "
    "concatenated_variables global_step"
).split()
#: What TF2's loader initialises where a model has no initialiser of its own.
_INITIALISED = ("local_variables", "table_initializer")
_ASSIGNMENTS = ("Assign", "AssignVariableOp")


@dataclasses.dataclass
class Collections:
    """The collections of a MetaGraph proto, and which of a graph's nodes they make stay."""

    keeper: Keeper
    fits: Callable[[Uses], bool]
    cut: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Variables whose initialiser is cut off, as VariableDef by its name."""

    @property
    def _held(self) -> Any:
        return self.keeper.meta_graph.collection_def

    def add(self, kept: Uses) -> None:
        """Add what must stay for the variables, loops and branches that stay, and mark what is cut off."""
        view = self.keeper.view
        if "table_initializer" in self._held and not view.init_ops:
            for name in self._held["table_initializer"].node_list.value:
                self._add_if_fits(kept, [_node(name)])
        local = {item.variable_name for item in self._protos("local_variables")}
        for key in _VARIABLES:
            for item in self._protos(key):
                if _node(item.variable_name) in kept.nodes:
                    self._add_variable(kept, item, item.variable_name in local)
        for key in ("while_context", "cond_context"):
            for item in self._protos(key):
                names = list(_names(item))
                if _node(item.pivot_name) in kept.nodes and all(_node(name) in view.nodes for name in names):
                    self._add_if_fits(kept, map(_node, names))

    def _add_variable(self, kept: Uses, item: Any, local: bool) -> None:
        if item.snapshot_name:
            self._add_if_fits(kept, [_node(item.snapshot_name)])
        initializer = _node(item.initializer_name)
        if initializer in kept.nodes or initializer not in self.keeper.view.nodes:
            return
        if local and self._add_if_fits(kept, [initializer]):
            return
        self.cut[item.variable_name] = item
        kept.nodes.add(initializer)

    def _add_if_fits(self, kept: Uses, nodes: Any) -> bool:
        found = self.keeper.uses(nodes)
        if not self.fits(found):
            return False
        kept.add(found)
        return True

    def cut_initialisers(self, kept: Uses) -> None:
        """Give what is cut off a placeholder to wait for: whoever runs it is told that there is no value."""
        graph = self.keeper.meta_graph.graph_def
        nodes = {node.name: node for node in graph.node}
        for item in self.cut.values():
            node, handle = nodes[_node(item.initializer_name)], nodes[_node(item.variable_name)]
            if node.op not in _ASSIGNMENTS or len(node.input) < 2:
                node.op = "NoOp"
                node.ClearField("attr")
                del node.input[:]
                continue
            placeholder = graph.node.add(name=_free(f"{node.name}/no_value", nodes), op="Placeholder")
            nodes[placeholder.name] = placeholder
            kept.nodes.add(placeholder.name)
            placeholder.attr["dtype"].type = handle.attr["dtype"].type
            placeholder.attr["shape"].shape.CopyFrom(handle.attr["shape"].shape)
            del node.input[1:]
            node.input.append(placeholder.name)
            item.initial_value_name = f"{placeholder.name}:0"

    def prune(self, nodes: set[str]) -> None:
        """Take out the entries that name a node which is not there; every other entry stays."""
        for key in list(self._held):
            held = self._held[key]
            kind = held.WhichOneof("kind")
            if kind == "node_list":
                left = [value for value in held.node_list.value if _node(value) in nodes]
                del held.node_list.value[:]
                held.node_list.value.extend(left)
            elif kind == "bytes_list" and key in _PROTOS:
                entries = [self._with_value(item, nodes) for item in self._protos(key)]
                del held.bytes_list.value[:]
                held.bytes_list.value.extend(
                    item.SerializeToString(deterministic=True)
                    for item in entries
                    if all(_node(name) in nodes for name in _names(item))
                )
            if kind is not None and not getattr(held, kind).value:
                del self._held[key]

    def _with_value(self, item: Any, nodes: set[str]) -> Any:
        """A variable need not name its initial value."""
        cut = self.cut.get(getattr(item, "variable_name", ""))
        if cut is not None:
            item.initial_value_name = cut.initial_value_name
        if getattr(item, "initial_value_name", "") and _node(item.initial_value_name) not in nodes:
            item.ClearField("initial_value_name")
        return item

    def _protos(self, key: str) -> list[Any]:
        """Return the entries of a collection that is known to hold protos of one kind.

        Raises:
          UnreadableModelError: one cannot be parsed.
        """
        if key not in self._held or self._held[key].WhichOneof("kind") != "bytes_list":
            return []
        return [_parsed(key, number, value) for number, value in enumerate(self._held[key].bytes_list.value)]


def _parsed(key: str, number: int, value: bytes) -> Any:
    from google.protobuf.message import DecodeError

    kind = _PROTOS[key]()
    try:
        return kind.FromString(value)
    except DecodeError as error:
        raise UnreadableModelError(
            "the model has a collection that cannot be read",
            where=f"entry {number} of the collection {key!r}",
            found=str(error),
            wanted=f"a serialized {kind.DESCRIPTOR.name}",
            next_step="export without a target: what an older TensorFlow makes of it cannot be told",
        ) from error


def _variable() -> Any:
    return protos.variable_pb2().VariableDef


#: What a collection's bytes are; others are names of people's own, or unknown, and stay.
_PROTOS: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(_VARIABLES, _variable),
    "while_context": lambda: protos.control_flow_pb2().WhileContextDef,
    "cond_context": lambda: protos.control_flow_pb2().CondContextDef,
    "savers": lambda: protos.saver_pb2().SaverDef,
    "queue_runners": lambda: protos.queue_runner_pb2().QueueRunnerDef,
}

#: Fields of these protos that hold other text than names of nodes.
_NO_NODES = ("context_name", "full_name")


def _names(item: Any) -> Iterator[str]:
    """Yield the nodes and tensors that a proto names, at any depth."""
    for field, value in item.ListFields():
        if field.name in _NO_NODES:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            # ValuesDef.external_values: a tensor outside of the context -> one inside of it.
            yield from (text for pair in value.items() for text in pair if isinstance(text, str))
            continue
        for each in value if hasattr(value, "extend") else [value]:
            if field.message_type is not None:
                yield from _names(each)
            elif isinstance(each, str) and each:
                yield each


def _node(name: str) -> str:
    return split_tensor(name.lstrip("^"))[0]


def _free(name: str, taken: Any) -> str:
    while name in taken:
        name += "_"
    return name
