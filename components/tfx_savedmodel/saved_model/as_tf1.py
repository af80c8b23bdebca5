"""A TF2 SavedModel written again as TF1 writes one: variables in their collections, and a Saver of their names."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.garbage import collector_paused
from tfx_savedmodel.saved_model.init_op import initialisers
from tfx_savedmodel.saved_model.meta_graph import RESERVED_SIGNATURES, tensor_names
from tfx_savedmodel.saved_model.pruning import prune_to
from tfx_savedmodel.saved_model.quiet import no_deprecations
from tfx_savedmodel.saved_model.rewrite import edit
from tfx_savedmodel.saved_model.tensors import split_tensor

_ASSETS = "saved_model_assets"
#: Resources whose content comes from a checkpoint, by how their ops' names begin.
_OTHER_STATE = ("MutableHashTable", "MutableDenseHashTable", "AnonymousMutable", "BoostedTrees")


def write_as_tf1(source: Path, tags: Sequence[str], destination: Path) -> None:
    """Load a TF2 SavedModel into a session and save it by TF1's Builder into an empty directory.

    Graph, signatures, tables and assets are the same; there is no object graph any more. What was not judged
    before must not be given here: the model's initialisers run.

    Raises:
      UnsupportedModelError: the model's weights are not variables alone.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    shutil.rmtree(destination)  # Builder wants to make it
    with collector_paused(), no_deprecations(), tf.Graph().as_default() as graph, v1.Session() as session:
        meta_graph = v1.saved_model.load(session, list(tags), str(source))
        _refuse_other_state(meta_graph, str(source))
        init = next(initialisers(meta_graph), None)
        for name in ("saved_model_main_op", _ASSETS):
            graph.get_collection_ref(name).clear()
        main_op = graph.get_operation_by_name(init) if init is not None else None
        handles = [node.name for node in graph.get_operations() if node.type == "VarHandleOp"]
        declared = _declare_variables(graph, _trainable(meta_graph, handles), _filled_by(main_op))
        builder = v1.saved_model.Builder(str(destination))
        builder.add_meta_graph_and_variables(
            session,
            list(tags),
            {key: item for key, item in meta_graph.signature_def.items() if key not in RESERVED_SIGNATURES},
            main_op=main_op,
        )
        builder.save()
    edit(destination, lambda proto: _complete(proto.meta_graphs[0], meta_graph, declared))
    if (source / "assets").is_dir():
        shutil.copytree(source / "assets", destination / "assets", dirs_exist_ok=True)


def _refuse_other_state(meta_graph: Any, where: str) -> None:
    """A table that is filled while training is restored by ops of its own, which a Saver of variables does not have.

    Layers may hold one beside the table that their calls look things up in: what no signature reaches may go.
    """
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    pending, reached = list(_roots_of_signatures(meta_graph)), set[str]()
    while pending:
        name = pending.pop()
        if name in nodes and name not in reached:
            reached.add(name)
            pending += [split_tensor(value.removeprefix("^"))[0] for value in nodes[name].input]
    found = sorted({nodes[name].op for name in reached if nodes[name].op.startswith(_OTHER_STATE)})
    if found:
        raise UnsupportedModelError(
            "the model holds state that TF1 does not save as a variable",
            where=where,
            found=", ".join(found),
            wanted="variables, and tables that are filled at initialisation",
            next_step="leave the builder to the exporter: null",
        )


def _trainable(meta_graph: Any, handles: Collection[str]) -> set[str]:
    """Return the handles of trainable variables, by name.

    Of variables that share a name, TF2's save numbers the handles, in an order of its own: they are trainable only
    where all of them are.
    """
    by_name: dict[str, list[bool]] = {}
    for node in meta_graph.object_graph_def.nodes:
        if node.WhichOneof("kind") == "variable":
            by_name.setdefault(node.variable.name, []).append(node.variable.trainable)

    def of(handle: str) -> list[bool]:
        return by_name.get(handle) or by_name.get(re.sub(r"_\d+$", "", handle)) or [False]

    return {handle for handle in handles if all(of(handle))}


def _filled_by(main_op: Any) -> set[str]:
    """Return the variables that initialisation itself fills: with the paths of assets, which are no weights."""
    pending, seen, found = [main_op] if main_op is not None else [], set[str](), set[str]()
    while pending:
        op = pending.pop()
        if op.name in seen:
            continue
        seen.add(op.name)
        if op.type == "AssignVariableOp":
            found.add(op.inputs[0].op.name)
        pending += [*op.control_inputs, *(tensor.op for tensor in op.inputs)]
    return found


def _declare_variables(graph: Any, trainable: set[str], local: set[str]) -> list[str]:
    """Put each variable of the graph but those in `local` into TF1's collections; return the ops that this adds.

    Its initialiser fills it with zeros: loaders restore it, and weights in the graph would double the model.
    """
    import tensorflow as tf
    from tensorflow.python.ops.resource_variable_ops import ResourceVariable  # no public name makes one of a proto

    v1 = tf.compat.v1
    added: list[str] = []
    handles = [node for node in graph.get_operations() if node.type == "VarHandleOp"]
    for handle in [node for node in handles if node.name not in local]:
        dtype, shape = handle.get_attr("dtype"), tf.TensorShape(handle.get_attr("shape"))
        zeros = _zeros(dtype, [size or 1 for size in shape.as_list()] if shape.rank is not None else [])
        with v1.name_scope(f"{handle.name}/"):
            value = tf.identity(zeros, "initial_value")
            assign = tf.raw_ops.AssignVariableOp(resource=handle.outputs[0], value=value, name="Assign")
            read = tf.raw_ops.ReadVariableOp(resource=handle.outputs[0], dtype=dtype, name="ReadAsTF1")
        proto = protos.variable_pb2().VariableDef(
            variable_name=handle.outputs[0].name,
            initial_value_name=value.name,
            initializer_name=assign.name,
            snapshot_name=read.name,
            is_resource=True,
            trainable=handle.name in trainable,
        )
        variable = ResourceVariable.from_proto(proto)
        graph.add_to_collection(v1.GraphKeys.GLOBAL_VARIABLES, variable)
        if handle.name in trainable:
            graph.add_to_collection(v1.GraphKeys.TRAINABLE_VARIABLES, variable)
        added += [assign.name, read.op.name]
    return added


def _zeros(dtype: Any, sizes: list[int]) -> Any:
    import tensorflow as tf

    return (
        tf.fill(sizes, tf.constant("" if dtype == tf.string else 0, dtype))
        if dtype != tf.bool
        else tf.zeros(sizes, dtype)
    )


def _complete(made: Any, old: Any, declared: Sequence[str]) -> None:
    """Name assets and functions as they were, and leave out TF2's own saver, which nothing reaches any more."""
    for asset in old.asset_file_def:
        made.asset_file_def.add().CopyFrom(asset)
        made.collection_def[_ASSETS].any_list.value.add().Pack(asset)
    prune_to(made, {*_roots(made), *declared})
    left = {body.signature.name for body in made.graph_def.library.function}
    for function, alias in old.meta_info_def.function_aliases.items():
        if function in left:
            made.meta_info_def.function_aliases[function] = alias


def _roots(meta_graph: Any) -> Iterator[str]:
    saver = meta_graph.saver_def
    tensors = [saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name, *initialisers(meta_graph)]
    yield from (split_tensor(tensor)[0] for tensor in tensors if tensor)
    yield from _roots_of_signatures(meta_graph)


def _roots_of_signatures(meta_graph: Any) -> Iterator[str]:
    tensors: list[str] = []
    for signature in meta_graph.signature_def.values():
        for side in (signature.inputs, signature.outputs):
            for info in side.values():
                tensors += tensor_names(info)
    yield from (split_tensor(tensor)[0] for tensor in tensors if tensor)
