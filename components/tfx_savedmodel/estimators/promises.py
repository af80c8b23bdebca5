"""What receiver and model promise of the signatures that are written; held against what was written."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tfx_savedmodel.errors import ConversionError
from tfx_savedmodel.estimators.keras_model import ModelInput
from tfx_savedmodel.estimators.receivers import DEFAULT, EXAMPLES_INPUT, Received, signature_of, signatures_of
from tfx_savedmodel.saved_model.view import SignatureView

#: The dtypes of inputs by their names, by signature key.
Inputs = Mapping[str, Mapping[str, str]]


def inputs_of(receiver: str, inputs: Collection[ModelInput]) -> Inputs:
    """Return what the signatures of a receiver of ours take."""
    raw = {each.name: each.dtype.name for each in inputs}
    return {
        key: {EXAMPLES_INPUT: "string"} if kind == "parsing" else raw for key, kind in signatures_of(receiver).items()
    }


def inputs_of_own(received: Received) -> Inputs:
    """Return what the signatures of a receiver of the author's own take."""
    sides = {signature_of(name): tensors for name, tensors in received.receiver_tensors_alternatives.items()}
    return {
        key: {name: tensor.dtype.name for name, tensor in tensors.items()}
        for key, tensors in {DEFAULT: received.receiver_tensors, **sides}.items()
    }


def check_promises(written: Mapping[str, SignatureView], inputs: Inputs, outputs: Collection[str], where: str) -> None:
    """Let signatures pass that are those of the receiver, and each give all outputs of the model.

    Raises:
      ConversionError: a signature is missing or too many, or has other inputs or outputs.
    """
    if set(written) != set(inputs):
        raise _broken("signatures", where, written, inputs)
    for key, signature in written.items():
        found = {name: spec.dtype for name, spec in signature.inputs.items()}
        if found != inputs[key]:
            raise _broken("inputs", f"signature {key!r}", _typed(found), _typed(inputs[key]))
        if set(signature.outputs) != set(outputs):
            raise _broken("outputs", f"signature {key!r}", signature.outputs, outputs)


def _typed(inputs: Mapping[str, str]) -> list[str]:
    return [f"{name} ({dtype})" for name, dtype in inputs.items()]


def _broken(what: str, where: str, found: Collection[str], wanted: Collection[str]) -> ConversionError:
    return ConversionError(
        f"the converted model has other {what}",
        where=where,
        found=", ".join(sorted(found)) or "none",
        wanted=", ".join(sorted(wanted)),
    )
