"""Edits of `saved_model.pb` that leave graph and weights alone.

The directory must not be published yet: the file is replaced in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnreadableModelError, UnsupportedModelError, UsageError
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
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
