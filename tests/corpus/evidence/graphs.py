"""What a saved_model.pb says, by TensorFlow's own parser and its own registry of ops."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

#: Signatures that loaders keep for themselves (tensorflow/python/saved_model/constants.py).
LOADERS_OWN = ("__saved_model_init_op", "__saved_model_train_op")

#: What an op that reaches outside of the graph may have in its name: wider than any list of bad ops.
OUTSIDE = re.compile(
    r"File|Read(er)?(V2|UpTo|UpToV2)?$|Write|Save|Restore|Checkpoint|PyFunc|Print|Rpc|Remote|Record|Dataset|Sql|Debug"
    r"|Dump|Summary|Matching|Load|TRT|Lmdb|LMDB|Event|Vocab|Host|Recv|Send|Skipgram|Unigram"
)

#: Of those, what touches tensors, tables or the process alone.
INSIDE = re.compile(
    r"^(ReadVariableOp|DisableCopyOnRead|TensorArray(Read|Write)V3|_?Host(Recv|Send)|_?(Recv|Send)|ScalarSummary|HistogramSummary|MergeSummary)$"
)


def parse(directory: Path) -> Any:
    """Return the SavedModel proto; raises what TensorFlow's parser raises."""
    from tensorflow.python.saved_model import loader_impl

    return loader_impl.parse_saved_model(str(directory))


def graph_facts(directory: Path) -> Json:
    """Return {"error"} or {"meta_graphs": [...]}, one mapping for each MetaGraph."""
    try:
        proto = parse(directory)
    except Exception as error:  # its words are the evidence
        return {"error": f"{type(error).__name__}: {error}"[:300]}
    return {"meta_graphs": [_meta_graph(meta) for meta in proto.meta_graphs]}


def _meta_graph(meta: Any) -> Json:
    ops = Counter(node.op for _, node in nodes(meta))
    return {
        "tags": sorted(meta.meta_info_def.tags),
        "signatures": {
            key: _signature(signature) for key, signature in meta.signature_def.items() if key not in LOADERS_OWN
        },
        "nodes": sum(ops.values()),
        "unknown_ops": _unknown(meta, ops),
        "incomplete": _incomplete(meta),
        "reference_variables": _references(meta),
        "variables": sum(ops[op] for op in ("VarHandleOp", "VariableV2", "Variable")),
        "devices": dict(sorted(Counter(node.device for _, node in nodes(meta) if node.device).items())),
        "restore": meta.saver_def.restore_op_name if meta.HasField("saver_def") else "",
        "objects": len(meta.object_graph_def.nodes),
        "keras_objects": [
            each.user_object.identifier
            for each in meta.object_graph_def.nodes
            if each.user_object.identifier.startswith("_tf_keras")
        ],
        "constant_bytes": sum(node.attr["value"].ByteSize() for _, node in nodes(meta) if node.op == "Const"),
        "assets": assets(meta),
    }


def nodes(meta: Any) -> Iterator[tuple[str | None, Any]]:
    """Yield (function's name or None, node) of the graph and the whole library."""
    for node in meta.graph_def.node:
        yield None, node
    for function in meta.graph_def.library.function:
        for node in function.node_def:
            yield function.signature.name, node


def assets(meta: Any) -> dict[str, str]:
    """Return the file of each asset by the tensor that holds its path, from both places where TF1 and TF2 write."""
    from tensorflow.core.protobuf import meta_graph_pb2

    definitions = list(meta.asset_file_def)
    for packed in (
        meta.collection_def["saved_model_assets"].any_list.value if "saved_model_assets" in meta.collection_def else ()
    ):
        definition = meta_graph_pb2.AssetFileDef()
        packed.Unpack(definition)
        definitions.append(definition)
    return {definition.tensor_info.name: definition.filename for definition in definitions}


def _signature(signature: Any) -> Json:
    return {
        "method": signature.method_name,
        "inputs": {name: _tensor(info) for name, info in sorted(signature.inputs.items())},
        "outputs": {name: _tensor(info) for name, info in sorted(signature.outputs.items())},
    }


def _tensor(info: Any) -> Json:
    from tensorflow.core.framework import types_pb2

    shape = None if info.tensor_shape.unknown_rank else [size.size for size in info.tensor_shape.dim]
    kind = info.WhichOneof("encoding") or "name"
    return {"kind": kind, "name": info.name, "dtype": types_pb2.DataType.Name(info.dtype), "shape": shape}


def _unknown(meta: Any, ops: Counter[str]) -> dict[str, str]:
    """Return the first node of each op that stock TensorFlow does not register."""
    from tensorflow.python.framework import op_def_registry

    own = {function.signature.name for function in meta.graph_def.library.function}
    found: dict[str, str] = {}
    for _, node in nodes(meta):
        if node.op not in own and node.op not in found and op_def_registry.get(node.op) is None:
            found[node.op] = node.name
    return found


def _references(meta: Any) -> list[str]:
    """Return the nodes that make a variable which is a reference: no input, a ref output, stateful."""
    from tensorflow.python.framework import op_def_registry

    found = []
    for _, node in nodes(meta):
        op = op_def_registry.get(node.op)
        makes = op is not None and not op.input_arg and any(out.is_ref for out in op.output_arg)
        if makes and node.op.startswith(("Variable", "TemporaryVariable", "AutoReloadVariable")):
            found.append(node.name)
    return sorted(found)


def _incomplete(meta: Any) -> list[str]:
    """Return the nodes that lack an attribute which their op's registered definition gives no default for."""
    from tensorflow.python.framework import op_def_registry

    found = []
    for _, node in nodes(meta):
        op = op_def_registry.get(node.op)
        wanted = {attr.name for attr in op.attr if not attr.HasField("default_value")} if op is not None else set()
        if wanted - set(node.attr):
            found.append(node.name)
    return sorted(found)
