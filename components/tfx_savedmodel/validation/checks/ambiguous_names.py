"""SM108 ambiguous-names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from tfx_savedmodel.saved_model.view import GraphView, MetaGraphView
from tfx_savedmodel.validation.check import GraphCheck
from tfx_savedmodel.validation.result import Finding

_DEFAULT = "serving_default"

#: Keys that some tool takes before `serving_default`, or has a meaning of its own for: who, and what it does.
_PREFERRED = {
    "predict": "TensorFlow Model Analysis takes it before 'serving_default'",
    "serve": "Keras 3 writes it beside 'serving_default', and Keras's own loaders call it",
    "eval": "TensorFlow Model Analysis takes it for the graph of an EvalSavedModel",
    "train": "an Estimator's loader takes it for the training graph",
}


@dataclasses.dataclass(frozen=True)
class AmbiguousNames(GraphCheck):
    """The signatures' names mean the same to every tool.

    Looks for signatures beside `serving_default` that other tools take before it (`predict`, `serve`) or for
    another graph (`eval`, `train`), for clients' signatures under names that loaders keep for themselves
    (`__saved_model_init_op`), and for keys that differ in nothing but case, `-`, `_` or blanks. Two names of one
    signature, with the same tensors, are not ambiguous.

    Why: an evaluation measures one signature and the server answers with another, and neither says which.
    Remedy: rename the signature in the exporter's plan, or name the one that is meant in every consumer.
    """

    code: ClassVar[str] = "SM108"
    name: ClassVar[str] = "ambiguous-names"

    def check(self, graph: GraphView) -> Iterator[Finding]:
        for meta_graph in graph.meta_graphs:
            yield from _preferred(meta_graph)
            yield from _reserved(meta_graph)
            yield from _alike(meta_graph)


def _preferred(meta_graph: MetaGraphView) -> Iterator[Finding]:
    default = meta_graph.signatures.get(_DEFAULT)
    for key, why in _PREFERRED.items():
        other = meta_graph.signatures.get(key)
        if default is None or other is None or (other.inputs, other.outputs) == (default.inputs, default.outputs):
            continue
        yield Finding(
            f"{key!r} beside {_DEFAULT!r}, and not the same: {why}",
            {"signature": key},
            found=f"{key} and {_DEFAULT}, with other tensors",
            wanted="names that every tool understands alike",
            next="rename it, or name the signature that is meant in each tool",
        )


def _reserved(meta_graph: MetaGraphView) -> Iterator[Finding]:
    for key in meta_graph.taken_names:
        yield Finding(
            f"{key!r} is a name that loaders keep for themselves: they run it when the model is loaded",
            {"signature": key},
            found="a signature with inputs or a method name of its own",
            wanted="another name",
            next="rename the signature",
        )


def _alike(meta_graph: MetaGraphView) -> Iterator[Finding]:
    by_plain: dict[str, list[str]] = {}
    for key in sorted(meta_graph.signatures):
        by_plain.setdefault("".join(key.lower().replace("-", "_").split()), []).append(key)
    for keys in by_plain.values():
        if len(keys) > 1:
            shown = ", ".join(map(repr, keys))
            yield Finding(
                f"these keys are easily taken for one another: {shown}",
                {"signature": keys[0]},
                found=shown,
                wanted="keys that differ in more than case and signs",
                next="rename all but one",
            )
