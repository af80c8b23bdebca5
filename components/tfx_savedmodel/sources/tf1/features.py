"""Placeholders for the features that an Estimator's model_fn takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.view import Shape


def feature_placeholders(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a placeholder for each feature, in the current graph, as `tf.io.parse_example` would give it.

    Args:
      spec: tf.io.FixedLenFeature, tf.io.VarLenFeature or tf.TensorSpec by name. The first two are one
        example's, a tf.TensorSpec is the whole batch's.

    Raises:
      UnsupportedModelError: a feature of another kind.
    """
    return {name: _placeholder(name, spec[name]) for name in sorted(spec)}


def tensor_specs(specs: Mapping[str, tuple[str, Shape]]) -> dict[str, Any]:
    """Return tf.TensorSpecs of dtypes and shapes by name."""
    import tensorflow as tf

    return {name: tf.TensorSpec(shape, tf.as_dtype(dtype), name) for name, (dtype, shape) in specs.items()}


def _placeholder(name: str, feature: Any) -> Any:
    import tensorflow as tf

    v1 = tf.compat.v1
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    plain = plain if re.match(r"[A-Za-z0-9.]", plain) else f"feature{plain}"
    if isinstance(feature, tf.TensorSpec):
        return v1.placeholder(feature.dtype, feature.shape, name=plain)
    if isinstance(feature, tf.io.FixedLenFeature):
        return v1.placeholder(feature.dtype, [None, *feature.shape], name=plain)
    if isinstance(feature, tf.io.VarLenFeature):
        return v1.sparse_placeholder(feature.dtype, [None, None], name=plain)
    raise UnsupportedModelError(
        "no placeholder stands for such a feature",
        where=f"feature {name!r}",
        found=type(feature).__name__,
        wanted="a feature of fixed or variable length",
        next_step="say what the model takes in the plan's source.features",
    )


def parts_of(tensor: Any) -> list[Any]:
    """Return the tensors that a dense or sparse tensor is made of."""
    import tensorflow as tf

    if isinstance(tensor, tf.SparseTensor):
        return [tensor.indices, tensor.values, tensor.dense_shape]
    return [tensor]
