"""A graph and its checkpoint through a session of TF1, and out through its Builder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.quiet import no_deprecations
from tfx_savedmodel.sources.tf1.normal_form import NormalForm, write_saved_model


def restore_and_save(form: NormalForm, directory: Path) -> None:
    """Write a normal form whose variables a session restores; the caller has judged its graph before.

    Args:
      directory: must not exist.

    Raises:
      UnsupportedModelError: the checkpoint does not fit the graph, or this TensorFlow does not know it.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    assert form.checkpoint is not None
    prefix = form.checkpoint.named
    with tf.Graph().as_default(), v1.Session(config=session_config()) as session, no_deprecations(), fitting(prefix):
        saver = v1.train.import_meta_graph(form.meta_graph, clear_devices=True)
        saver.restore(session, prefix)
        builder = v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(session, list(form.wanted.tags), signature_def_map={}, saver=saver)
        builder.save()
    (made,) = parse_saved_model(directory, "saved_model.pb").meta_graphs
    form.finish(made, directory)
    write_saved_model(made, directory)


def session_config() -> Any:
    """Return a session's options: ops whose device is not there run on another one."""
    import tensorflow as tf

    return tf.compat.v1.ConfigProto(allow_soft_placement=True)


@contextlib.contextmanager
def fitting(where: str) -> Iterator[None]:
    """Say of what TensorFlow raises in the block that graph and checkpoint do not fit."""
    import tensorflow as tf

    try:
        yield
    except (ValueError, KeyError, TypeError, RuntimeError, tf.errors.OpError) as error:
        raise UnsupportedModelError(
            "the graph and the checkpoint cannot be put together",
            where=where,
            found=f"{type(error).__name__}: {error}",
            wanted="a graph that this TensorFlow knows, and the checkpoint of its variables",
            next_step="name the graph that the checkpoint was written with",
        ) from error
