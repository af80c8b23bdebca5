"""Which features the examples have: read from a sample of them and from the schema or Transform graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfx_savedmodel.beam.records import RecordBatch, read_batches
from tfx_savedmodel.beam.shards import Shard
from tfx_savedmodel.saved_model.view import Shape

#: Enough to meet every feature that is not rare; a rare one is what a schema is for.
SAMPLE_SIZE = 256

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
INTEGERS = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"})


@dataclasses.dataclass(frozen=True)
class Feature:
    """A feature of tf.Examples.

    `kind` is the list that holds its values: "float", "int64" or "bytes", or None where no value
    was seen; `shape` is one example's, where a specification fixes it, else None.
    """

    kind: str | None = None
    shape: Shape = None


def kind_of(dtype: str) -> str | None:
    """Return the list of a tf.Example that values of a dtype come from by nature, else None."""
    if dtype in FLOATS:
        return "float"
    if dtype in INTEGERS:
        return "int64"
    return "bytes" if dtype == "string" else None


def known_features(kinds: Mapping[str, str | None], spec: Mapping[str, Any]) -> dict[str, Feature]:
    """Return the features seen in examples (`kinds`) and in a parsing specification, by name.

    The examples decide about a feature's kind, the specification about its shape.
    """
    features = {name: specified(value) for name, value in spec.items()}
    for name, kind in kinds.items():
        known = features.get(name, Feature())
        features[name] = dataclasses.replace(known, kind=kind or known.kind)
    return features


def specified(value: Any) -> Feature:
    """Return the feature that a tf.io parsing specification describes."""
    shape = getattr(value, "shape", None)
    return Feature(kind_of(value.dtype.name), None if shape is None else tuple(shape))


def sample_kinds(files: Sequence[str], size: int = SAMPLE_SIZE) -> dict[str, str | None]:
    """Return the features of the first examples that can be read, each with its kind."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    kinds: dict[str, str | None] = {}
    for record in _first_records(files, size):
        try:
            example = tf.train.Example.FromString(record)
        except DecodeError:
            continue
        for name, feature in example.features.feature.items():
            kind = feature.WhichOneof("kind")
            kinds[name] = kinds.get(name) or (kind.removesuffix("_list") if kind else None)
    return kinds


def _first_records(files: Sequence[str], size: int) -> Iterable[bytes]:
    left = size
    for file in files:
        for item in read_batches(Shard(file, records=left), left):
            if isinstance(item, RecordBatch):
                left -= len(item.records)
                yield from item.records
        if left <= 0:
            return
