"""SM104 signature-definitions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from tfx_savedmodel.saved_model.tensors import compatible, find_tensor
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, SignatureView, TensorSpec
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.result import Finding

PREDICT = "tensorflow/serving/predict"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"

#: Method names that TensorFlow itself writes; servers answer the first three.
KNOWN_METHODS = (
    PREDICT,
    CLASSIFY,
    REGRESS,
    "tensorflow/supervised/training",
    "tensorflow/supervised/eval",
)

#: The dtype of a signature that does not say it, as before TF 1.0.
UNDECLARED = "unknown"

#: Outputs of classify and regress with their dtypes, as TensorFlow Serving's
#: servables/tensorflow/classifier.cc and regressor.cc take them.
_SERVED = {CLASSIFY: {"classes": "string", "scores": "float32"}, REGRESS: {"outputs": "float32"}}


@dataclasses.dataclass(frozen=True)
class SignatureDefinitions(GraphCheck):
    """Each signature says of its tensors what the graph says of them.

    A tensor that a signature names is in the graph, with the signature's dtype and a shape that
    fits; a classify or regress signature has the inputs and outputs that TensorFlow Serving takes;
    the method name is a known one.

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


def _tensors(meta_graph: MetaGraphView, signature: SignatureView) -> Iterator[Finding]:
    for side, specs in (("input", signature.inputs), ("output", signature.outputs)):
        for name, spec in sorted(specs.items()):
            if spec.kind == "dense":
                yield from _tensor(meta_graph, {"signature": signature.key, side: name}, spec)


def _tensor(meta_graph: MetaGraphView, where: dict[str, str], spec: TensorSpec) -> Iterator[Finding]:
    tensor = find_tensor(meta_graph, spec.tensor)
    if tensor is None:
        yield Finding(
            f"the graph has no tensor {spec.tensor!r}",
            {**where, "tensor": spec.tensor},
            found="no such tensor",
            wanted=str(spec),
            next="export the signature again",
        )
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
    served = _SERVED.get(signature.method_name)
    if served is None:
        return
    kind = signature.method_name.rpartition("/")[2]
    if list(signature.inputs) != ["inputs"]:
        yield Finding(
            f"TensorFlow Serving refuses a {kind} signature without one input named 'inputs'",
            where,
            found=", ".join(sorted(signature.inputs)) or "no inputs",
            wanted="inputs",
            next="rename the input, or use the predict method",
        )
    if not signature.outputs or not set(signature.outputs) <= set(served):
        yield Finding(
            f"TensorFlow Serving refuses these outputs of a {kind} signature",
            where,
            found=", ".join(sorted(signature.outputs)) or "no outputs",
            wanted=" and/or ".join(served),
            next="rename the outputs, or use the predict method",
        )
    for name, dtype in served.items():
        spec = signature.outputs.get(name)
        if spec is not None and spec.dtype not in (UNDECLARED, dtype):
            yield Finding(
                f"TensorFlow Serving wants {dtype} in {name!r} of a {kind} signature",
                {**where, "output": name},
                found=spec.dtype,
                wanted=dtype,
                next="convert the output in the graph",
            )
