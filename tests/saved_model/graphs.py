"""SavedModels made by hand as protos: no TensorFlow is needed to have one, nor to have a bad one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.view import GraphView

FLOAT, STRING, INT64 = 1, 7, 9
DTYPES = {"float32": FLOAT, "string": STRING, "int64": INT64}


def node(name: str, op: str, *inputs: str, **attrs: Any) -> dict[str, Any]:
    """Return a node; an attribute is a str (a function's name starts with "@"), a dtype as int, a list of str,
    the raw bytes of a constant, or an AttrValue proto. With `| {"device": …}` it is tied to a device.
    """
    return {"name": name, "op": op, "inputs": inputs, "attrs": attrs}


def save(
    directory: Path,
    nodes: Iterable[Mapping[str, Any]] = (),
    *,
    signatures: Mapping[str, Mapping[str, Any]] | None = None,
    functions: Mapping[str, Mapping[str, Any]] | None = None,
    assets: Mapping[str, str] | None = None,
    init_op: str = "",
    saver: tuple[str, str, str] | None = None,
    callable_functions: Mapping[str, Iterable[int]] | None = None,
    tags: Iterable[str] = ("serve",),
) -> Path:
    """Write `saved_model.pb` and return its directory.

    A signature is {"inputs": {name: (tensor, dtype, shape)}, "outputs": …, "method_name": …}; a
    function {"arguments": […], "nodes": […], "returns": {name: tensor}}. With `callable_functions`
    (name -> numbers of captured assets) there is an object graph, as TF2 writes. `saver` names its
    file name tensor, save tensor and restore op.
    """
    proto = protos.saved_model_pb2().SavedModel(saved_model_schema_version=1)
    meta = proto.meta_graphs.add()
    meta.meta_info_def.tags.extend(tags)
    meta.meta_info_def.tensorflow_version = "2.15.1"
    for item in nodes:
        _fill(meta.graph_def.node.add(), item)
    for name, function in (functions or {}).items():
        _function(meta.graph_def.library.function.add(), name, function)
    for key, signature in (signatures or {}).items():
        _signature(meta.signature_def[key], signature)
    for tensor, file in (assets or {}).items():
        asset = meta.asset_file_def.add(filename=file)
        asset.tensor_info.name = tensor
    if init_op:
        meta.collection_def["saved_model_main_op"].node_list.value.append(init_op)
    if saver is not None:
        names = meta.saver_def
        names.filename_tensor_name, names.save_tensor_name, names.restore_op_name = saver
    if callable_functions is not None:
        _objects(meta.object_graph_def, callable_functions)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "saved_model.pb").write_bytes(proto.SerializeToString())
    for file in (assets or {}).values():
        (directory / "assets").mkdir(exist_ok=True)
        (directory / "assets" / file).write_text("a\nb\n", encoding="utf-8")
    return directory


def view(directory: Path, *args: Any, **kwargs: Any) -> GraphView:
    """Save a model and read it."""
    return read_saved_model(save(directory, *args, **kwargs))


def tensor(name: str, dtype: str = "float32", shape: Iterable[int | None] | None = (None,)) -> tuple[Any, ...]:
    """Return an input or output of a signature."""
    return name, dtype, shape


def _fill(proto: Any, item: Mapping[str, Any]) -> None:
    proto.name, proto.op = item["name"], item["op"]
    proto.input.extend(item["inputs"])
    proto.device = item.get("device", "")
    for name, value in item["attrs"].items():
        attr = proto.attr[name]
        if isinstance(value, str) and value.startswith("@"):
            attr.func.name, _, held = value[1:].partition("[")
            if held:  # "@outer[inner]": the function takes one that it holds itself
                attr.func.attr["F"].func.name = held.rstrip("]")
        elif isinstance(value, bytes):
            attr.tensor.dtype, attr.tensor.tensor_content = STRING, value
        elif isinstance(value, str):
            attr.s = value.encode()
        elif isinstance(value, list):
            attr.tensor.dtype = STRING
            attr.tensor.string_val.extend(text.encode() for text in value)
        elif isinstance(value, int):
            attr.type = value
        elif isinstance(value, type(attr)):
            attr.CopyFrom(value)
        else:
            attr.shape.CopyFrom(value)


def _function(proto: Any, name: str, function: Mapping[str, Any]) -> None:
    proto.signature.name = name
    for argument in function.get("arguments", ()):
        proto.signature.input_arg.add(name=argument, type=STRING)
    for item in function["nodes"]:
        _fill(proto.node_def.add(), item)
    for output, source in function.get("returns", {}).items():
        proto.signature.output_arg.add(name=output, type=STRING)
        proto.ret[output] = source


def _signature(proto: Any, signature: Mapping[str, Any]) -> None:
    proto.method_name = signature.get("method_name", "tensorflow/serving/predict")
    for side in ("inputs", "outputs"):
        for name, (graph_tensor, dtype, shape) in signature.get(side, {}).items():
            info = getattr(proto, side)[name]
            info.name, info.dtype = graph_tensor, DTYPES[dtype]
            info.tensor_shape.unknown_rank = shape is None
            for size in shape or ():
                info.tensor_shape.dim.add(size=-1 if size is None else size)


def _objects(proto: Any, functions: Mapping[str, Iterable[int]]) -> None:
    proto.nodes.add().user_object.identifier = "_generic_user_object"
    for name, assets in functions.items():
        proto.concrete_functions[name].SetInParent()
        for number in assets:
            proto.nodes.add().asset.asset_file_def_index = number
            proto.concrete_functions[name].bound_inputs.append(len(proto.nodes) - 1)
