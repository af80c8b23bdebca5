"""Models that are benign but crash, hang or eat memory: in their initialiser, or in one signature beside good ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

#: What the crash says before it ends the process. Source: tensorflow/core/kernels/control_flow_ops.cc, Abort.
LAST_WORDS = "told to crash"
#: Floats that the glutton fills: 2 GiB.
GLUTTONY = 1 << 29


def crash(tf: Any) -> Any:
    """An op that ends the process with SIGABRT."""
    return tf.raw_ops.Abort(error_msg=LAST_WORDS)


def leave(tf: Any) -> Any:
    """An op that ends the process with exit code 0, as if all was well."""
    return tf.raw_ops.Abort(error_msg="", exit_without_error=True)


def hang(tf: Any) -> Any:
    """A loop without end."""
    end = tf.while_loop(lambda turn: turn >= 0.0, lambda turn: turn * 1.5 + 1.0, [tf.random.uniform([])])
    return _needed(tf, tf.nest.flatten(end)[0])


def gorge(tf: Any) -> Any:
    """A tensor of 2 GiB."""
    # The size is not known before it runs, so that no optimiser fills it ahead.
    size = tf.cast(tf.random.uniform([], 1.0, 1.0), tf.int32) * GLUTTONY
    return _needed(tf, tf.reduce_sum(tf.fill([size], tf.random.uniform([]))))


def _needed(tf: Any, value: Any) -> Any:
    """An op that no optimiser leaves out, as it would a number that nobody asks for."""
    return tf.raw_ops.Assert(condition=value >= 0.0, data=[value])


def save_faulty(
    directory: Path, signatures: Mapping[str, Callable[[Any], Any] | None], init: Callable[[Any], Any] | None = None
) -> Path:
    """Save a TF1 model whose signatures answer `x + 1`, after doing what they are given to do; so its initialiser."""
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, [None], name="x")
        made = {}
        for key, act in signatures.items():
            with tf.control_dependencies([] if act is None else [act(tf)]):
                y = tf.add(x, 1.0, name=f"{key}_y")
            made[key] = tf.compat.v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        main_op = None
        if init is not None:
            with tf.control_dependencies([init(tf)]):
                main_op = tf.no_op()
        builder = tf.compat.v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=made, main_op=main_op)
        builder.save()
    return directory
