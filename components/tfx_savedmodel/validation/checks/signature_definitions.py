"""SM104 signature-definitions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from tfx_savedmodel.saved_model.tensors import compatible, find_tensor
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, SignatureView, TensorSpec
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.checks.served_signatures import CLASSIFY, REGRESS, UNDECLARED, find_unserved
from tfx_savedmodel.validation.result import Finding

PREDICT = "tensorflow/serving/predict"

#: Method names that TensorFlow itself writes; servers answer the first three.
KNOWN_METHODS = (
    PREDICT,
    CLASSIFY,
    REGRESS,
    "tensorflow/supervised/training",
    "tensorflow/supervised/eval",
)


@dataclasses.dataclass(frozen=True)
class SignatureDefinitions(GraphCheck):
    """Each signature says of its tensors what the graph says of them.

    A tensor that a signature names is in the graph, with the signature's dtype and a shape that fits, and so are
    the parts of a sparse or composite one; a classify or regress signature has the input and outputs, with the
    dtypes and shapes, that TensorFlow Serving takes; the method name is a known one.

    Why: the loader does not compare the two; a request fails, or its answer is refused.
    Remedy: export the signature again from the graph as it is.
    """

    code: ClassVar[str] = "SM104"
    name: ClassVar[str] = "signature-definitions"

    def check(self, graph: GraphView) -> Iterator[Finding]:
        for meta_graph in graph.meta_graphs:
            for signature in meta_graph.signatures.values():
                yield from _tensors(meta_graph, signature)
                yield from _method(signature)
                yield from find_unserved(signature)


def _tensors(meta_graph: MetaGraphView, signature: SignatureView) -> Iterator[Finding]:
    for side, specs in (("input", signature.inputs), ("output", signature.outputs)):
        for name, spec in sorted(specs.items()):
            where = {"signature": signature.key, side: name}
            if spec.kind == "dense":
                yield from _tensor(meta_graph, where, spec)
            for part in spec.parts:
                if find_tensor(meta_graph, part) is None:
                    yield _absent(where, part, spec)


def _tensor(meta_graph: MetaGraphView, where: dict[str, str], spec: TensorSpec) -> Iterator[Finding]:
    tensor = find_tensor(meta_graph, spec.tensor)
    if tensor is None:
        yield _absent(where, spec.tensor, spec)
        return
    where = {**where, "node": tensor.node.name}
    if tensor.dtype is not None and spec.dtype not in (UNDECLARED, tensor.dtype):
        yield Finding(
            f"the signature says {spec.dtype}, the graph {tensor.dtype}",
            where,
            found=tensor.dtype,
            wanted=spec.dtype,
            next="export the signature again",
        )
    if not compatible(tensor.shape, spec.shape):
        yield Finding(
            "the signature's shape contradicts the graph's",
            where,
            found=str(tensor.shape),
            wanted=str(spec.shape),
            next="export the signature again",
        )


def _absent(where: dict[str, str], tensor: str, spec: TensorSpec) -> Finding:
    return Finding(
        f"the graph has no tensor {tensor!r}",
        {**where, "tensor": tensor},
        found="no such tensor",
        wanted=str(spec) if spec.kind == "dense" else f"{spec.kind} {spec}",
        next="export the signature again",
    )


def _method(signature: SignatureView) -> Iterator[Finding]:
    where = {"signature": signature.key}
    if signature.method_name not in KNOWN_METHODS:
        yield Finding(
            f"the method name {signature.method_name!r} is none that a server knows",
            where,
            found=signature.method_name or "an empty name",
            wanted=", ".join(KNOWN_METHODS[:3]),
            next="set the signature's method_name",
        )
