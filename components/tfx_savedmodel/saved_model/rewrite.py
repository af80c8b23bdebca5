"""Edits of `saved_model.pb` that leave graph and weights alone.

The directory must not be published yet: the file is replaced in place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError, UnsupportedModelError, UsageError
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
from tfx_savedmodel.saved_model.meta_graph import RESERVED_SIGNATURES
from tfx_savedmodel.saved_model.parse import Fault, parse_saved_model
from tfx_savedmodel.saved_model.rewrite_functions import Names, renamed_function
from tfx_savedmodel.saved_model.view import TensorSpec


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A signature to write: the source's key and its method name, perhaps with other names.

    `inputs` and `outputs` are exported name -> the source's; None leaves all as they are. `inputs` name
    every input, `outputs` those that are to be exported.
    """

    source: str
    method_name: str
    inputs: Mapping[str, str] | None = None
    outputs: Mapping[str, str] | None = None


@dataclasses.dataclass(frozen=True)
class Named:
    """A signature to write over tensors of a TF1 graph, by their exported names."""

    method_name: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


def edit(directory: Path, change: Callable[[Any], None]) -> None:
    """Parse the SavedModel proto of `directory`, let `change` edit it, and replace the file.

    TensorFlow's fingerprint.pb, which cannot hold any more, is removed: it is the caller's to have it made
    anew, or to say that it is gone.

    Raises:
      UnreadableModelError: the graph file cannot be parsed.
    """
    name, proto = parsed(directory)
    change(proto)
    replace_graph(directory, name, proto)


def parsed(directory: Path) -> tuple[str, Any]:
    """Return the graph file's name and its SavedModel proto.

    Raises:
      UnreadableModelError: the graph file cannot be parsed.
    """
    name = next((name for name in GRAPH_FILES if (directory / name).is_file()), "")
    try:
        return name, parse_saved_model(directory, name)
    except Fault as error:
        raise UnreadableModelError("the model cannot be read", where=str(directory), found=str(error)) from error


def replace_graph(directory: Path, name: str, proto: Any) -> None:
    """Write the SavedModel proto in place of the graph file `name`; fingerprint.pb goes."""
    target = directory / name
    beside = target.with_suffix(".tmp")
    if name.endswith(".pbtxt"):
        from google.protobuf import text_format

        beside.write_text(text_format.MessageToString(proto), encoding="utf-8")
    else:
        beside.write_bytes(proto.SerializeToString(deterministic=True))
    beside.replace(target)
    (directory / "fingerprint.pb").unlink(missing_ok=True)


def choose_signatures(
    directory: Path,
    tags: Collection[str],
    chosen: Mapping[str, Chosen | Named],
    *,
    new_tags: Sequence[str] | None = None,
    prepare: Callable[[Any], None] | None = None,
) -> None:
    """Give the MetaGraph with these tags exactly the signatures of `chosen`; carry the others as they are.

    TF1 and the C++ loader read signatures from the MetaGraph, TF2 from its object graph: both are
    edited, and no object changes its number, so that Keras metadata stays true.

    Args:
      chosen: what each key is to be.
      new_tags: what the MetaGraph's tags are to be; None leaves them.
      prepare: edits the MetaGraphDef before, and may add to `chosen`.

    Raises:
      UsageError: no MetaGraph with these tags, or no such signature, input or output in it; an input that
        is not named, or twice; a name that TensorFlow cannot write; new tags that another MetaGraph has.
      UnsupportedModelError: an object graph without the signatures of its MetaGraph; other names for a
        TF2 signature that has sparse or composite tensors.
    """

    def change(proto: Any) -> None:
        found = [set(meta_graph.meta_info_def.tags) for meta_graph in proto.meta_graphs]
        if set(tags) not in found:
            raise UsageError(
                "no MetaGraph with these tags", where=str(directory), found=_sets(found), wanted=_sets([tags])
            )
        meta_graph = proto.meta_graphs[found.index(set(tags))]
        if new_tags is not None:
            _tag(meta_graph, new_tags, [other for other in found if other != set(tags)], str(directory))
        if prepare is not None:
            prepare(meta_graph)
        _choose(meta_graph, chosen, str(directory))

    edit(directory, change)


def _sets(tag_sets: Sequence[Collection[str]]) -> str:
    return "; ".join(", ".join(sorted(tags)) or "no tags" for tags in tag_sets)


def _tag(meta_graph: Any, new_tags: Sequence[str], others: Sequence[Collection[str]], where: str) -> None:
    if set(new_tags) in others:
        raise UsageError(
            "another MetaGraph has the new tags",
            where=where,
            found=_sets(others),
            wanted="tags of its own",
            next_step=f"choose others than {_sets([new_tags])}",
        )
    del meta_graph.meta_info_def.tags[:]
    meta_graph.meta_info_def.tags.extend(dict.fromkeys(new_tags))


def _choose(meta_graph: Any, wanted: Mapping[str, Chosen | Named], where: str) -> None:
    signatures = meta_graph.signature_def
    chosen = {key: item for key, item in wanted.items() if isinstance(item, Chosen)}
    named = {key: item for key, item in wanted.items() if isinstance(item, Named)}
    if named and meta_graph.object_graph_def.nodes:
        raise UnsupportedModelError("tensors of a TF2 graph are no signature", where=where, found=", ".join(named))
    missing = sorted({item.source for item in chosen.values()} - set(signatures))
    if missing:
        raise UsageError("no such signature", where=where, found=str(sorted(signatures)), wanted=", ".join(missing))
    reserved = sorted(set(wanted) & set(RESERVED_SIGNATURES))
    if reserved:
        raise UsageError("a key that belongs to the loaders", where=where, found=", ".join(reserved), wanted="another")
    names = {key: _names(key, item, signatures[item.source]) for key, item in chosen.items()}
    made = {key: _signature(signatures[item.source], item, names[key]) for key, item in chosen.items()}
    # The source is still whole here: what its functions have is compared with what it says.
    if meta_graph.object_graph_def.nodes:
        _choose_objects(meta_graph, chosen, names, where)
    for key in [key for key in signatures if key not in RESERVED_SIGNATURES]:
        del signatures[key]
    for key, value in made.items():
        signatures[key].CopyFrom(value)
    for key, item in named.items():
        _write(signatures[key], item)


def _write(signature: Any, item: Named) -> None:
    signature.method_name = item.method_name
    for side, tensors in ((signature.inputs, item.inputs), (signature.outputs, item.outputs)):
        for name, tensor in tensors.items():
            side[name].name, side[name].dtype = tensor.tensor, protos.dtype_number(tensor.dtype)
            side[name].tensor_shape.unknown_rank = tensor.shape is None
            for size in tensor.shape or ():
                side[name].tensor_shape.dim.add(size=-1 if size is None else size)


def _names(key: str, item: Chosen, source: Any) -> Names:
    """Return the names of both sides, None for a side that stays as it is."""
    inputs = _side(key, "input", item.inputs, source.inputs)
    outputs = _side(key, "output", item.outputs, source.outputs)
    if inputs is not None:
        lacking, twice = sorted(set(source.inputs) - set(inputs.values())), len(set(inputs.values())) < len(inputs)
        if lacking or twice:
            raise UsageError(
                "an input has two names" if twice else "an input is not named",
                where=f"signature {key!r}",
                found=str(inputs),
                wanted=f"each once: {sorted(source.inputs)}",
            )
    if outputs is not None and not outputs:
        raise UsageError("no output is left", where=f"signature {key!r}", wanted=f"some of {sorted(source.outputs)}")
    return Names(inputs, outputs)


def _side(key: str, side: str, names: Mapping[str, str] | None, has: Mapping[str, Any]) -> dict[str, str] | None:
    unknown = sorted(set((names or {}).values()) - set(has))
    if unknown:
        raise UsageError(
            f"the source has no such {side}",
            where=f"signature {key!r}",
            found=str(sorted(has)),
            wanted=", ".join(unknown),
        )
    return None if names is None or dict(names) == {name: name for name in has} else dict(names)


def _signature(source: Any, item: Chosen, names: Names) -> Any:
    """Return the SignatureDef under its new names."""
    made = type(source)()
    made.CopyFrom(source)
    made.method_name = item.method_name
    sides = [("inputs", names.inputs), ("outputs", names.outputs), ("defaults", names.inputs)]
    for side, new in sides:
        if new is None or side not in source.DESCRIPTOR.fields_by_name:  # not every TensorFlow knows defaults
            continue
        getattr(made, side).clear()
        for name, old in new.items():
            if old in getattr(source, side):
                getattr(made, side)[name].CopyFrom(getattr(source, side)[old])
    return made


def _choose_objects(meta_graph: Any, chosen: Mapping[str, Chosen], names: Mapping[str, Names], where: str) -> None:
    """The root's child "signatures" is a map whose children are the functions, by key."""
    objects = meta_graph.object_graph_def
    number = next((child.node_id for child in objects.nodes[0].children if child.local_name == "signatures"), None)
    functions = {} if number is None else {child.local_name: child.node_id for child in objects.nodes[number].children}
    missing = sorted({item.source for item in chosen.values()} - set(functions))
    if number is None or missing:
        raise UnsupportedModelError(
            "the object graph does not have the MetaGraph's signatures",
            where=where,
            found=", ".join(sorted(functions)) or "no signatures",
            wanted=", ".join(missing),
            next_step="see tfx-savedmodel checks SM202",
        )
    made: dict[tuple[str, str], int] = {}
    children = {}
    for key, item in sorted(chosen.items()):
        same = item.source, names[key].identity()
        if same not in made:
            made[same] = functions[item.source]
            if names[key].change:
                made[same] = renamed_function(meta_graph, item.source, functions[item.source], names[key])
        children[key] = made[same]
    del objects.nodes[number].children[:]
    for key, node_id in children.items():
        objects.nodes[number].children.add(local_name=key, node_id=node_id)


def rename_signatures(directory: Path, renames: Mapping[str, str]) -> None:
    """Rename signatures of a TF1 SavedModel, in every MetaGraph that has them.

    A TF2 model also names its signatures in its object graph: that is refused here.

    Raises:
      UsageError: a key is nowhere, or a new name is taken.
      UnsupportedModelError: the model is a TF2 one.
    """

    def change(proto: Any) -> None:
        seen: set[str] = set()
        for meta_graph in proto.meta_graphs:
            if meta_graph.object_graph_def.nodes:
                raise UnsupportedModelError(
                    "signatures of a TF2 SavedModel cannot be renamed here", where=str(directory)
                )
            seen |= _rename(meta_graph.signature_def, renames)
        missing = sorted(set(renames) - seen)
        if missing:
            raise UsageError("no such signature", where=str(directory), found="", wanted=", ".join(missing))

    edit(directory, change)


def _rename(signatures: Any, renames: Mapping[str, str]) -> set[str]:
    present = [key for key in renames if key in signatures]
    taken = [renames[key] for key in present if renames[key] in signatures and renames[key] not in renames]
    if taken:
        raise UsageError("the new name is taken", found=", ".join(sorted(taken)), wanted="names that are free")
    copies = {renames[key]: type(signatures[key]).FromString(signatures[key].SerializeToString()) for key in present}
    for key in present:
        del signatures[key]
    for key, value in copies.items():
        signatures[key].CopyFrom(value)
    return set(present)
