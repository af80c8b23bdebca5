"""SM107 explanation-contract."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from typing import ClassVar

from tfx_savedmodel.saved_model.tensors import compatible
from tfx_savedmodel.saved_model.view import GraphView, SignatureView
from tfx_savedmodel.validation.check import GraphCheck, Skip
from tfx_savedmodel.validation.checks.explanation_metadata import (
    FLOATS,
    explained_outputs,
    find_in_metadata,
    find_undifferentiable,
)
from tfx_savedmodel.validation.result import Finding

MODEL = "xai_model"
PREPROCESS = "xai_preprocess"

_DEFAULT = "serving_default"


@dataclasses.dataclass(frozen=True)
class ExplanationContract(GraphCheck):
    """The signatures for explanations are named and joined as explainers need them.

    With more than one signature there is `xai_model`; `xai_preprocess` gives just what `xai_model` takes, by name,
    dtype and shape; the explained output is a float, and so are the inputs that attributions are made for, or
    `explanation_metadata.json` names an encoded float tensor for them; what else the metadata names is there, with
    exactly one output and as many baselines for each input. A model without an `xai_` signature and without metadata
    is skipped, unless `required`.

    Why: an explainer finds its signatures by these exact keys and differentiates `xai_model` with
    respect to its inputs; a near-miss such as `xai-model` is silently not found.
    Remedy: plan `xai_model` (kind `model`) and `xai_preprocess` (kind `preprocess`) in
    SignatureExporter.
    """

    code: ClassVar[str] = "SM107"
    name: ClassVar[str] = "explanation-contract"
    required: bool = False
    """Whether a model without any signature for explanations fails, too."""

    def check(self, graph: GraphView) -> Iterator[Finding]:
        meta_graph = graph.meta_graph()
        signatures = meta_graph.signatures if meta_graph else {}
        misses = list(_near_misses(signatures))
        has_metadata = graph.explanation is not None or graph.explanation_fault is not None
        meant = any(_plain(key).startswith("xai_") for key in signatures) or misses or has_metadata
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
        only = next(iter(signatures.values())) if len(signatures) == 1 else None
        explained = signatures.get(MODEL) or only
        # Of a TF1 graph the metadata names tensors: which of them are inputs of the signature, it does not say.
        if explained is not None and (MODEL in signatures or (meta_graph is not None and meta_graph.is_tf2)):
            yield from find_undifferentiable(graph, explained)
            yield from _outputs(graph, explained)
        if MODEL in signatures and PREPROCESS in signatures:
            yield from _join(signatures[PREPROCESS], signatures[MODEL])
        yield from find_in_metadata(graph, explained or signatures.get(_DEFAULT))


def _plain(key: str) -> str:
    return key.lower().replace("-", "_").replace(" ", "_")


def _near_misses(signatures: Mapping[str, SignatureView]) -> Iterator[Finding]:
    for key in sorted(signatures):
        plain = _plain(key)
        for wanted in (MODEL, PREPROCESS):
            close = plain[0:2] in ("xa", "xi") and difflib.SequenceMatcher(None, plain, wanted).ratio() >= 0.85
            if key not in (MODEL, PREPROCESS) and close and wanted not in signatures:
                yield Finding(
                    f"the key {key!r} is not {wanted!r}",
                    {"signature": key},
                    found=key,
                    wanted=wanted,
                    next="rename the signature",
                )


def _outputs(graph: GraphView, model: SignatureView) -> Iterator[Finding]:
    outputs = explained_outputs(graph, model)
    if outputs and not any(model.outputs[name].dtype in FLOATS for name in outputs):
        yield Finding(
            "no output to be explained has a gradient",
            {"signature": model.key},
            found=", ".join(f"{name}: {model.outputs[name].dtype}" for name in outputs),
            wanted="a float output",
            next="give the explained signature the scores, not the classes that are made of them",
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
