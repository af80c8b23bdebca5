"""Models that end or hold the process that runs them, on one example among others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: Of the feature `n`: what crashes, what hangs, and what takes MEMORY_BYTES.
CRASHES, HANGS, SWELLS = 13, 27, 35
MEMORY_BYTES = 3 << 30


def save_deadly(directory: Path) -> str:
    """Save a model of `n` (int64) whose answer is twice it, but for the values above."""
    import tensorflow as tf

    def crash() -> Any:
        with tf.control_dependencies([tf.raw_ops.Abort(error_msg="this example is too much")]):
            return tf.constant(0.0)

    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.int64, "n")])
    def serving_default(n: Any) -> Any:
        crashed = tf.cond(tf.reduce_any(n == CRASHES), crash, lambda: tf.constant(0.0))
        hangs = tf.reduce_any(n == HANGS)
        (turns,) = tf.while_loop(lambda i: tf.logical_or(i < 1, hangs), lambda i: (tf.maximum(i, 0) + 1,), [0])
        many = tf.reduce_max(tf.where(n == SWELLS, tf.constant(MEMORY_BYTES // 4, tf.int64), tf.ones_like(n)))
        filled = tf.reduce_max(tf.fill([many], tf.cast(turns, tf.float32)))
        return {"twice": 2.0 * tf.cast(n, tf.float32) + tf.minimum(filled, 0.0) + crashed}

    module.serving_default = serving_default
    tf.saved_model.save(module, str(directory), signatures={"serving_default": serving_default})
    return str(directory)


def save_deadly_at_load(directory: Path) -> str:
    """Save a model whose init op ends the process."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        n = v1.placeholder(tf.int64, [None, 1], "n")
        y = tf.identity(n * 2, "y")
        builder = v1.saved_model.Builder(str(directory))
        signature = v1.saved_model.predict_signature_def({"n": n}, {"y": y})
        abort = tf.raw_ops.Abort(error_msg="not even loaded")
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, main_op=abort, strip_default_attrs=True
        )
        builder.save()
    return str(directory)
