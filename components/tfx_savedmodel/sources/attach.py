"""Something more on the object that is saved, taken off again afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any


@contextlib.contextmanager
def attached(root: Any, attributes: Mapping[str, Any]) -> Iterator[None]:
    """Keep trackable values as attributes of an object while it is saved.

    A Keras layer among them is put into a tf.Module: on a Keras model it would become one of its layers.
    """
    import tensorflow as tf

    missing = object()
    before = {name: getattr(root, name, missing) for name in attributes}
    for name, value in attributes.items():
        holder = tf.Module(name=name)
        holder.held = value
        setattr(root, name, holder)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is missing:
                delattr(root, name)
            else:
                setattr(root, name, value)
