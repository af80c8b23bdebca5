"""SM101 structure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar

from tfx_savedmodel.saved_model.bundle import is_shard, shard_name
from tfx_savedmodel.saved_model.local import leaves
from tfx_savedmodel.saved_model.reader import VARIABLES_PREFIX
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, VariablesView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.result import Finding

_MOST_SHARDS = 1000
_AGAIN = "export or copy the model again, whole"


@dataclasses.dataclass(frozen=True)
class Structure(GraphCheck):
    """The files of the SavedModel are whole and belong together.

    Looks for a readable saved_model.pb, a variables index that its shards fit, the assets that the
    graph names, and paths or links that leave the directory.

    Why: a copy that broke off, a Git LFS pointer or a missing shard fails in the server, after
    deployment; a path that leaves the directory reads somebody else's file.
    Remedy: export or copy the model again, whole; keep assets inside the SavedModel.
    """

    code: ClassVar[str] = "SM101"
    name: ClassVar[str] = "structure"
    judges_unreadable: ClassVar[bool] = True

    def check(self, graph: GraphView) -> Iterator[Finding]:
        if graph.fault is not None:
            yield Finding(graph.fault, {"file": "saved_model.pb"}, next=_AGAIN)
        yield from self._links(graph)
        for meta_graph in graph.meta_graphs:
            yield from self._assets(graph, meta_graph)
        if graph.meta_graphs:
            yield from self._variables(graph)

    def _links(self, graph: GraphView) -> Iterator[Finding]:
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

    def _assets(self, graph: GraphView, meta_graph: MetaGraphView) -> Iterator[Finding]:
        for tensor, file in sorted(meta_graph.assets.items()):
            path = PurePosixPath("assets") / file
            where = {"file": str(path), "tensor": tensor}
            if PurePosixPath(file).is_absolute() or ".." in path.parts:
                yield Finding(f"the asset {file} lies outside of assets/", where, next="keep assets in the SavedModel")
            elif str(path) not in graph.files:
                yield Finding(f"the asset {file} is missing", where, wanted=str(path), next=_AGAIN)

    def _variables(self, graph: GraphView) -> Iterator[Finding]:
        variables = graph.variables
        where = {"file": f"{VARIABLES_PREFIX}.index"}
        if variables.problem is not None:
            yield Finding(f"variables: {variables.problem}", where, next=_AGAIN)
        elif variables.entries or variables.shards:
            yield from self._shards(variables)
        elif needs_variables(graph):
            yield Finding(
                "the graph restores variables and there are none",
                where,
                found="no variables/ files",
                wanted=f"{VARIABLES_PREFIX}.index and its shards",
                next=_AGAIN,
            )

    def _shards(self, variables: VariablesView) -> Iterator[Finding]:
        there = sum(map(is_shard, variables.files))
        if variables.shards > max(there, _MOST_SHARDS):  # an index may claim what it likes
            message = f"the index names {variables.shards} shards and {there} are there"
            yield Finding(message, {"file": f"{VARIABLES_PREFIX}.index"}, str(there), str(variables.shards), _AGAIN)
            return
        for shard in range(variables.shards):
            name = shard_name("variables", shard, variables.shards)
            where = {"file": f"variables/{name}"}
            needed = max((item.offset + item.size for item in variables.entries if item.shard == shard), default=0)
            size = variables.files.get(name)
            if size is None:
                yield Finding(f"the shard {name} is missing", where, wanted=f"{needed} bytes", next=_AGAIN)
            elif size < needed:
                yield Finding(
                    f"the shard {name} is truncated",
                    where,
                    found=f"{size} bytes",
                    wanted=f"{needed} bytes",
                    next=_AGAIN,
                )
        expected = {shard_name("variables", shard, variables.shards) for shard in range(variables.shards)}
        for name in sorted(set(filter(is_shard, variables.files)) - expected):
            yield Finding(
                f"the shard {name} belongs to another index",
                {"file": f"variables/{name}"},
                found=name,
                wanted=f"{variables.shards} shards",
                next=_AGAIN,
            )


def needs_variables(graph: GraphView) -> bool:
    """Tell whether a loader would restore variables that the graph holds."""
    return any(item.saver is not None and item.variable_ops for item in graph.meta_graphs)
