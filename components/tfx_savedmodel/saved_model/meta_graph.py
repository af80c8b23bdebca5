"""A MetaGraphDef proto as a MetaGraphView."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.attributes import called_functions, plain_value, shape_of
from tfx_savedmodel.saved_model.op_tables import holds_functions
from tfx_savedmodel.saved_model.parse import Fault
from tfx_savedmodel.saved_model.structures import function_kinds
from tfx_savedmodel.saved_model.view import (
    FunctionView,
    MetaGraphView,
    NodeView,
    OpView,
    SaverView,
    SignatureView,
    TensorSpec,
)

#: Keys under which the loader looks for ops of its own; no client calls them.
INIT_SIGNATURE = "__saved_model_init_op"
RESERVED_SIGNATURES = (INIT_SIGNATURE, "__saved_model_train_op")
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
_ASSETS_COLLECTION = "saved_model_assets"
_IMPLEMENTS = "api_implements"
_TABLES, _LOCAL_VARIABLES = "table_initializer", "local_variables"


class _Lazy(Mapping[str, Any]):
    """A mapping built when first looked into: most checks look into few functions."""

    def __init__(self, build: Callable[[], dict[str, Any]]) -> None:
        self._build = build

    @functools.cached_property
    def _items(self) -> dict[str, Any]:
        return self._build()

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    # What follows is there for speed: a graph of some ten thousand nodes is gone through by every check.
    def __contains__(self, key: object) -> bool:
        return key in self._items

    def get(self, key: str, default: Any = None) -> Any:
        return self._items.get(key, default)

    def values(self) -> ValuesView[Any]:
        return self._items.values()

    def items(self) -> ItemsView[str, Any]:
        return self._items.items()


def read_meta_graph(proto: Any) -> MetaGraphView:
    """Return one MetaGraph of a SavedModel as plain data; nodes are read when looked at.

    Raises:
      Fault: an asset's entry, or that of a local variable that loaders initialise, does not parse.
    """
    library = proto.graph_def.library.function
    assets = _assets(proto)
    return MetaGraphView(
        tags=tuple(proto.meta_info_def.tags),
        signatures={
            key: _signature(key, value)
            for key, value in sorted(proto.signature_def.items())
            if key not in RESERVED_SIGNATURES
        },
        nodes=_Lazy(functools.partial(_nodes, proto.graph_def.node)),
        functions=_Lazy(lambda: {item.signature.name: _function(item) for item in library}),
        ops=_Lazy(lambda: {op.name: _op(op) for op in proto.meta_info_def.stripped_op_list.op}),
        init_ops=tuple(_init_ops(proto)),
        assets=dict(assets),
        saver=_saver(proto),
        tensorflow_version=proto.meta_info_def.tensorflow_version,
        is_tf2=bool(proto.object_graph_def.nodes),
        graph_bytes=proto.graph_def.ByteSize(),
        captured_assets=_Lazy(functools.partial(_captured_assets, proto)),
        captured_variables=_Lazy(functools.partial(_captured_variables, proto)),
        function_kinds=_Lazy(functools.partial(function_kinds, proto.object_graph_def)),
        producer=proto.graph_def.versions.producer,
        default_init_ops=tuple(_default_init_ops(proto)),
        gradients=_Lazy(functools.partial(_gradients, proto.graph_def.library)),
        asset_files=tuple(dict.fromkeys(assets)),
        repeated=_Lazy(functools.partial(_repeated, proto.graph_def)),
        taken_names=tuple(key for key in RESERVED_SIGNATURES if _is_taken(proto.signature_def, key)),
        object_metadata=_Lazy(lambda: dict(_object_metadata(proto.object_graph_def))),
    )


def _nodes(nodes: Iterable[Any]) -> dict[str, NodeView]:
    return {node.name: _node(node) for node in nodes}


def _node(node: Any) -> NodeView:
    return NodeView(
        name=node.name,
        op=node.op,
        inputs=tuple(node.input),
        device=node.device,
        functions=called_functions(node) if holds_functions(node.op) else (),
        read_attr=functools.partial(_attr, node),
        raw=functools.partial(getattr, node, "attr"),
    )


def _attr(node: Any, name: str) -> Any:
    return plain_value(node.attr[name]) if name in node.attr else None


def _function(proto: Any) -> FunctionView:
    return FunctionView(
        name=proto.signature.name,
        arguments=_arguments(proto.signature.input_arg),
        nodes=_Lazy(functools.partial(_nodes, proto.node_def)),
        returns={argument.name: proto.ret[argument.name] for argument in proto.signature.output_arg},
        control_returns=tuple(proto.control_ret.values()),
        implements=proto.attr[_IMPLEMENTS].s.decode("utf-8", "replace") if _IMPLEMENTS in proto.attr else "",
    )


def _gradients(library: Any) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {"": tuple(item.gradient_func for item in library.registered_gradients)}
    for item in library.gradient:
        found[item.function_name] = (*found.get(item.function_name, ()), item.gradient_func)
    return found


def _repeated(graph: Any) -> dict[str, int]:
    """No loader takes such a graph, and a reader by names sees one of them only."""
    counts = Counter(f"function {item.signature.name!r}" for item in graph.library.function)
    counts.update(f"node {node.name!r}" for node in graph.node)
    return {name: count for name, count in counts.items() if count > 1}


def _arguments(arguments: Any) -> tuple[str, ...]:
    """Return the arguments' names in order; none where one stands for several, which moves the others."""
    if any(argument.number_attr or argument.type_list_attr for argument in arguments):
        return ()
    return tuple(argument.name for argument in arguments)


def _op(proto: Any) -> OpView:
    outputs = tuple(
        (
            argument.name,
            protos.dtype_name(argument.type) if argument.type else "",
            argument.type_attr,
            argument.number_attr,
            argument.type_list_attr,
        )
        for argument in proto.output_arg
    )
    defaults = {
        attribute.name: attribute.default_value.SerializeToString(deterministic=True)
        for attribute in proto.attr
        if attribute.HasField("default_value")
    }
    return OpView(name=proto.name, outputs=outputs, is_stateful=proto.is_stateful, defaults=defaults)


def _signature(key: str, proto: Any) -> SignatureView:
    return SignatureView(
        key=key,
        method_name=proto.method_name,
        inputs={name: tensor_spec(info) for name, info in proto.inputs.items()},
        outputs={name: tensor_spec(info) for name, info in proto.outputs.items()},
    )


def tensor_spec(info: Any) -> TensorSpec:
    """Return a TensorInfo proto as plain data."""
    encoding = info.WhichOneof("encoding")
    kind = {"coo_sparse": "sparse", "composite_tensor": "composite"}.get(encoding or "", "dense")
    # Before TF 1.0 signatures said neither dtype nor shape.
    shape = shape_of(info.tensor_shape) if info.dtype else None
    parts = () if kind == "dense" else tuple(tensor_names(info))
    return TensorSpec(info.name, protos.dtype_name(info.dtype), shape, kind, parts)


def tensor_names(info: Any) -> Iterator[str]:
    """Yield the graph tensors of a TensorInfo, which may stand for several."""
    kind = info.WhichOneof("encoding")
    if info.name:
        yield info.name
    elif kind == "coo_sparse":
        sparse = info.coo_sparse
        yield from (sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name)
    elif kind == "composite_tensor":
        for component in info.composite_tensor.components:
            yield from tensor_names(component)


def _init_ops(proto: Any) -> Iterator[str]:
    if INIT_SIGNATURE in proto.signature_def:
        for info in proto.signature_def[INIT_SIGNATURE].outputs.values():
            yield info.name.partition(":")[0]
    for name in _INIT_COLLECTIONS:
        if name in proto.collection_def:
            yield from (value.partition(":")[0] for value in proto.collection_def[name].node_list.value)


def _is_taken(signatures: Any, key: str) -> bool:
    """Tell whether a loader's own key holds a signature for clients: what savers write there has outputs only."""
    return key in signatures and bool(signatures[key].inputs or signatures[key].method_name)


def _default_init_ops(proto: Any) -> Iterator[str]:
    """Yield what `Scaffold.default_local_init_op` groups. Source: tensorflow/python/saved_model/load_v1_in_v2.py."""
    from google.protobuf.message import DecodeError

    if any(_init_ops(proto)):
        return
    if _TABLES in proto.collection_def:
        yield from (value.partition(":")[0] for value in proto.collection_def[_TABLES].node_list.value)
    packed = proto.collection_def[_LOCAL_VARIABLES].bytes_list.value if _LOCAL_VARIABLES in proto.collection_def else ()
    try:
        for value in packed:
            yield protos.variable_pb2().VariableDef.FromString(value).initializer_name.partition(":")[0]
    except DecodeError as error:
        raise Fault(f"an entry of its collection {_LOCAL_VARIABLES} does not parse") from error


def _assets(proto: Any) -> list[tuple[str, str]]:
    """Return (graph tensor, file name) of each asset; two may name one tensor, and a loader of TF2 takes both."""
    from google.protobuf.message import DecodeError

    found = [(item.tensor_info.name, item.filename) for item in proto.asset_file_def]
    if _ASSETS_COLLECTION in proto.collection_def:
        for packed in proto.collection_def[_ASSETS_COLLECTION].any_list.value:
            item = protos.meta_graph_pb2().AssetFileDef()
            try:
                unpacked = packed.Unpack(item)
            except DecodeError as error:
                raise Fault(f"an entry of its collection {_ASSETS_COLLECTION} does not parse") from error
            if unpacked:
                found.append((item.tensor_info.name, item.filename))
    return found


def _captured_assets(proto: Any) -> dict[str, dict[int, str]]:
    """Captures are a function's last arguments; the object graph says which of them are assets."""
    objects = proto.object_graph_def
    arguments = {item.signature.name: len(item.signature.input_arg) for item in proto.graph_def.library.function}
    found: dict[str, dict[int, str]] = {}
    for name, function in objects.concrete_functions.items():
        first = arguments.get(name, 0) - len(function.bound_inputs)
        found[name] = {}
        for offset, number in enumerate(function.bound_inputs):
            bound = objects.nodes[number] if 0 <= number < len(objects.nodes) else None
            if bound is None or bound.WhichOneof("kind") != "asset":
                continue
            index = bound.asset.asset_file_def_index
            if 0 <= index < len(proto.asset_file_def):
                found[name][first + offset] = proto.asset_file_def[index].filename
    for node in objects.nodes:  # a loader takes any function of the library that an object names
        kind = node.WhichOneof("kind")
        names = node.function.concrete_functions if kind == "function" else ()
        names = [node.bare_concrete_function.concrete_function_name] if kind == "bare_concrete_function" else names
        for name in names:
            found.setdefault(name, {})
    return found


def _object_metadata(objects: Any) -> Iterator[tuple[str, str]]:
    """Yield what Keras before 2.5 wrote of each of its objects. Later ones leave the field empty."""
    for number, node in enumerate(objects.nodes):
        if node.WhichOneof("kind") == "user_object" and node.user_object.metadata:
            yield f"object {number}", node.user_object.metadata


def _captured_variables(proto: Any) -> dict[str, tuple[str, ...]]:
    objects = proto.object_graph_def
    names = {
        number: node.variable.name for number, node in enumerate(objects.nodes) if node.WhichOneof("kind") == "variable"
    }
    return {
        name: tuple(names[number] for number in function.bound_inputs if number in names)
        for name, function in objects.concrete_functions.items()
    }


def _saver(proto: Any) -> SaverView | None:
    saver = proto.saver_def
    if not saver.restore_op_name and not saver.save_tensor_name:
        return None
    return SaverView(saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name)
