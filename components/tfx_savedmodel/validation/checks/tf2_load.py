"""SM202 tf2-load."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tfx_savedmodel.saved_model.tensors import compatible
from tfx_savedmodel.saved_model.view import SignatureView, TensorSpec
from tfx_savedmodel.validation.check import LoadedModel, ModelCheck
from tfx_savedmodel.validation.checks.load_findings import load_findings, load_measurements
from tfx_savedmodel.validation.result import Finding

#: What a signature from before TF 1.0 says of a dtype, and TF2 of what is no tensor.
_UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True)
class Tf2Load(ModelCheck):
    """`tf.saved_model.load` loads the model and finds the MetaGraph's signatures: names, dtypes and shapes.

    Why: TF2 takes signatures from the object graph and servers from the MetaGraph; where the two
    differ, what was tested in Python is not what is served.
    Remedy: export the model again; do not edit one of the two by hand.
    """

    code: ClassVar[str] = "SM202"
    name: ClassVar[str] = "tf2-load"
    loaders: ClassVar[tuple[str, ...]] = ("tf2",)

    def check(self, model: LoadedModel) -> Iterator[Finding]:
        observation = model.observations["tf2"]
        yield from load_findings(model, "tf2", "tf.saved_model.load")
        meta_graph = model.graph.meta_graph()
        if observation.signatures is None or meta_graph is None:
            return
        for key in sorted(set(meta_graph.signatures) ^ set(observation.signatures)):
            there = key in meta_graph.signatures
            yield Finding(
                f"the signature {key!r} is only in the {'MetaGraph' if there else 'object graph'}",
                {"signature": key},
                found=", ".join(sorted(observation.signatures)) or "no signatures",
                wanted=", ".join(sorted(meta_graph.signatures)) or "no signatures",
                next="export the model again",
            )
        for key in sorted(set(meta_graph.signatures) & set(observation.signatures)):
            yield from _names(key, meta_graph.signatures[key], observation.signatures[key])

    def measurements(self, model: LoadedModel) -> Mapping[str, Any]:
        return load_measurements(model.observations["tf2"])


def _names(key: str, signature: SignatureView, loaded: Mapping[str, Any]) -> Iterator[Finding]:
    for side, declared in (("input", signature.inputs), ("output", signature.outputs)):
        found = sorted(loaded[f"{side}s"])
        dense = all(spec.kind == "dense" for spec in declared.values())  # TF2 takes a sparse one as three
        if dense and found != sorted(declared):
            yield Finding(
                f"TF2 sees other {side}s than the MetaGraph declares",
                {"signature": key},
                found=", ".join(found) or "none",
                wanted=", ".join(sorted(declared)) or "none",
                next="export the model again",
            )
        for name in sorted(set(found) & set(declared)):
            yield from _spec(key, side, name, declared[name], loaded[f"{side}s"][name])


def _spec(key: str, side: str, name: str, declared: TensorSpec, loaded: Mapping[str, Any]) -> Iterator[Finding]:
    """A shape may be told more or less exactly, as TF1's signatures do; it may not be another."""
    shape = None if loaded["shape"] is None else tuple(loaded["shape"])
    same_dtype = _UNKNOWN in (declared.dtype, loaded["dtype"]) or declared.dtype == loaded["dtype"]
    if declared.kind == "dense" and not (same_dtype and compatible(declared.shape, shape)):
        yield Finding(
            f"TF2 sees another {side} {name!r} than the MetaGraph declares",
            {"signature": key, side: name},
            found=str(TensorSpec("", loaded["dtype"], shape)),
            wanted=str(declared),
            next="export the model again",
        )
