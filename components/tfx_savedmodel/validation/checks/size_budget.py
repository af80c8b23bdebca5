"""SM114 size-budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.saved_model.bundle import is_shard
from tfx_savedmodel.saved_model.facts import all_nodes
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import GraphCheck, Skip
from tfx_savedmodel.validation.result import Finding

_PARTS = {
    "graph_bytes": ("the graph", "prune what no signature needs: the exporter's target does"),
    "constants_bytes": ("the constants inside the graph", "keep large tables in variables or assets"),
    "variables_bytes": ("the variables", "leave the optimizer's slots out, or use a smaller dtype"),
    "assets_bytes": ("the assets", "leave out what no signature reads"),
}


@dataclasses.dataclass(frozen=True)
class SizeBudget(GraphCheck):
    """The parts of the model keep within their budgets.

    The parameters are budgets in bytes, each None for no limit: `graph_bytes` (saved_model.pb), `constants_bytes`
    (the tensors of all Const nodes, of functions too, which are a part of the graph), `variables_bytes` (the shards),
    `assets_bytes`. The sizes are measured in any case.

    Why: a protocol buffer above 2 GB cannot be read at all; below it, constants are held in memory several times
    while a model is loaded, and a server that is sized for one model is killed by the next.
    Remedy: keep large tables in variables or assets, leave the optimizer's slots out, prune what no signature needs.
    """

    code: ClassVar[str] = "SM114"
    name: ClassVar[str] = "size-budget"
    graph_bytes: int | None = None
    """Most that saved_model.pb may take."""
    constants_bytes: int | None = None
    """Most that the tensors of all Const nodes may take."""
    variables_bytes: int | None = None
    """Most that the shards may take."""
    assets_bytes: int | None = None
    """Most that the assets may take."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        budgets = {part: getattr(self, part) for part in _PARTS if getattr(self, part) is not None}
        if not budgets:
            raise Skip("no budget is set", self.measurements(graph))
        sizes = _sizes(graph)
        for part, budget in budgets.items():
            if sizes[part] > budget:
                what, remedy = _PARTS[part]
                yield Finding(
                    f"{what} take {sizes[part] / max(budget, 1):.1f} times the budget"
                    if part != "graph_bytes"
                    else f"{what} takes {sizes[part] / max(budget, 1):.1f} times the budget",
                    {"part": part},
                    found=f"{sizes[part]} bytes",
                    wanted=f"at most {budget} bytes",
                    next=remedy,
                )

    def measurements(self, graph: GraphView) -> Mapping[str, Any]:
        return _sizes(graph)


def _sizes(graph: GraphView) -> dict[str, int]:
    constants = 0
    for meta_graph in graph.meta_graphs:
        for _, node in all_nodes(meta_graph):
            if node.op == "Const":
                attributes = node.raw()
                # ByteSize copies nothing: it is the sum of what the message's fields take.
                constants += attributes["value"].tensor.ByteSize() if "value" in attributes else 0
    files = graph.files.items()
    return {
        "graph_bytes": sum(size for name, size in files if name.startswith("saved_model.")),
        "constants_bytes": constants,
        "variables_bytes": sum(size for name, size in files if name.startswith("variables/") and is_shard(name)),
        "assets_bytes": sum(size for name, size in files if name.startswith("assets/")),
    }
