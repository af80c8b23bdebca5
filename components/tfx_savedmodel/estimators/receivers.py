"""Serving receivers: what an Estimator's exported graph takes, and how that becomes features."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.estimators.features import FeaturePath
from tfx_savedmodel.estimators.keras_model import ModelInput

RECEIVERS = ("both", "raw", "parsing")

#: What begins the name of a receiver of the author's own.
OWN = "module:"

#: The input of the parsing signature: serialized tf.Examples, string [batch].
EXAMPLES_INPUT = "examples"

#: The signature of the first receiver, and what the names of the others' begin with.
DEFAULT = "serving_default"
_OTHER = "serve_"

_RAW = "raw"


class Received(NamedTuple):
    """What a receiver builds, as tf.estimator.export.ServingInputReceiver has it.

    `features` are tensors by the model's input names, `receiver_tensors` what is fed, by the signature's names,
    `receiver_tensors_alternatives` other tensors that may be fed instead, by name.
    """

    features: Mapping[str, Any]
    receiver_tensors: Mapping[str, Any]
    receiver_tensors_alternatives: Mapping[str, Mapping[str, Any]] = {}


ReceiverFunction = Callable[[], Received]


def check_receiver(receiver: str, *, has_module: bool) -> str:
    """Return a receiver that can be used.

    Raises:
      UsageError: there is no such receiver, or none of the author's without a module file.
    """
    if receiver in RECEIVERS:
        return receiver
    if receiver.startswith(OWN) and len(receiver) > len(OWN):
        if has_module:
            return receiver
        raise UsageError(
            "no module file",
            where="receiver",
            found=repr(receiver),
            wanted="the module file that has this function",
            next_step="give --module FILE.py, or module_file=…",
        )
    wanted = f"{', '.join(RECEIVERS)}, or {OWN}NAME, a function of the module file"
    raise UsageError("no such receiver", where="receiver", found=repr(receiver), wanted=wanted)


def signatures_of(receiver: str) -> dict[str, str]:
    """Return the signatures that a receiver of ours gives, by key: "parsing" or "raw"."""
    if receiver == "both":
        return {DEFAULT: "parsing", signature_of(_RAW): "raw"}
    return {DEFAULT: receiver}


def signature_of(alternative: str) -> str:
    """Return the key of the signature of a receiver's alternative."""
    return f"{_OTHER}{alternative}"


def estimators_key(alternative: str) -> str:
    """Return what an Estimator calls the signature of an alternative."""
    return f"{alternative}:{DEFAULT}"


def receiver_fn(receiver: str, inputs: Sequence[ModelInput], path: FeaturePath | None) -> ReceiverFunction:
    """Return what builds a receiver of ours in the current graph.

    With "both", one graph serves both: a raw feature's placeholder takes by default what was parsed.
    """

    def build() -> Received:
        import tensorflow as tf

        if receiver == "raw" or path is None:
            raw = {each.name: placeholder(each) for each in inputs}
            return Received(dict(raw), raw)
        batch = inputs[0].batch if inputs else None
        examples = tf.compat.v1.placeholder(tf.string, [batch], name=EXAMPLES_INPUT)
        features = path(examples)
        receivers = {EXAMPLES_INPUT: examples}
        if receiver == "parsing":
            return Received(features, receivers)
        raw = {each.name: placeholder(each, features[each.name]) for each in inputs}
        return Received(dict(raw), receivers, {_RAW: raw})

    return build


def for_estimators(build: ReceiverFunction) -> Callable[[], Any]:
    """Return the serving_input_receiver_fn for `Estimator.export_saved_model`."""

    def make() -> Any:
        import tensorflow as tf

        features, tensors, alternatives = build()
        return tf.estimator.export.ServingInputReceiver(
            dict(features), dict(tensors), {name: dict(each) for name, each in alternatives.items()} or None
        )

    return make


def placeholder(wanted: ModelInput, default: Any = None) -> Any:
    """Return a placeholder for an input of the model in the current graph."""
    import tensorflow as tf

    name = re.sub(r"[^A-Za-z0-9_.\\/>-]|^[^A-Za-z0-9.]", "_", wanted.name).lstrip("_") or "input"
    shape = [wanted.batch, *wanted.shape]
    if default is None:
        return tf.compat.v1.placeholder(wanted.dtype, shape, name=name)
    return tf.compat.v1.placeholder_with_default(default, shape, name=name)
