"""Whether a feature can become a model's input, and how: numbers are cast, sizes of 1 come and go.

Sizes are a shape's without the batch dimension; None is an open size.
"""

from __future__ import annotations

import math
from typing import Any

Sizes = tuple[int | None, ...]


def castable(found: str, wanted: str) -> bool:
    """Tell whether values of a dtype become another's without a guess or a loss: no text, no fractions cut off."""
    if (found == "string") != (wanted == "string"):
        return False
    return _is_floating(wanted) or not _is_floating(found)


def same_sizes(found: Sizes, wanted: Sizes) -> bool:
    """Tell whether values of these sizes can have the others: open sizes fit any, sizes of 1 come and go."""
    if len(found) == len(wanted):
        return all(a is None or b is None or a == b for a, b in zip(found, wanted, strict=True))
    return None not in wanted and [size for size in found if size != 1] == [size for size in wanted if size != 1]


def takes_one_value(wanted: Sizes) -> bool:
    """Tell whether an input of these sizes takes exactly one value per example."""
    return math.prod(size or 0 for size in wanted) == 1


def fitted(tensor: Any, dtype: str, sizes: Sizes) -> Any:
    """Return a dense tensor with an input's dtype, and shape [batch, *sizes]; it must be known to fit."""
    import tensorflow as tf

    if tensor.shape.rank is None:
        tensor = tf.ensure_shape(tensor, [None, *sizes])
    elif tensor.shape.rank != len(sizes) + 1:
        # The batch is named, not left to be worked out: a wrong size must fail, never mix examples.
        tensor = tf.reshape(tensor, [tf.shape(tensor)[0], *sizes])
    return tensor if tensor.dtype.name == dtype else tf.cast(tensor, dtype)


def one_each(tensor: Any) -> Any:
    """Return a parsed variable-length float32 or string feature as [batch, 1], NaN or "" where it is missing.

    It is that even where the whole batch lacks the feature; more than one value in an example is an
    error at run time.
    """
    import tensorflow as tf

    column = tf.sparse.reset_shape(tensor, [tensor.dense_shape[0], 1])
    return tf.sparse.to_dense(column, default_value="" if tensor.dtype == tf.string else math.nan)


def _is_floating(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat"))
