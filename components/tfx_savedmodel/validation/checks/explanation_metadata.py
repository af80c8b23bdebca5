"""What SM107 finds in explanation_metadata.json, and what that says of a signature's inputs.

Source: explainable_ai_sdk's metadata builders for TF1 and TF2, and InputMetadata of Vertex AI's ExplanationMetadata.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tfx_savedmodel.saved_model.tensors import find_tensor
from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView, SignatureView
from tfx_savedmodel.validation.result import Finding

METADATA = "explanation_metadata.json"
FLOATS = ("float16", "bfloat16", "float32", "float64")

_MOST_BASELINES = 10
_WHERE = {"file": METADATA}


def explained_outputs(graph: GraphView, model: SignatureView) -> list[str]:
    """Return the outputs of `model` that attributions are made for: those the metadata names, else all."""
    named = [str(item.get("output_tensor_name")) for item in entries(graph.explanation, "outputs").values()]
    return [name for name in sorted(model.outputs) if name in named] or sorted(model.outputs)


def find_undifferentiable(graph: GraphView, model: SignatureView) -> Iterator[Finding]:
    """Yield the inputs that attributions are asked for and that are no floats, and have no encoded float either."""
    named = {str(item.get("input_tensor_name")): item for item in entries(graph.explanation, "inputs").values()}
    for name, spec in sorted(model.inputs.items()):
        if spec.dtype in FLOATS or (named and name not in named):
            continue  # what the metadata leaves out gets no attribution
        encoded = named.get(name, {}).get("encoded_tensor_name")
        dtype = _dtype(graph, str(encoded)) if encoded else None
        if encoded and dtype in (*FLOATS, "unknown"):
            continue
        yield Finding(
            f"the input {name!r} has no gradient: it is {spec.dtype}",
            {"signature": model.key, "input": name},
            found=f"{spec.dtype}, encoded as {encoded!r}, which is {dtype or 'nowhere'}" if encoded else spec.dtype,
            wanted="a float, or an encoded float tensor named in the metadata",
            next="encode the feature before the explained signature, in 'xai_preprocess'",
        )


def find_in_metadata(graph: GraphView, model: SignatureView | None) -> Iterator[Finding]:
    """Yield what is wrong in the metadata, which is about `model`."""
    if graph.explanation_fault is not None:
        yield Finding(f"{METADATA} {graph.explanation_fault}", _WHERE, next="write the metadata again")
    if graph.explanation is None:
        return
    outputs = entries(graph.explanation, "outputs")
    if len(outputs) != 1:
        found = str(len(outputs))
        yield Finding(f"{METADATA} names {found} outputs", _WHERE, found, "exactly one", "name the explained one")
    yield from _baselines(entries(graph.explanation, "inputs"))
    meta_graph = graph.meta_graph()
    if meta_graph is None:
        return
    for side in ("input", "output"):
        for item in entries(graph.explanation, f"{side}s").values():
            name = str(item.get(f"{side}_tensor_name"))
            if not meta_graph.is_tf2:
                yield from _tensor(meta_graph, side, name)
            elif model is not None:
                yield from _key(model, side, name)


def _key(model: SignatureView, side: str, name: str) -> Iterator[Finding]:
    specs = model.inputs if side == "input" else model.outputs
    if name not in specs:
        yield Finding(
            f"{METADATA} names the {side} {name!r}, which {model.key!r} does not have",
            {**_WHERE, "signature": model.key},
            found=name,
            wanted=", ".join(sorted(specs)),
            next="name one of the signature's keys",
        )


def _tensor(meta_graph: MetaGraphView, side: str, name: str) -> Iterator[Finding]:
    """Of a TF1 graph the metadata names tensors, not keys of a signature."""
    if find_tensor(meta_graph, name) is None:
        yield Finding(
            f"{METADATA} names the {side} {name!r}, which is no tensor of the graph",
            _WHERE,
            found=name,
            wanted="a tensor of the TF1 graph, such as 'x:0'",
            next="name the tensor that the signature has",
        )


def _baselines(inputs: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    counts = {
        name: len(item["input_baselines"])
        for name, item in inputs.items()
        if isinstance(item.get("input_baselines"), list) and item["input_baselines"]
    }
    if max(counts.values(), default=0) > _MOST_BASELINES or len(set(counts.values())) > 1:
        yield Finding(
            f"{METADATA} has baselines that an explainer refuses",
            _WHERE,
            found=", ".join(f"{count} for {name}" for name, count in sorted(counts.items())),
            wanted=f"as many for each input, at most {_MOST_BASELINES}",
            next="write the metadata again",
        )


def _dtype(graph: GraphView, name: str) -> str | None:
    """Return the dtype of a tensor of the graph, "unknown" where nothing says it, or None where there is none."""
    meta_graph = graph.meta_graph()
    tensor = find_tensor(meta_graph, name) if meta_graph is not None else None
    return None if tensor is None else tensor.dtype or "unknown"


def entries(metadata: Mapping[str, Any] | None, side: str) -> dict[str, Mapping[str, Any]]:
    found = (metadata or {}).get(side)
    items = found.items() if isinstance(found, Mapping) else ()
    return {str(name): item for name, item in items if isinstance(item, Mapping)}
