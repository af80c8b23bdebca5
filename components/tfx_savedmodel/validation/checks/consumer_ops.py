"""SM110 consumer-ops."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

from tfx_savedmodel.saved_model.consumers.judgement import Lack, check_consumer, consumer_names, lacks
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import GraphCheck, Skip
from tfx_savedmodel.validation.result import Finding


@dataclasses.dataclass(frozen=True)
class ConsumerOps(GraphCheck):
    """The TensorFlow that is to load the model knows all of its ops.

    Looks for ops, attributes and kernels for the CPU that the consumer lacks, in the graph and in
    every library function. The consumer is the one that is named (`--target`, such as tf-1.15), else
    the target that the model was exported for. An attribute that it does not know is a finding where
    it would refuse it (every one up to 2.4), or ignore what it says (from 2.5 on).

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
        for lack in lacks(meta_graph, target) if meta_graph else ():
            yield _finding(lack, target)


def _exported_for(graph: GraphView) -> str | None:
    """Return the target that the exporter left in the model."""
    plan = (graph.contract or {}).get("plan")
    target = plan.get("target") if isinstance(plan, dict) else None
    return target if target in consumer_names() else None


def _finding(lack: Lack, target: str) -> Finding:
    where: dict[str, Any] = {"op": lack.op, "node": lack.node} if lack.node else {"declaration": lack.op}
    where["reached_by"] = list(lack.reached_by)
    if lack.function is not None:
        where["function"] = lack.function
    if lack.fault.attribute:
        where["attribute"] = lack.fault.attribute
    return Finding(
        f"in {target} {lack.fault.text}",
        where,
        found=f"{lack.op}, reached by {', '.join(lack.reached_by)}",
        wanted=f"what {target} has; {lack.would_do} would do",
        next=f"export the model with the target {target}",
    )
