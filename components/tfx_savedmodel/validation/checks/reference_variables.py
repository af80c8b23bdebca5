"""SM111 reference-variables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from tfx_savedmodel.saved_model.view import GraphView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.result import Finding

#: TF1's first kind of variable, whose tensor is a reference. Source: ops/state_ops.cc of TensorFlow.
_OPS = ("Variable", "VariableV2")
_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class ReferenceVariables(GraphCheck):
    """The model's variables are resources.

    Why: TF2 runs a TF1 model whose variables are references, but cannot train it, and what
    `tf.saved_model.save` makes of it in TF2 fails at the first call. TF1, TensorFlow Serving and the
    exporter, which leaves the variables alone, have no trouble with it.
    Remedy: none for serving. To train it on in TF2, save it in TF1 with resource variables
    (`tf.compat.v1.enable_resource_variables()`, or `use_resource=True`).
    """

    code: ClassVar[str] = "SM111"
    name: ClassVar[str] = "reference-variables"

    def check(self, graph: GraphView) -> Iterator[Finding]:
        for meta_graph in graph.meta_graphs:
            names = sorted(node.name for node in meta_graph.nodes.values() if node.op in _OPS)
            if not names:
                continue
            shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
            yield Finding(
                f"{len(names)} of the variables are references: TF2 can run the model but not train it",
                {"tags": list(meta_graph.tags)},
                found=shown,
                wanted="resource variables",
                next="for serving nothing; to train it in TF2, save it in TF1 with resource variables",
            )
