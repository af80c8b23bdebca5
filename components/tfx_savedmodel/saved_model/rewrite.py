"""Edits of `saved_model.pb` that leave graph and weights alone.

The directory must not be published yet: the file is replaced in place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError, UnsupportedModelError, UsageError
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
from tfx_savedmodel.saved_model.meta_graph import RESERVED_SIGNATURES
from tfx_savedmodel.saved_model.parse import Fault, parse_saved_model


def edit(directory: Path, change: Callable[[Any], None]) -> None:
    """Parse the SavedModel proto of `directory`, let `change` edit it, and replace the file.

    TensorFlow's fingerprint.pb, which cannot hold any more, is removed.

    Raises:
      UnreadableModelError: the graph file cannot be parsed.
    """
    name = next((name for name in GRAPH_FILES if (directory / name).is_file()), "")
    try:
        proto = parse_saved_model(directory, name)
    except Fault as error:
        raise UnreadableModelError("the model cannot be read", where=str(directory), found=str(error)) from error
    change(proto)
    target = directory / name
    beside = target.with_suffix(".tmp")
    if name.endswith(".pbtxt"):
        from google.protobuf import text_format

        beside.write_text(text_format.MessageToString(proto), encoding="utf-8")
    else:
        beside.write_bytes(proto.SerializeToString(deterministic=True))
    beside.replace(target)
    (directory / "fingerprint.pb").unlink(missing_ok=True)


def choose_signatures(directory: Path, tags: Collection[str], chosen: Mapping[str, tuple[str, str]]) -> None:
    """Give the MetaGraph with these tags exactly the signatures of `chosen`; carry the others as they are.

    TF1 and the C++ loader read signatures from the MetaGraph, TF2 from its object graph: both are
    edited, and no object changes its number, so that Keras metadata stays true.

    Args:
      chosen: key -> (the source's key, method name).

    Raises:
      UsageError: no MetaGraph with these tags, or no such signature in it.
      UnsupportedModelError: an object graph without the signatures of its MetaGraph.
    """

    def change(proto: Any) -> None:
        for meta_graph in proto.meta_graphs:
            if set(meta_graph.meta_info_def.tags) == set(tags):
                _choose(meta_graph, chosen, str(directory))
                return
        raise UsageError("no MetaGraph with these tags", where=str(directory), wanted=", ".join(sorted(tags)))

    edit(directory, change)


def _choose(meta_graph: Any, chosen: Mapping[str, tuple[str, str]], where: str) -> None:
    signatures = meta_graph.signature_def
    missing = sorted({source for source, _ in chosen.values()} - set(signatures))
    if missing:
        raise UsageError("no such signature", where=where, found=str(sorted(signatures)), wanted=", ".join(missing))
    made = {}
    for key, (source, method) in chosen.items():
        made[key] = type(signatures[source]).FromString(signatures[source].SerializeToString())
        made[key].method_name = method
    for key in [key for key in signatures if key not in RESERVED_SIGNATURES]:
        del signatures[key]
    for key, value in made.items():
        signatures[key].CopyFrom(value)
    if meta_graph.object_graph_def.nodes:
        _choose_objects(meta_graph.object_graph_def, chosen, where)


def _choose_objects(objects: Any, chosen: Mapping[str, tuple[str, str]], where: str) -> None:
    """The root's child "signatures" is a map whose children are the functions, by key."""
    number = next((child.node_id for child in objects.nodes[0].children if child.local_name == "signatures"), None)
    functions = {} if number is None else {child.local_name: child.node_id for child in objects.nodes[number].children}
    missing = sorted({source for source, _ in chosen.values()} - set(functions))
    if number is None or missing:
        raise UnsupportedModelError(
            "the object graph does not have the MetaGraph's signatures",
            where=where,
            found=", ".join(sorted(functions)) or "no signatures",
            wanted=", ".join(missing),
            next_step="see tfx-savedmodel checks SM202",
        )
    del objects.nodes[number].children[:]
    for key, (source, _) in sorted(chosen.items()):
        objects.nodes[number].children.add(local_name=key, node_id=functions[source])


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
