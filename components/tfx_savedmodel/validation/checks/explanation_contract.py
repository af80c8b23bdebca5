"""SM107 explanation-contract."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.saved_model.tensors import compatible
from tfx_savedmodel.saved_model.view import GraphView, SignatureView
from tfx_savedmodel.validation.check import GraphCheck, Skip
from tfx_savedmodel.validation.result import Finding

MODEL = "xai_model"
PREPROCESS = "xai_preprocess"
METADATA = "explanation_metadata.json"

_FLOATS = ("float16", "bfloat16", "float32", "float64")


@dataclasses.dataclass(frozen=True)
class ExplanationContract(GraphCheck):
    """The signatures for explanations are named and joined as explainers need them.

    With more than one signature there is `xai_model`; `xai_preprocess` gives just what `xai_model`
    takes; inputs that attributions are made for are floats; `explanation_metadata.json` names
    inputs and outputs that are there.

    Why: an explainer finds its signatures by these exact keys and differentiates `xai_model` with
    respect to its inputs; a near-miss such as `xai-model` is silently not found.
    Remedy: plan `xai_model` (kind `model`) and `xai_preprocess` (kind `preprocess`) in
    SignatureExporter.
    """

    code: ClassVar[str] = "SM107"
    name: ClassVar[str] = "explanation-contract"
    required: bool = False

    def check(self, graph: GraphView) -> Iterator[Finding]:
        meta_graph = graph.meta_graph()
        signatures = meta_graph.signatures if meta_graph else {}
        misses = list(_near_misses(signatures))
        has_metadata = graph.explanation is not None or graph.explanation_fault is not None
        meant = any(key in signatures for key in (MODEL, PREPROCESS)) or misses or has_metadata
        if not meant and not self.required:
            raise Skip("the model has no xai_ signature and no explanation metadata")
        yield from misses
        if MODEL not in signatures and (len(signatures) > 1 or PREPROCESS in signatures):
            yield Finding(
                f"more than one signature and no {MODEL!r}",
                {"signature": MODEL},
                found=", ".join(sorted(signatures)),
                wanted=MODEL,
                next="add it to the exporter's plan with kind model",
            )
        if MODEL in signatures:
            yield from _inputs(signatures[MODEL], graph.explanation)
        if MODEL in signatures and PREPROCESS in signatures:
            yield from _join(signatures[PREPROCESS], signatures[MODEL])
        yield from _metadata(graph, signatures)


def _near_misses(signatures: Mapping[str, SignatureView]) -> Iterator[Finding]:
    for key in sorted(signatures):
        plain = key.lower().replace("-", "_").replace(" ", "_")
        for wanted in (MODEL, PREPROCESS):
            close = difflib.SequenceMatcher(None, plain, wanted).ratio() >= 0.85
            if key not in (MODEL, PREPROCESS) and close and wanted not in signatures:
                yield Finding(
                    f"the key {key!r} is not {wanted!r}",
                    {"signature": key},
                    found=key,
                    wanted=wanted,
                    next="rename the signature",
                )


def _inputs(model: SignatureView, metadata: Mapping[str, Any] | None) -> Iterator[Finding]:
    encoded = set()
    for item in entries(metadata, "inputs").values():
        if item.get("encoded_tensor_name"):
            encoded.add(str(item.get("input_tensor_name")))
    for name, spec in sorted(model.inputs.items()):
        if spec.dtype not in _FLOATS and name not in encoded:
            yield Finding(
                f"the input {name!r} has no gradient: it is {spec.dtype}",
                {"signature": MODEL, "input": name},
                found=spec.dtype,
                wanted="a float, or an encoded float tensor named in the metadata",
                next=f"encode the feature before {MODEL!r}, in {PREPROCESS!r}",
            )


def _join(preprocess: SignatureView, model: SignatureView) -> Iterator[Finding]:
    where = {"signature": PREPROCESS}
    if sorted(preprocess.outputs) != sorted(model.inputs):
        yield Finding(
            f"{PREPROCESS} does not give what {MODEL} takes",
            where,
            found=", ".join(sorted(preprocess.outputs)),
            wanted=", ".join(sorted(model.inputs)),
            next="export both from one plan",
        )
    for name in sorted(set(preprocess.outputs) & set(model.inputs)):
        gives, takes = preprocess.outputs[name], model.inputs[name]
        if gives.dtype != takes.dtype or not compatible(gives.shape, takes.shape):
            yield Finding(
                f"{PREPROCESS} gives {name!r} in another form than {MODEL} takes it",
                {**where, "output": name},
                found=str(gives),
                wanted=str(takes),
                next="export both from one plan",
            )


def _metadata(graph: GraphView, signatures: Mapping[str, SignatureView]) -> Iterator[Finding]:
    where = {"file": METADATA}
    if graph.explanation_fault is not None:
        yield Finding(f"{METADATA} {graph.explanation_fault}", where, next="write the metadata again")
    if graph.explanation is None:
        return
    outputs = entries(graph.explanation, "outputs")
    if len(outputs) != 1:
        yield Finding(
            f"{METADATA} names {len(outputs)} outputs",
            where,
            str(len(outputs)),
            "exactly one",
            "name the explained one",
        )
    meta_graph = graph.meta_graph()
    model = signatures.get(MODEL) or signatures.get("serving_default")
    if model is None or meta_graph is None or not meta_graph.is_tf2:
        return  # TF1 metadata names tensors of the graph, not keys of the signature
    for side, specs in (("input", model.inputs), ("output", model.outputs)):
        for item in entries(graph.explanation, f"{side}s").values():
            key = str(item.get(f"{side}_tensor_name"))
            if key not in specs:
                yield Finding(
                    f"{METADATA} names the {side} {key!r}, which {model.key!r} does not have",
                    {**where, "signature": model.key},
                    found=key,
                    wanted=", ".join(sorted(specs)),
                    next="name one of the signature's keys",
                )


def entries(metadata: Mapping[str, Any] | None, side: str) -> dict[str, Mapping[str, Any]]:
    """Return the entries of one side ("inputs", "outputs") of the metadata that are mappings, by name."""
    found = (metadata or {}).get(side)
    items = found.items() if isinstance(found, Mapping) else ()
    return {str(name): item for name, item in items if isinstance(item, Mapping)}
