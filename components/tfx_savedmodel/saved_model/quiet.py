"""TensorFlow's warnings that nobody can act on, kept back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def no_deprecations() -> Iterator[None]:
    """TensorFlow calls its Saver, Builder and loaders for sessions deprecated at each call; no others do their work."""
    import tensorflow as tf

    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)
