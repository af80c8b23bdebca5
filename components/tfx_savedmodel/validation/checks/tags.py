"""SM102 tags."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.result import Finding


@dataclasses.dataclass(frozen=True)
class Tags(GraphCheck):
    """There is one MetaGraph with the wanted tags.

    Why: a loader asks for a set of tags (`serve` in every server) and refuses the model if no
    MetaGraph has exactly that set; of two with the same set it silently takes one.
    Remedy: export with the tags that the consumer asks for, or name the model's own tags in
    the policy.
    """

    code: ClassVar[str] = "SM102"
    name: ClassVar[str] = "tags"
    tags: tuple[str, ...] = ("serve",)
    """The tags of the MetaGraph that is meant; all other checks look at it, too."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        sets = Counter(tuple(sorted(meta_graph.tags)) for meta_graph in graph.meta_graphs)
        found = ", ".join(_show(tags) for tags in sorted(sets))
        if tuple(sorted(self.tags)) not in sets:
            yield Finding(
                f"no MetaGraph is tagged {_show(self.tags)}",
                {"tags": list(self.tags)},
                found=found,
                wanted=_show(self.tags),
                next="export with these tags, or set the check's tags in the policy",
            )
        for tags, count in sorted(sets.items()):
            if count > 1:
                yield Finding(
                    f"{count} MetaGraphs are tagged {_show(tags)}",
                    {"tags": list(tags)},
                    found=str(count),
                    wanted="1",
                    next="keep one of them",
                )


def _show(tags: tuple[str, ...]) -> str:
    return "{" + ", ".join(sorted(tags)) + "}"
