"""Ops that an older TensorFlow lacks, said in ops that it has, where that means the same.

Each replacement keeps the node's name and the order of its outputs, so that nothing else changes. What cannot be
told of a graph (an input's rank) shows when the model is run before and after: whoever replaces must do that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from tfx_savedmodel.saved_model.consumers.nodes import NodeJudge
from tfx_savedmodel.saved_model.op_tables import OpTable

_INT32, _STRING, _INT64 = 3, 7, 9
_LARGEST_INT32 = 2**31 - 1


@dataclasses.dataclass
class Scope:
    """The graph, or the function, that holds a node: its nodes, the function's arguments and what it returns, and
    what is added."""

    nodes: Mapping[str, Any]
    arguments: Collection[str] = ()
    function: str | None = None
    returned: Collection[str] = ()
    made: list[Any] = dataclasses.field(default_factory=list)
    renamed: dict[tuple[str, str], str] = dataclasses.field(default_factory=dict)
    """By node and old name: outputs that have another name now, which only functions say."""

    def tensor(self, node: str, output: str, index: int = 0) -> str:
        """Return a tensor's name as inputs write it: functions name the output, graphs number all of them."""
        if self.function is not None:
            return f"{node}:{output}:{index}"
        return f"{node}:{index}" if index else node

    def is_read(self, tensor: str) -> bool:
        """Tell whether a node or the function's caller reads a tensor."""
        return tensor in self.returned or any(tensor in node.input for node in (*self.nodes.values(), *self.made))

    def add(self, beside: Any, name: str, op: str, inputs: Collection[str], types: Mapping[str, int]) -> Any:
        """Add a node on the device of another one, under its name and a free one below."""
        taken = {item.name for item in self.made}
        name = f"{beside.name}/{name}"
        while name in self.nodes or name in taken or name in self.arguments:
            name += "_"
        made = type(beside)(name=name, op=op, device=beside.device)
        made.input.extend(inputs)
        for attribute, number in types.items():
            made.attr[attribute].type = number
        self.made.append(made)
        return made

    def as_int32(self, beside: Any, name: str, tensor: str) -> str:
        """Return an int64 tensor cast."""
        cast = self.add(beside, name, "Cast", [tensor], {"SrcT": _INT64, "DstT": _INT32})
        return self.tensor(cast.name, "y")


def replace(node: Any, scope: Scope, judge: NodeJudge) -> bool:
    """Say a NodeDef in ops of a version where it lacks the op, attribute or kernel; tell whether anything was done."""
    if node.op not in judge.table:
        replacement = _REPLACEMENTS.get(node.op)
        return replacement is not None and replacement(node, scope)
    if judge.normalises_channels_first(node.op, node.attr):
        return _by_channels_last(node, scope)
    return _by_int32_segments(node, scope, judge.table)


def _split_inputs(node: Any) -> tuple[list[str], list[str]]:
    data = [value for value in node.input if not value.startswith("^")]
    return data, [value for value in node.input if value.startswith("^")]


def _by_no_op(node: Any, scope: Scope) -> bool:
    """DisableCopyOnRead undoes, before a restore, what a sparse read of a later version does to a variable.

    What it waited for is waited for still; a function's argument is there from the start.
    """
    names = [value.lstrip("^").partition(":")[0] for value in node.input]
    waits = [f"^{name}" for name in dict.fromkeys(names) if name not in scope.arguments]
    _become(node, "NoOp", waits)
    node.ClearField("attr")
    return True


def _by_parse_example(node: Any, scope: Scope) -> bool:
    """ParseExampleV2 takes the names of features as vectors and knows ragged ones; ParseExample takes one by one."""
    data, waits = _split_inputs(node)
    attributes = node.attr
    dense, sparse = len(attributes["Tdense"].list.type), attributes["num_sparse"].i
    if len(data) != 5 + dense or attributes["ragged_value_types"].list.type:
        return False
    serialized, names, sparse_keys, dense_keys = data[:4]
    keys = [
        *_scalars(node, scope, "sparse_key", sparse_keys, sparse),
        *_scalars(node, scope, "dense_key", dense_keys, dense),
    ]
    _become(node, "ParseExample", [serialized, names, *keys, *data[5:], *waits])
    _keep_attributes(node, "sparse_types Tdense dense_shapes".split())
    node.attr["Nsparse"].i, node.attr["Ndense"].i = sparse, dense
    return True


def _scalars(node: Any, scope: Scope, name: str, tensor: str, count: int) -> Iterator[str]:
    """Yield the elements of a vector of strings as tensors: constants of their own, where it is one."""
    if not count:
        return
    held = scope.nodes.get(tensor.partition(":")[0])
    values = held.attr["value"].tensor.string_val if held is not None and held.op == "Const" else []
    if len(values) != count:
        unpack = scope.add(node, f"{name}s", "Unpack", [tensor], {"T": _STRING})
        unpack.attr["num"].i = count
        yield from (scope.tensor(unpack.name, "output", index) for index in range(count))
        return
    for index, value in enumerate(values):
        constant = scope.add(node, f"{name}_{index}", "Const", [], {"dtype": _STRING})
        constant.attr["value"].tensor.dtype = _STRING
        constant.attr["value"].tensor.tensor_shape.SetInParent()
        constant.attr["value"].tensor.string_val.append(value)
        yield scope.tensor(constant.name, "output")


def _by_bincount(node: Any, scope: Scope) -> bool:
    """Bincount counts int32s, and a vector of them; of a matrix DenseBincount would count each row."""
    if node.attr["binary_output"].b:
        return False
    data, waits = _split_inputs(node)
    numbers, size, weights = data
    if node.attr["Tidx"].type == _INT64:
        # What is above the size is not counted, what is negative is refused: a cast alone would make it something else.
        size = _between(node, scope, "size", size, _int64(node, scope, "largest", _LARGEST_INT32))
        numbers = _between(node, scope, "input", numbers, size)
        numbers, size = (scope.as_int32(node, *named) for named in (("input", numbers), ("size", size)))
    _become(node, "Bincount", [numbers, size, weights, *waits])
    _keep_attributes(node, ["T"])
    scope.renamed[node.name, "output"] = "bins"
    return True


def _between(node: Any, scope: Scope, name: str, tensor: str, most: str) -> str:
    """Return int64s that are -1 at least and at most so much."""
    above = scope.add(node, f"{name}_at_most", "Minimum", [tensor, most], {"T": _INT64})
    least = _int64(node, scope, f"{name}_least", -1)
    both = scope.add(node, f"{name}_between", "Maximum", [scope.tensor(above.name, "z"), least], {"T": _INT64})
    return scope.tensor(both.name, "z")


def _int64(node: Any, scope: Scope, name: str, value: int) -> str:
    constant = scope.add(node, name, "Const", [], {"dtype": _INT64})
    tensor = constant.attr["value"].tensor
    tensor.dtype = _INT64
    tensor.tensor_shape.SetInParent()
    tensor.int64_val.append(value)
    return scope.tensor(constant.name, "output")


#: Ops whose segment ids were int32 alone until 2.3.
_SEGMENTS = frozenset(
    f"SparseSegment{kind}{sizes}" for kind in ("Sum", "Mean", "SqrtN") for sizes in ("", "WithNumSegments")
)
_SEGMENT_TYPE = "Tsegmentids"


def _has_wide_segments(op: str, attributes: Mapping[str, Any], table: OpTable) -> bool:
    if op not in _SEGMENTS or _SEGMENT_TYPE not in attributes or attributes[_SEGMENT_TYPE].type != _INT64:
        return False
    definition = table.get(op)
    return definition is not None and _SEGMENT_TYPE not in definition.attributes


def _by_int32_segments(node: Any, scope: Scope, table: OpTable) -> bool:
    """No model has so many rows that their numbers need 64 bits."""
    if not _has_wide_segments(node.op, node.attr, table):
        return False
    node.input[2] = scope.as_int32(node, "segment_ids", node.input[2])
    del node.attr[_SEGMENT_TYPE]
    return True


def _by_channels_last(node: Any, scope: Scope) -> bool:
    """Transpose before and after, as the kernels of 2.1 and later do themselves.

    The node becomes the second of these, so that its first output keeps its name; the others must be asked of nobody.
    """
    others = (scope.tensor(node.name, name, number if scope.function is None else 0) for number, name in _OTHER_OUTPUTS)
    if any(map(scope.is_read, others)):
        return False
    data, waits = _split_inputs(node)
    types = {"T": node.attr["T"].type, "Tperm": _INT32}
    there, back = (_permutation(node, scope, *sizes) for sizes in (("to_nhwc", 0, 2, 3, 1), ("to_nchw", 0, 3, 1, 2)))
    turned = scope.add(node, "turned", "Transpose", [data[0], there], types)
    norm = scope.add(node, "nhwc", node.op, [scope.tensor(turned.name, "y"), *data[1:], *waits], {})
    norm.attr.MergeFrom(node.attr)
    norm.attr["data_format"].s = b"NHWC"
    _become(node, "Transpose", [scope.tensor(norm.name, "y"), back])
    _keep_attributes(node, [])
    for attribute, number in types.items():
        node.attr[attribute].type = number
    return True


#: The outputs of FusedBatchNorm and its later forms but the first, by number.
_OTHER_OUTPUTS = tuple(
    enumerate(("batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"), 1)
)


def _permutation(node: Any, scope: Scope, name: str, *axes: int) -> str:
    constant = scope.add(node, name, "Const", [], {"dtype": _INT32})
    tensor = constant.attr["value"].tensor
    tensor.dtype = _INT32
    tensor.tensor_shape.dim.add(size=len(axes))
    tensor.int_val.extend(axes)
    return scope.tensor(constant.name, "output")


_REPLACEMENTS: dict[str, Callable[[Any, Scope], bool]] = {
    "DisableCopyOnRead": _by_no_op,
    "ParseExampleV2": _by_parse_example,
    "DenseBincount": _by_bincount,
}


def _become(node: Any, op: str, inputs: Collection[str]) -> None:
    node.op = op
    del node.input[:]
    node.input.extend(inputs)


def _keep_attributes(node: Any, names: Collection[str]) -> None:
    for name in [name for name in node.attr if name not in names and not name.startswith("_")]:
        del node.attr[name]
