"""What TensorFlow Serving refuses of a classify or regress signature, for SM104.

Source: PreProcess… and PostProcess… in servables/tensorflow/classifier.cc and regressor.cc. That they feed serialized
tf.Examples, and so want a string, is no rule here: Predict takes such a signature too and feeds what it declares, and
exports of TensorFlow's own (half_plus_two) have some on parsed tensors.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from tfx_savedmodel.saved_model.tensors import compatible
from tfx_savedmodel.saved_model.view import Shape, SignatureView, TensorSpec
from tfx_savedmodel.validation.result import Finding

CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"

#: The dtype of a signature that does not say it, as before TF 1.0.
UNDECLARED = "unknown"

_INPUT = "inputs"


@dataclasses.dataclass(frozen=True)
class _Rules:
    """Outputs by name with dtype and shapes, one of which it has to be; how many there may be."""

    outputs: Mapping[str, tuple[str, tuple[Shape, ...]]]
    most_outputs: int


_TWO = ((None, None),)
_RULES = {
    CLASSIFY: _Rules({"classes": ("string", _TWO), "scores": ("float32", _TWO)}, most_outputs=2),
    REGRESS: _Rules({"outputs": ("float32", ((None,), (None, 1)))}, most_outputs=1),
}


def find_unserved(signature: SignatureView) -> Iterator[Finding]:
    """Yield what the server refuses; nothing of a signature with another method."""
    rules = _RULES.get(signature.method_name)
    if rules is None:
        return
    kind = signature.method_name.rpartition("/")[2]
    where = {"signature": signature.key}
    if list(signature.inputs) != [_INPUT]:
        yield Finding(
            f"TensorFlow Serving refuses a {kind} signature without one input named {_INPUT!r}",
            where,
            found=", ".join(sorted(signature.inputs)) or "no inputs",
            wanted=_INPUT,
            next="rename the input, or use the predict method",
        )
    if len(signature.outputs) > rules.most_outputs or not set(signature.outputs) & set(rules.outputs):
        yield Finding(
            f"TensorFlow Serving refuses these outputs of a {kind} signature",
            where,
            found=", ".join(sorted(signature.outputs)) or "no outputs",
            wanted=" and/or ".join(rules.outputs),
            next="rename the outputs, or use the predict method",
        )
    for name, (dtype, shapes) in rules.outputs.items():
        spec = signature.outputs.get(name)
        if spec is not None:
            yield from _output(kind, {**where, "output": name}, spec, dtype, shapes)


def _output(
    kind: str, where: Mapping[str, str], spec: TensorSpec, dtype: str, shapes: tuple[Shape, ...]
) -> Iterator[Finding]:
    if spec.dtype not in (UNDECLARED, dtype):
        yield Finding(
            f"TensorFlow Serving wants {dtype} in {where['output']!r} of a {kind} signature",
            where,
            found=spec.dtype,
            wanted=dtype,
            next="convert the output in the graph",
        )
    if not any(compatible(spec.shape, shape) for shape in shapes):
        wanted = " or ".join(str(TensorSpec("", dtype, shape)) for shape in shapes)
        yield Finding(
            f"TensorFlow Serving refuses {where['output']!r} of this shape in a {kind} signature",
            where,
            found=str(spec),
            wanted=wanted,
            next="reshape the output in the graph",
        )
