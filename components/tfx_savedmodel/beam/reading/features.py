"""Which features the examples have: read from a sample of them and from the schema or Transform graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_savedmodel.beam.reading.records import first_records
from tfx_savedmodel.saved_model.view import Shape

#: Enough to meet every feature that is not rare; a rare one is what a schema is for.
SAMPLE_SIZE = 256

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
INTEGERS = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"})


@dataclasses.dataclass(frozen=True)
class Feature:
    """A feature of tf.Examples.

    `kind` is the list that holds its values: "float", "int64" or "bytes", or None where no value
    was seen; `shape` is one example's, where a specification fixes it, else None. `shaped` says that each example
    brings its shape with it; `fault` why the feature cannot be fed although it is there.
    """

    kind: str | None = None
    shape: Shape = None
    shaped: bool = False
    fault: str | None = None


def kind_of(dtype: str) -> str | None:
    """Return the list of a tf.Example that values of a dtype come from by nature, else None."""
    if dtype in FLOATS:
        return "float"
    if dtype in INTEGERS:
        return "int64"
    return "bytes" if dtype == "string" else None


def known_features(seen: Mapping[str, Feature], spec: Mapping[str, Any]) -> dict[str, Feature]:
    """Return the features seen in examples and in a parsing specification, by name.

    The examples decide about a feature's kind, the specification about its shape.
    """
    features = {name: specified(value) for name, value in spec.items()}
    for name, feature in seen.items():
        known = features.get(name, Feature())
        features[name] = dataclasses.replace(feature, kind=feature.kind or known.kind, shape=known.shape)
    return features


def specified(value: Any) -> Feature:
    """Return the feature that a tf.io parsing specification describes."""
    shape = getattr(value, "shape", None)
    return Feature(kind_of(value.dtype.name), None if shape is None else tuple(shape))


def example_features(files: Sequence[str], size: int = SAMPLE_SIZE) -> dict[str, Feature]:
    """Return the features of the first tf.Examples that can be read."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    kinds: dict[str, str | None] = {}
    for record in first_records(files, size):
        try:
            _see(tf.train.Example.FromString(record).features.feature, kinds)
        except DecodeError:
            continue
    return {name: Feature(kind) for name, kind in kinds.items()}


def sequence_features(files: Sequence[str], size: int = SAMPLE_SIZE) -> dict[str, Feature]:
    """Return context features and feature lists of the first tf.SequenceExamples that can be read."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    kinds: dict[str, str | None] = {}
    lists: dict[str, str | None] = {}
    for record in first_records(files, size):
        try:
            example = tf.train.SequenceExample.FromString(record)
        except DecodeError:
            continue
        _see(example.context.feature, kinds)
        for name, steps in example.feature_lists.feature_list.items():
            lists.setdefault(name, None)
            for step in steps.feature:
                _see({name: step}, lists)
    found = {name: Feature(kind) for name, kind in kinds.items()}
    return {**found, **{name: Feature(kind, shaped=True) for name, kind in lists.items()}}


def _see(features: Mapping[str, Any], kinds: dict[str, str | None]) -> None:
    for name, feature in features.items():
        kind = feature.WhichOneof("kind")
        kinds[name] = kinds.get(name) or (kind.removesuffix("_list") if kind else None)
