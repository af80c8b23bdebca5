"""SM103 required-signatures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.result import Finding


@dataclasses.dataclass(frozen=True)
class RequiredSignatures(GraphCheck):
    """The signatures that serving needs are there.

    Where `required` is empty any signature will do, but there has to be one.

    Why: a server answers a request for a missing signature with NOT_FOUND, after deployment.
    Remedy: add it to the plan of SignatureExporter, or to `signatures` where the model is saved.
    """

    code: ClassVar[str] = "SM103"
    name: ClassVar[str] = "required-signatures"
    required: tuple[str, ...] = ("serving_default",)
    """Keys of signatures; empty: any, but one."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        meta_graph = graph.meta_graph()
        present = sorted(meta_graph.signatures) if meta_graph else []
        if not present and not self.required:
            yield Finding(
                "the model has no signature",
                found="no signatures",
                wanted="at least one",
                next="give it one: save it with `signatures`, or export it with a plan",
            )
        for key in self.required:
            if key not in present:
                yield Finding(
                    f"the signature {key!r} is missing",
                    {"signature": key},
                    found=", ".join(present) or "no signatures",
                    wanted=key,
                    next="save the model with it (`signatures`), or add it to the plan that it is exported with",
                )
