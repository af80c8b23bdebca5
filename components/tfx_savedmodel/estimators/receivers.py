"""Serving receivers: what an Estimator's exported graph takes, and how that becomes features."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

from tfx_savedmodel.estimators.features import FeaturePath
from tfx_savedmodel.estimators.keras_model import ModelInput

Receiver = Literal["both", "raw", "parsing"]
RECEIVERS: tuple[Receiver, ...] = ("both", "raw", "parsing")

#: The input of the parsing signature: serialized tf.Examples, string [batch].
EXAMPLES_INPUT = "examples"

_RAW = "raw"

#: What an Estimator calls the second receiver's signature, and what we call it.
SECOND_SIGNATURE = (f"{_RAW}:serving_default", "serve_raw")


def signatures_of(receiver: Receiver) -> dict[str, str]:
    """Return the signatures that a receiver gives, by key: "parsing" or "raw"."""
    if receiver == "both":
        return {"serving_default": "parsing", SECOND_SIGNATURE[1]: "raw"}
    return {"serving_default": receiver}


def receiver_fn(receiver: Receiver, inputs: Sequence[ModelInput], path: FeaturePath | None) -> Callable[[], Any]:
    """Return the serving_input_receiver_fn for `Estimator.export_saved_model`.

    With "both", one graph serves both: a raw feature's placeholder takes by default what was parsed.
    """

    def build() -> Any:
        import tensorflow as tf

        export = tf.estimator.export
        if receiver == "raw" or path is None:
            raw = {each.name: _placeholder(each) for each in inputs}
            return export.ServingInputReceiver(dict(raw), raw)
        examples = tf.compat.v1.placeholder(tf.string, [None], name=EXAMPLES_INPUT)
        features = path(examples)
        receivers = {EXAMPLES_INPUT: examples}
        if receiver == "parsing":
            return export.ServingInputReceiver(features, receivers)
        raw = {each.name: _placeholder(each, features[each.name]) for each in inputs}
        return export.ServingInputReceiver(dict(raw), receivers, {_RAW: raw})

    return build


def _placeholder(wanted: ModelInput, default: Any = None) -> Any:
    import tensorflow as tf

    name = re.sub(r"[^A-Za-z0-9_.\\/>-]|^[^A-Za-z0-9.]", "_", wanted.name).lstrip("_") or "input"
    shape = [None, *wanted.shape]
    if default is None:
        return tf.compat.v1.placeholder(wanted.dtype, shape, name=name)
    return tf.compat.v1.placeholder_with_default(default, shape, name=name)
