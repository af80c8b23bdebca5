"""Raw features: how each is taken as a tensor, and how it becomes what the Transform graph takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.errors import SchemaError
from tfx_savedmodel.saved_model.view import Shape

#: What stands at a dense input for "this example has no value": NaN, or the empty string.
MISSING = {"float32": "nan", "string": "empty"}


@dataclasses.dataclass(frozen=True)
class RawFeature:
    """A raw feature as an input: name, dtype, shape with the batch dimension first.

    `sparse` features may be missing from an example; `missing` says what stands for that at a
    dense input ("nan", "empty", or None where nothing can, as for integers).
    """

    name: str
    dtype: str
    shape: Shape
    sparse: bool

    @property
    def missing(self) -> str | None:
        return MISSING.get(self.dtype) if self.sparse else None


def raw_features(spec: Mapping[str, Any], schema: Any | None = None) -> dict[str, RawFeature]:
    """Return the raw features of a tf.io parsing spec, in order of name.

    Where the schema says that a variable-length feature has at most one value, its input is
    [batch, 1], else [batch, ?].

    Raises:
      SchemaError: a feature that is neither FixedLenFeature nor VarLenFeature.
    """
    import tensorflow as tf

    single = _univalent(schema)
    found: dict[str, RawFeature] = {}
    for name, feature in sorted(spec.items()):
        dtype = feature.dtype.name
        if isinstance(feature, tf.io.FixedLenFeature):
            found[name] = RawFeature(name, dtype, (None, *feature.shape), sparse=False)
        elif isinstance(feature, tf.io.VarLenFeature):
            found[name] = RawFeature(name, dtype, (None, 1 if name in single else None), sparse=True)
        else:
            raise SchemaError(
                "this kind of feature cannot be an input",
                where=f"feature {name!r}",
                found=type(feature).__name__,
                wanted="a dense or a variable-length feature",
                next_step="leave it out with exclude_features, or transform it before",
            )
    return found


def sparse_from_dense(tensor: Any, missing: str | None) -> Any:
    """Return the SparseTensor of a dense [batch, n] tensor without the values that say "missing"."""
    import tensorflow as tf

    if missing == "nan":
        there = tf.logical_not(tf.math.is_nan(tensor))
    elif missing == "empty":
        there = tf.not_equal(tensor, "")
    else:
        there = tf.ones_like(tensor, dtype=tf.bool)
    indices = tf.where(there)
    return tf.SparseTensor(indices, tf.gather_nd(tensor, indices), tf.shape(tensor, out_type=tf.int64))


def multivalent(schema: Any | None) -> set[str]:
    """Return the names of the features of which, as the schema says, one example may have several values."""
    return {name for name, (least, most) in _value_counts(schema).items() if least > 1 or most > 1}


def _univalent(schema: Any | None) -> set[str]:
    return {name for name, (_, most) in _value_counts(schema).items() if most == 1}


def _value_counts(schema: Any | None) -> dict[str, tuple[int, int]]:
    """Return the least and the most number of values by feature; 0 is no limit."""
    return {
        feature.name: (feature.value_count.min, feature.value_count.max)
        for feature in (schema.feature if schema is not None else ())
        if feature.HasField("value_count")
    }
