"""What classify and regress compute of outputs that are there: casts to float32, and names of classes beside scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.signatures.resolved import ResolvedSignature


def finished(signature: ResolvedSignature, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return a derived signature's outputs by exported name.

    Args:
      results: what it stands on gives, by the names that the signature's outputs have as their sources.
    """
    import tensorflow as tf

    named = {name: results[item.source] for name, item in signature.outputs.items() if item.source}
    made = {name: _as(value, signature.outputs[name].dtype) for name, value in named.items()}
    if signature.labels:
        made["scores"] = tf.ensure_shape(made["scores"], [None, len(signature.labels)])
        batch = tf.shape(made["scores"])[0]
        made["classes"] = tf.tile(tf.constant([signature.labels], tf.string), [batch, 1])
    return made


def _as(value: Any, dtype: str) -> Any:
    import tensorflow as tf

    return value if value.dtype.name == dtype else tf.cast(value, dtype)
