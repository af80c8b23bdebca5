"""A TF1 graph in a file, with the checkpoint that has its variables, as a SavedModel of the plainest form."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError, UnsupportedModelError, UsageError
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.attributes import shape_of
from tfx_savedmodel.saved_model.graph_files import GraphFile
from tfx_savedmodel.saved_model.init_op import initialisers, set_init_op
from tfx_savedmodel.saved_model.meta_graph import INIT_SIGNATURE, RESERVED_SIGNATURES, tensor_names
from tfx_savedmodel.saved_model.reachability import ancestors, node_of
from tfx_savedmodel.saved_model.view import VARIABLE_OPS, Shape
from tfx_savedmodel.sources.tf1.assets import add_assets, find_assets
from tfx_savedmodel.sources.tf1.checkpoint_files import CheckpointFiles, refuse_misfits
from tfx_savedmodel.sources.tf1.cut import cut, variable_defs, whole_loops
from tfx_savedmodel.sources.tf1.declare import declare, slices
from tfx_savedmodel.sources.tf1.feeds import Signature, place_feeds
from tfx_savedmodel.sources.tf1.needs import (
    Needs,
    find_needs,
    nodes_by_name,
    signature_tensors,
    with_local_variables,
)
from tfx_savedmodel.sources.tf1.soundness import refuse_broken_graph, saver_fits

_INIT = "tfx_savedmodel/init"
_MAIN_OP, _LEGACY = "saved_model_main_op", "legacy_init_op"
_TABLES_WITHOUT_FILE = ("MutableHashTable", "MutableDenseHashTable")
_SHOWN = 8
_VERSION = re.compile(r"\d+(\.\d+)*([-.]?(a|b|rc|dev|post)[-.]?\d*)*(\+[a-z0-9.]+)?")
#: What any machine has.
_OWN_DEVICE = re.compile(r"(/device:CPU:[0*]|/cpu:0)?", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the plan says: the tensors that its signatures name, the MetaGraph's tags, an op that initialises."""

    signatures: tuple[Signature, ...]
    tags: tuple[str, ...] = ("serve",)
    init_op: str | None = None

    @property
    def tensors(self) -> tuple[str, ...]:
        """Every tensor, each once."""
        return tuple(dict.fromkeys(tensor for sides in self.signatures for side in sides for tensor in side))


@dataclasses.dataclass(frozen=True)
class NormalForm:
    """A MetaGraph ready to be written, cut to what the plan's tensors need.

    `complete` is whether these tensors are known: else the graph is whole and has no variables' values,
    which is enough to say what is wrong with the plan. `restores` is whether a session must put the checkpoint's
    values into it; else its own saver does, from the checkpoint's files as they are.
    """

    meta_graph: Any
    wanted: Wanted
    initialisers: tuple[str, ...] = ()
    assets: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    checkpoint: CheckpointFiles | None = None
    complete: bool = True
    restores: bool = False
    notes: tuple[str, ...] = ()

    def write(self, directory: Path, *, tensors_as: str | None = None) -> None:
        """Write a SavedModel to an empty directory; without variables where a session is to restore them.

        Args:
          tensors_as: the key of a signature over the plan's tensors, for whoever judges what they reach.
        """
        made = _copy(self.meta_graph)
        self.finish(made, directory)
        if tensors_as is not None:
            for index, tensor in enumerate(self.wanted.tensors):
                made.signature_def[tensors_as].outputs[str(index)].name = tensor
        if self.checkpoint is not None and not self.restores:
            self.checkpoint.carry(directory)
        write_saved_model(made, directory)

    def finish(self, made: Any, directory: Path) -> None:
        """Give a MetaGraph its tags, signatures, assets and the op that initialises it."""
        del made.meta_info_def.tags[:]
        made.meta_info_def.tags.extend(self.wanted.tags)
        for key, signature in self.meta_graph.signature_def.items():
            made.signature_def[key].CopyFrom(signature)
        add_assets(made, self.assets, directory)
        for key in (_MAIN_OP, _LEGACY):
            if key in made.collection_def:
                del made.collection_def[key]
        initialisers = self._behind_the_plans(made)
        if initialisers:
            taken, name = {node.name for node in made.graph_def.node}, _INIT
            while name in taken:
                name += "_"
            made.graph_def.node.add(name=name, op="NoOp", input=[f"^{item}" for item in initialisers])
            made.collection_def[_MAIN_OP].node_list.value.append(name)

    def _behind_the_plans(self, made: Any) -> tuple[str, ...]:
        """Return what initialises: the plan's own op, if it names one, which loaders run alone, after the others."""
        if not self.complete or self.wanted.init_op is None:
            return self.initialisers
        nodes, name = nodes_by_name(made), node_of(self.wanted.init_op)
        before = ancestors(nodes, [name])
        waits = [item for item in self.initialisers if item not in before and name not in ancestors(nodes, [item])]
        nodes[name].input.extend(f"^{item}" for item in waits)
        return (name,)


def write_saved_model(meta_graph: Any, directory: Path) -> None:
    """Write `saved_model.pb` with this one MetaGraph."""
    proto = protos.saved_model_pb2().SavedModel(saved_model_schema_version=1)
    proto.meta_graphs.add().CopyFrom(meta_graph)
    (directory / "saved_model.pb").write_bytes(proto.SerializeToString(deterministic=True))


def normal_form(file: GraphFile, checkpoint: CheckpointFiles | None, wanted: Wanted) -> NormalForm:
    """Return what is to be written of a graph and its checkpoint; nothing is run.

    Raises:
      UsageError: variables and no checkpoint.
      UnsupportedModelError: a variable that the checkpoint lacks, an asset that is not beside the model.
      UnreadableModelError: the checkpoint, or a collection of the graph, cannot be read, or the graph is broken.
    """
    from google.protobuf.message import DecodeError

    try:
        return _normal_form(file, checkpoint, wanted)
    except DecodeError as error:
        raise UnreadableModelError(
            "what the graph says of its variables or loops cannot be read",
            where=str(file.path),
            found=str(error),
            wanted="a MetaGraphDef as TensorFlow writes it",
            next_step="write it again with tf.compat.v1.train.export_meta_graph",
        ) from error


def _normal_form(file: GraphFile, checkpoint: CheckpointFiles | None, wanted: Wanted) -> NormalForm:
    made = _copy(file.meta_graph)
    for field in ("object_graph_def", "asset_file_def"):  # of a SavedModel that it was taken out of
        made.ClearField(field)
    if (
        _VERSION.fullmatch(made.meta_info_def.tensorflow_version) is None
    ):  # such as 0.12.head, which loaders cannot read
        made.meta_info_def.tensorflow_version = ""
    _drop_reserved(made, str(file.path))
    nodes = nodes_by_name(made)
    notes = tuple(_clear_devices(made))
    named = [*wanted.tensors, *signature_tensors(made), *([wanted.init_op] if wanted.init_op else [])]
    if not named or any(node_of(name) not in nodes for name in named):
        made.ClearField("saver_def")
        cut(made, nodes.keys())
        return NormalForm(made, wanted, complete=False, notes=notes)
    own = [(_tensors(item.inputs), _tensors(item.outputs)) for item in made.signature_def.values()]
    placed = place_feeds(made, [*wanted.signatures, *own])
    notes += (f"placeholders are in the place of what is fed: {', '.join(placed)}",) if placed else ()
    nodes = nodes_by_name(made)
    needs = find_needs(made, wanted.tensors, wanted.init_op)
    where = str(checkpoint.prefix if checkpoint is not None else file.path)
    if checkpoint is not None and saver_fits(made, nodes, checkpoint):
        refuse_misfits(_shapes(nodes, needs.variables(nodes)), checkpoint.shapes or {}, where)
        needs, more = _with_saver(made, nodes, needs, where, wanted.init_op)
        restores = False
        notes += more
    else:
        needs, restores = _without_saver(made, nodes, needs, checkpoint, file, wanted.init_op)
    refuse_broken_graph(made, str(file.path))
    assets = find_assets(made, needs.nodes, (checkpoint.prefix if checkpoint else file.path).parent)
    has_weights = restores or bool(made.saver_def.restore_op_name)
    weights = checkpoint if has_weights else None
    return NormalForm(made, wanted, needs.initialisers, assets, weights, True, restores, notes)


def _tensors(side: Mapping[str, Any]) -> list[str]:
    return [tensor for info in side.values() for tensor in tensor_names(info)]


def _copy(meta_graph: Any) -> Any:
    made = type(meta_graph)()
    made.CopyFrom(meta_graph)
    return made


def _drop_reserved(meta_graph: Any, where: str) -> None:
    """The loaders' own signatures would win over the op written here; the op that one names is run by that one."""
    if INIT_SIGNATURE in meta_graph.signature_def:
        there = {node.name for node in meta_graph.graph_def.node}
        for name in list(initialisers(meta_graph)):
            if node_of(name) not in there:
                raise UnreadableModelError(
                    "the graph's initialiser is not in the graph",
                    where=f"{where}: signature {INIT_SIGNATURE!r}",
                    found=repr(name),
                    wanted="an op of the graph",
                    next_step="write the MetaGraph again without it, and name the op as the plan's init_op",
                )
            set_init_op(meta_graph, node_of(name))
    for key in RESERVED_SIGNATURES:
        meta_graph.signature_def.pop(key, None)


def _clear_devices(meta_graph: Any) -> list[str]:
    """The machines of a training cluster are not those that serve."""
    functions = [node for function in meta_graph.graph_def.library.function for node in function.node_def]
    found = set()
    for node in [*meta_graph.graph_def.node, *functions]:
        if _OWN_DEVICE.fullmatch(node.device) is None:
            found.add(node.device)
        node.device = ""
    shown = ", ".join(sorted(found)[:_SHOWN])
    return [f"the devices that the graph named are cleared: {shown}"] if found else []


def _with_saver(
    made: Any, nodes: Mapping[str, Any], needs: Needs, where: str, init_op: str | None
) -> tuple[Needs, tuple[str, ...]]:
    """Cut the graph to what is needed and what its saver saves."""
    saver = made.saver_def
    saved = ancestors(nodes, [saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name])
    restored = {name for name in ancestors(nodes, [saver.restore_op_name]) if nodes[name].op in VARIABLE_OPS}
    needs = with_local_variables(made, needs, restored, where, init_op)
    known = variable_defs(made)
    cut(made, whole_loops(made, nodes, needs.nodes | saved))
    parts = {name: known[name].save_slice_info_def if name in known else None for name in restored}
    declare(made, {name: part if part is not None and part.full_name else None for name, part in parts.items()}, known)
    spare = sorted(restored - needs.variables(nodes))
    if not spare:
        return needs, ()
    shown = ", ".join(spare[:_SHOWN]) + (", …" if spare[_SHOWN:] else "")
    return needs, (f"{len(spare)} variables of the checkpoint that no signature needs stay in the weights: {shown}",)


def _without_saver(
    made: Any,
    nodes: Mapping[str, Any],
    needs: Needs,
    checkpoint: CheckpointFiles | None,
    file: GraphFile,
    init_op: str | None,
) -> tuple[Needs, bool]:
    """Cut the graph to what is needed, and declare its variables; tell whether there are any to restore."""
    made.ClearField("saver_def")
    known = variable_defs(made)
    variables = needs.variables(nodes)
    _refuse_lost_tables(nodes, needs, file)
    local = variable_defs(made, "local_variables").keys()
    if checkpoint is None and variables - local:
        raise UsageError(
            "the graph has variables, and no checkpoint gives their values",
            where=str(file.path),
            found=", ".join(sorted(variables - local)[:_SHOWN]),
            wanted="a checkpoint, or a frozen graph, whose variables are constants",
            next_step="name the checkpoint as the model, and this file as source.graph in the plan",
        )
    held = shapes_in(checkpoint) if checkpoint is not None and variables else {}
    parts = slices(made, variables, known, held)
    where = str(checkpoint.prefix if checkpoint is not None else file.path)
    refuse_misfits(_shapes(nodes, [name for name, part in parts.items() if part is None]), held, where)
    needs = with_local_variables(made, needs, parts, where, init_op)
    cut(made, needs.nodes)
    declare(made, parts, known)
    return needs, bool(parts)


def _shapes(nodes: Mapping[str, Any], names: Iterable[str]) -> dict[str, Shape]:
    return {name: shape_of(nodes[name].attr["shape"].shape) for name in names if "shape" in nodes[name].attr}


def _refuse_lost_tables(nodes: Mapping[str, Any], needs: Needs, file: GraphFile) -> None:
    lost = sorted(name for name in needs.nodes if nodes[name].op.startswith(_TABLES_WITHOUT_FILE))
    if lost:
        raise UnsupportedModelError(
            "a table's content is known to the graph's own saver alone, which cannot be used here",
            where=str(file.path),
            found=", ".join(lost[:_SHOWN]),
            wanted="a MetaGraph with its saver, and a checkpoint in the format of today that has all it restores",
            next_step="write the MetaGraph together with the checkpoint, as tf.compat.v1.train.Saver.save does",
        )


def shapes_in(checkpoint: CheckpointFiles) -> dict[str, Shape]:
    """Return the shapes in a checkpoint of any format by name.

    Raises:
      UnreadableModelError: TensorFlow cannot read it.
    """
    import tensorflow as tf

    from tfx_savedmodel.sources.checkpoint import reading

    with reading(checkpoint.prefix):
        found = tf.train.load_checkpoint(checkpoint.named).get_variable_to_shape_map()
    return {name: tuple(shape) for name, shape in found.items()}
