"""SM110 consumer-ops."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from tfx_savedmodel.saved_model.consumers.judgement import Lack, check_consumer, consumer_names, lacks
from tfx_savedmodel.saved_model.reachability import reach_of
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView
from tfx_savedmodel.validation.check import GraphCheck, Skip
from tfx_savedmodel.validation.result import Finding

#: Of nodes with the same fault so many are named.
_MOST_PLACES = 5


@dataclasses.dataclass(frozen=True)
class ConsumerOps(GraphCheck):
    """The TensorFlow that is to load the model knows all of its ops.

    Looks for ops, attributes and kernels for the CPU that the consumer lacks, in the graph and in
    every library function; what several nodes lack for one reason is one finding with their number, apart
    from those that nothing runs. Only the finding of a single node has `node` and `function` in its place, so
    a waiver of one node never covers another.
    The consumer is the one that is named (`--target`, such as tf-1.15), else the target that the
    model was exported for. An attribute that it does not know is a finding where it would refuse it
    (every one up to 2.4), or ignore what it says (from 2.5 on).

    Why: a server that is older than the trainer refuses the model after deployment, often for a
    trifle such as `debug_name` on VarHandleOp, or fails at the first request.
    Remedy: export the model with `target`, which edits what can be edited without changing an
    answer; else take a newer consumer, which each finding names, or other layers.
    """

    code: ClassVar[str] = "SM110"
    name: ClassVar[str] = "consumer-ops"
    target: str | None = None
    """The oldest TensorFlow that is to load the model, such as tf-2.7; `--target` sets it."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        target = check_consumer(self.target, "target") if self.target is not None else _exported_for(graph)
        if target is None:
            raise Skip("no consumer is named, and the model was exported for none")
        meta_graph = graph.meta_graph()
        if meta_graph is None:
            return
        causes: dict[Any, list[Lack]] = {}
        reach = reach_of(meta_graph)
        for lack in lacks(meta_graph, target):
            causes.setdefault((_cause(lack), (lack.function, lack.node) in reach), []).append(lack)
        for same in causes.values():
            yield _finding(same, _reached_by(meta_graph, same), target)


def _exported_for(graph: GraphView) -> str | None:
    """Return the target that the exporter left in the model."""
    plan = (graph.contract or {}).get("plan")
    target = plan.get("target") if isinstance(plan, dict) else None
    return target if target in consumer_names() else None


def _reached_by(meta_graph: MetaGraphView, same: Sequence[Lack]) -> list[str]:
    """Return what runs any of these nodes, and who else loads those that nothing runs."""
    reach = reach_of(meta_graph)
    places = [(lack.function, lack.node) for lack in same]
    loaded = {by for lack, place in zip(same, places, strict=True) if place not in reach for by in lack.reached_by}
    return [*reach.some_roots_of_all(places), *sorted(loaded)]


def _finding(same: Sequence[Lack], reached_by: list[str], target: str) -> Finding:
    """Return the finding of nodes that lack the same; of several its place names none, as a waiver of it would."""
    lack = same[0]
    where: dict[str, Any] = {"op": lack.op} if lack.node else {"declaration": lack.op}
    where["reached_by"] = reached_by
    if len(same) == 1:
        where |= {key: name for key, name in (("node", lack.node), ("function", lack.function)) if name}
    if lack.fault.attribute:
        where["attribute"] = lack.fault.attribute
    others = "" if len(same) == 1 else f" in {len(same):,} {'nodes' if lack.node else 'functions'}: {_first(same)}"
    return Finding(
        f"in {target} {lack.fault.text}",
        where,
        found=f"{lack.op}{others}, reached by {', '.join(reached_by)}",
        wanted=f"what {target} has; {lack.would_do} would do",
        next=f"export the model with the target {target}",
    )


def _cause(lack: Lack) -> Any:
    """Return what is the same of nodes that lack one thing; what an attribute says, such as a name, is not."""
    text = lack.fault.text if not lack.fault.attribute else ""
    return lack.op, lack.fault.kind, lack.fault.attribute, text, lack.versions


def _first(same: Sequence[Lack]) -> str:
    places = [_place(lack) for lack in same[:_MOST_PLACES]]
    return ", ".join(places) + (", …" if len(same) > _MOST_PLACES else "")


def _place(lack: Lack) -> str:
    node, function = lack.node and repr(lack.node), lack.function and f"function {lack.function!r}"
    return " of ".join(filter(None, (node, function)))
