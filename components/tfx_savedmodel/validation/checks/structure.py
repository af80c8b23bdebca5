"""SM101 structure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from tfx_savedmodel.saved_model.incomplete import incomplete_nodes
from tfx_savedmodel.saved_model.local import leaves
from tfx_savedmodel.saved_model.view import KERAS, GraphView, MetaGraphView
from tfx_savedmodel.saved_model.wire import fields
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.checks.structure_of_keras_files import find_in_keras_file
from tfx_savedmodel.validation.checks.structure_of_variables import find_in_variables
from tfx_savedmodel.validation.result import Finding

_AGAIN = "export or copy the model again, whole"
_FINGERPRINT = "fingerprint.pb"


@dataclasses.dataclass(frozen=True)
class Structure(GraphCheck):
    """The files of the model are whole and belong together.

    Looks for a readable saved_model.pb whose nodes have what their ops must have, a variables index that its
    shards fit and that has what the graph restores from it, the assets that the graph names, and paths or links
    that leave the directory. With `checksums` every shard is read and each tensor compared with its
    CRC-32C in the index, as a loader does; without, no weights are read. Of a Keras file it looks at whether it
    can be read, holds a model with weights, and is of the kind that its name says; with `checksums` at the
    checksums of the archive's members.
    What fingerprint.pb says is in the measurements and never a finding: TensorFlow does not write it
    deterministically.

    Why: a copy that broke off, a Git LFS pointer or a missing shard fails in the server, after
    deployment; a path that leaves the directory reads somebody else's file.
    Remedy: export or copy the model again, whole; keep assets inside the SavedModel.
    """

    code: ClassVar[str] = "SM101"
    name: ClassVar[str] = "structure"
    judges_unreadable: ClassVar[bool] = True
    judges_keras_files: ClassVar[bool] = True
    checksums: bool = False
    """Whether every shard is read and each tensor compared with its checksum."""

    @property
    def reads_weights(self) -> bool:
        return self.checksums

    def check(self, graph: GraphView) -> Iterator[Finding]:
        if graph.format == KERAS:
            yield from find_in_keras_file(graph, checksums=self.checksums)
            return
        if graph.fault is not None:
            yield Finding(graph.fault, {"file": "saved_model.pb"}, next=_AGAIN)
        yield from _links(graph)
        for meta_graph in graph.meta_graphs:
            yield from _assets(graph, meta_graph)
            yield from _nodes(meta_graph)
        if graph.meta_graphs:
            yield from find_in_variables(graph, checksums=self.checksums)

    def measurements(self, graph: GraphView) -> Mapping[str, Any]:
        if graph.keras is not None:
            file = graph.keras
            return {"form": file.form, "keras_version": file.keras_version, "has_optimizer": file.has_optimizer}
        return _fingerprint(graph)


def _links(graph: GraphView) -> Iterator[Finding]:
    for name, target in sorted(graph.links.items()):
        strays = leaves(graph.path, name)
        if strays or not (graph.path / name).exists():
            yield Finding(
                f"{name} is a link {'that leaves the directory' if strays else 'to nothing'}",
                {"file": name},
                found=target,
                wanted="a file inside the SavedModel",
                next="replace the link by a copy of the file",
            )


def _assets(graph: GraphView, meta_graph: MetaGraphView) -> Iterator[Finding]:
    for tensor, file in sorted(meta_graph.asset_files):
        path = PurePosixPath("assets") / file
        where = {"file": str(path), "tensor": tensor}
        if PurePosixPath(file).is_absolute() or ".." in path.parts:
            yield Finding(f"the asset {file} lies outside of assets/", where, next="keep assets in the SavedModel")
        elif str(path) not in graph.files:
            yield Finding(f"the asset {file} is missing", where, wanted=str(path), next=_AGAIN)


def _nodes(meta_graph: MetaGraphView) -> Iterator[Finding]:
    for name, count in meta_graph.repeated.items():
        yield Finding(
            f"the graph has {count} times the {name}",
            {"name": name},
            found=str(count),
            wanted="1",
            next="export the model again: no version of TensorFlow imports this graph",
        )
    for item in incomplete_nodes(meta_graph):
        where = {"node": item.node.name, "op": item.node.op}
        if item.function is not None:
            where["function"] = item.function
        yield Finding(
            f"a node of the op {item.node.op} lacks what the op must have: {', '.join(item.missing)}",
            where,
            found=f"no {', '.join(item.missing)}",
            wanted="a value for each",
            next="export the model again: no version of TensorFlow imports this graph",
        )


def _fingerprint(graph: GraphView) -> Mapping[str, Any]:
    """Return the checksum of saved_model.pb that TensorFlow left beside it, for whoever looks a model up by it."""
    if _FINGERPRINT not in graph.files:
        return {}
    try:
        values = dict(fields((graph.path / _FINGERPRINT).read_bytes(), strict=True))
    except (OSError, ValueError) as error:
        return {"fingerprint": f"{_FINGERPRINT} cannot be read: {error}"}
    checksum = values.get(1)
    return {"fingerprint": {"saved_model_checksum": f"{checksum:x}"}} if isinstance(checksum, int) else {}
