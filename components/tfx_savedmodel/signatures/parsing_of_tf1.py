"""Parsing tf.Examples by the op that TF 1.15 and 2.0 know too, so that a TF1 graph stays one that they load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def parse_as_tf1(serialized: Any, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `tf.io.parse_example` returns, by ParseExample, where ParseExampleV2 came with TF 2.1.

    Args:
      serialized: tf.Examples, strings [batch].
      spec: a tf.io parsing spec. With other features than FixedLenFeature and VarLenFeature it goes by
        `tf.io.parse_example` itself.
    """
    import tensorflow as tf

    dense = {name: feature for name, feature in sorted(spec.items()) if isinstance(feature, tf.io.FixedLenFeature)}
    sparse = {name: feature for name, feature in sorted(spec.items()) if isinstance(feature, tf.io.VarLenFeature)}
    if len(dense) + len(sparse) < len(spec) or any(None in feature.shape for feature in dense.values()):
        parsed: dict[str, Any] = tf.io.parse_example(serialized, spec)
        return parsed
    made = tf.raw_ops.ParseExample(
        serialized=serialized,
        names=tf.constant([], tf.string),
        sparse_keys=[tf.constant(name) for name in sparse],
        dense_keys=[tf.constant(name) for name in dense],
        dense_defaults=[_default(feature) for feature in dense.values()],
        sparse_types=[feature.dtype for feature in sparse.values()],
        dense_shapes=[feature.shape for feature in dense.values()],
    )
    parts = zip(made.sparse_indices, made.sparse_values, made.sparse_shapes, strict=True)
    tensors = {name: tf.SparseTensor(*part) for name, part in zip(sparse, parts, strict=True)}
    return {**tensors, **dict(zip(dense, made.dense_values, strict=True))}


def _default(feature: Any) -> Any:
    """A feature without a default must be there: that is an empty one."""
    import tensorflow as tf

    if feature.default_value is None:
        return tf.constant([], feature.dtype)
    return tf.reshape(tf.constant(feature.default_value, feature.dtype), feature.shape)
