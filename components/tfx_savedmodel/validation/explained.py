"""What an explainer would attribute: a signature, one of its outputs, and the inputs that have gradients."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.saved_model.view import GraphView, SignatureView, TensorSpec
from tfx_savedmodel.validation.check import Skip
from tfx_savedmodel.validation.checks.explanation_contract import MODEL
from tfx_savedmodel.validation.checks.explanation_metadata import FLOATS, METADATA, entries

_SERVING = "serving_default"


@dataclasses.dataclass(frozen=True)
class ExplainedInput:
    """An input of the signature, what is differentiated by (itself, or the float tensor that encodes it in a
    TF1 graph), and one instance's baseline (None: zeros)."""

    name: str
    by: str
    baseline: Any = None


@dataclasses.dataclass(frozen=True)
class Explained:
    """The explained signature and output, its inputs, and for the others why nothing is attributed to them."""

    signature: str
    output: str
    inputs: tuple[ExplainedInput, ...]
    left_out: Mapping[str, str]


def explained(graph: GraphView, output: str | None = None) -> Explained:
    """Return what is explained of a model, by its keys and by its metadata as far as that fits them.

    Raises:
      Skip: nothing is, or it cannot be told what.
    """
    meta_graph = graph.meta_graph()
    signatures = meta_graph.signatures if meta_graph is not None else {}
    key = MODEL if MODEL in signatures else _SERVING
    if key not in signatures or (key == _SERVING and graph.explanation is None):
        raise Skip(f"the model has no signature {MODEL!r} and no {METADATA}")
    signature = signatures[key]
    is_tf2 = meta_graph is not None and meta_graph.is_tf2
    inputs: list[ExplainedInput] = []
    left_out: dict[str, str] = {}
    items = _by_key(graph.explanation, "input", signature.inputs)
    for name, spec in sorted(signature.inputs.items()):
        found = _input(name, spec, items.get(name, {}), is_tf2)
        if isinstance(found, str):
            left_out[name] = found
        else:
            inputs.append(found)
    if not inputs:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise Skip(f"no input of {key!r} can have an attribution ({reasons})")
    return Explained(key, _output(signature, graph.explanation, output), tuple(inputs), left_out)


def _input(name: str, spec: TensorSpec, item: Mapping[str, Any], is_tf2: bool) -> ExplainedInput | str:
    if spec.dtype in FLOATS:
        return ExplainedInput(name, name, _first(item.get("input_baselines")))
    encoded = item.get("encoded_tensor_name")
    if not encoded:
        return f"it is {spec.dtype}, and no encoded float tensor is named"
    if is_tf2:
        return f"it is {spec.dtype}, and the encoded tensor {encoded!r} lies within a function of a TF2 graph"
    return ExplainedInput(name, str(encoded), _first(item.get("encoded_baselines")))


def _output(signature: SignatureView, metadata: Mapping[str, Any] | None, wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in signature.outputs:
            raise Skip(f"{signature.key!r} has no output {wanted!r} (it has: {', '.join(sorted(signature.outputs))})")
        return wanted
    named = list(_by_key(metadata, "output", signature.outputs))
    floats = named or [name for name, spec in sorted(signature.outputs.items()) if spec.dtype in FLOATS]
    floats = [name for name in floats if signature.outputs[name].dtype in FLOATS]
    if len(floats) != 1:
        raise Skip(
            f"it cannot be told which output of {signature.key!r} is explained "
            f"({', '.join(floats) or 'none is a float'}): name it as `output`, or in {METADATA}"
        )
    return floats[0]


def _by_key(
    metadata: Mapping[str, Any] | None, side: str, specs: Mapping[str, TensorSpec]
) -> dict[str, Mapping[str, Any]]:
    """Return the metadata's entries by the signature's keys, which TF1 metadata names by their graph tensors."""
    tensors = {spec.tensor: name for name, spec in specs.items()}
    found: dict[str, Mapping[str, Any]] = {}
    for item in entries(metadata, f"{side}s").values():
        named = str(item.get(f"{side}_tensor_name"))
        key = named if named in specs else tensors.get(named)
        if key is not None:
            found[key] = item
    return found


def _first(baselines: Any) -> Any:
    return baselines[0] if isinstance(baselines, list) and baselines else None
