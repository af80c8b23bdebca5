"""Judging what a conversion made before any of it is run: the author's receiver, the forward pass, the result."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from tfx_savedmodel.operations.gate import refuse_unsafe
from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.locate import GRAPH_FILES
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.validation.checks.unsafe_ops import UnsafeOps


@dataclasses.dataclass(frozen=True)
class _OfForwardPass(UnsafeOps):
    """No op of a model's forward pass, which Keras runs as it was traced, touches files, the network or Python."""

    unsigned: ClassVar[str] = "the model's forward pass, which is run to compare the result with it"


def refuse_unsafe_model(made: Path, where: str) -> None:
    """Let a SavedModel pass that touches no files, network or Python.

    Args:
      where: what errors name: the directory itself does not stay.

    Raises:
      UnsafeModelError: it does.
    """
    refuse_unsafe(read_saved_model(made), where)


def refuse_unsafe_function(graph_def: Any, folder: Path, where: str) -> None:
    """Let a traced function pass all of whose ops do so, those that nothing but their effect is wanted of too.

    Args:
      graph_def: its graph, a GraphDef.
      folder: where a SavedModel of it may be written.

    Raises:
      UnsafeModelError: an op touches files, the network or Python.
    """
    saved_model = protos.saved_model_pb2().SavedModel()
    meta_graph = saved_model.meta_graphs.add()
    meta_graph.meta_info_def.tags.append("serve")
    meta_graph.graph_def.CopyFrom(graph_def)  # without signatures every op counts
    folder.mkdir(parents=True)
    (folder / GRAPH_FILES[0]).write_bytes(saved_model.SerializeToString())
    refuse_unsafe(read_saved_model(folder), where, _OfForwardPass())
