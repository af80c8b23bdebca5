"""SM106 breaking-change."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.saved_model.changes import Change, changes
from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import GraphCheck, Skip
from tfx_savedmodel.validation.result import Finding

_REMOVED = "nothing: it is gone"
_ADDED = "nothing: clients do not send it"


@dataclasses.dataclass(frozen=True)
class BreakingChange(GraphCheck):
    """Clients of the baseline can go on with the model.

    Compares the signatures with those of a baseline: a model, or a contract that `inspect --format json` printed.
    Breaking is a signature or an output that is gone, an input that is gone or new, another dtype or method name,
    a narrower input, a wider output. A rename is a removal and an addition. A new signature or output, a wider
    input and a narrower output break nobody; they are counted in the measurements.

    Why: clients are written against the model that is served now; the server takes the new one and their requests
    fail, or are misread, from that moment on.
    Remedy: keep the old signature beside the new one (an `alias` or a second kind in the exporter's plan) until the
    clients have moved; or give the policy the new contract as the baseline where the break is meant.
    """

    code: ClassVar[str] = "SM106"
    name: ClassVar[str] = "breaking-change"
    baseline: Mapping[str, Any] | None = None
    """Signatures by key, as `inspect --format json` writes them; `--baseline` sets it."""
    baseline_name: str = ""
    """What findings call the baseline."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        for change in self._changes(graph):
            if change.breaking:
                yield _finding(change, self.baseline_name)

    def measurements(self, graph: GraphView) -> Mapping[str, Any]:
        found = self._changes(graph)
        kinds = Counter(f"{change.kind}{', breaking' if change.breaking else ''}" for change in found)
        return {"baseline": self.baseline_name, "changes": dict(sorted(kinds.items()))}

    def _changes(self, graph: GraphView) -> list[Change]:
        if self.baseline is None:
            raise Skip("no baseline was given")
        meta_graph = graph.meta_graph()
        signatures = meta_graph.signatures.items() if meta_graph is not None else ()
        return changes(self.baseline, {key: signature.to_json() for key, signature in signatures})


def _finding(change: Change, baseline: str) -> Finding:
    named = " ".join(f"{side} {change.where[side]!r}" for side in ("input", "output") if side in change.where)
    what = named if change.what in ("input", "output") else f"{change.what}{f' of {named}' if named else ''}"
    if change.what == "signature":
        what = f"signature {change.where['signature']!r}"
    return Finding(
        f"the {what} was {change.kind}: that breaks clients of {baseline or 'the baseline'}",
        dict(change.where),
        found=change.new or _REMOVED,
        wanted=change.old or ("as in the baseline" if change.kind == "removed" else _ADDED),
        next=_next(change),
    )


def _next(change: Change) -> str:
    if change.kind == "removed":
        return "export it again, as an alias of what took its place where there is something"
    if change.kind == "added":
        return "give the new input to a signature of another name, and keep the old one"
    return "keep the old form under this name, and give the new one another"
