"""A serialized tf.Example as a person reads it, in short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.validation.comparing import brief

_MOST_FEATURES = 16


def readable(record: Any) -> Mapping[str, str]:
    """Return the first features by name, each with its first values; empty where it is no tf.Example."""
    import numpy as np
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        example = tf.train.Example.FromString(bytes(record))
    except DecodeError:
        return {}
    shown: dict[str, str] = {}
    for name, feature in sorted(example.features.feature.items())[:_MOST_FEATURES]:
        kind = feature.WhichOneof("kind")
        values = list(getattr(feature, kind).value) if kind else []
        shown[name] = brief(np.array(values, dtype=object if kind == "bytes_list" else None)) if values else "missing"
    left = len(example.features.feature) - len(shown)
    return {**shown, **({"…": f"{left} more"} if left > 0 else {})}
