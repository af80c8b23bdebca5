"""Keras models with Python code or foreign classes in them, and benign ones, as `.keras`, H5 and SavedModel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from tests.probes.probe import Probe

layers = tf.keras.layers
IS_KERAS_2 = tf.keras.layers.Layer.__module__.startswith("keras.src.engine")


@tf.keras.utils.register_keras_serializable("probes")
class Foreign(layers.Layer):
    """A class that whoever loads the model has to have, and to trust."""

    def call(self, inputs: Any) -> Any:
        return inputs * 2.0


def _double() -> Any:
    return layers.Lambda(lambda x: x * 2.0, output_shape=(4,))


def _lambda() -> Any:
    return tf.keras.Sequential([tf.keras.Input((4,)), _double()])


def _nested_lambda() -> Any:
    inner = tf.keras.Sequential([tf.keras.Input((4,)), _double()])
    middle = tf.keras.Sequential([tf.keras.Input((4,)), inner])
    return tf.keras.Sequential([tf.keras.Input((4,)), middle, layers.Dense(1)])


def _wrapped_lambda() -> Any:
    return tf.keras.Sequential([tf.keras.Input((3, 4)), layers.TimeDistributed(_double())])


def _foreign() -> Any:
    return tf.keras.Sequential([tf.keras.Input((4,)), Foreign()])


def _benign() -> Any:
    x = tf.keras.Input((3, 4))
    y = layers.Bidirectional(layers.LSTM(2))(x)
    z = layers.Dense(2, activation="softmax")(layers.BatchNormalization()(y))
    model = tf.keras.Model(x, z)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def _text() -> Any:
    text = layers.TextVectorization(output_mode="int", vocabulary=["auk", "owl"])
    return tf.keras.Sequential([tf.keras.Input((1,), dtype="string"), text, layers.Embedding(4, 2)])


def _file(build: Callable[[], Any], suffix: str) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        file = path.with_suffix(suffix)
        build().save(file)
        return file

    return make


def _folder(build: Callable[[], Any]) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        build().save(path)
        return path

    return make


_HARMFUL = {
    "a Lambda": _lambda,
    "a nested Lambda": _nested_lambda,
    "a Lambda in TimeDistributed": _wrapped_lambda,
    "a class of its own": _foreign,
}
_GOOD = {"an LSTM": _benign, "text": _text}


def _of_files() -> list[Probe]:
    found = []
    for suffix in (".keras", ".h5"):
        found += [Probe(f"{name} in {suffix}", _file(build, suffix), "SM121") for name, build in _HARMFUL.items()]
        # Neither Keras writes a vocabulary of strings to H5.
        good = {name: build for name, build in _GOOD.items() if (name, suffix) != ("text", ".h5")}
        found += [Probe(f"{name} in {suffix}", _file(build, suffix)) for name, build in good.items()]
    return found


def _of_folders() -> list[Probe]:
    """Only Keras 2 writes its metadata into SavedModels; of a class of its own they hold the traces, which run."""
    if not IS_KERAS_2:
        return []
    lambdas = {name: build for name, build in _HARMFUL.items() if "Lambda" in name}
    found = [Probe(f"{name} in a SavedModel", _folder(build), "SM121") for name, build in lambdas.items()]
    return found + [Probe(f"{name} in a SavedModel", _folder(build)) for name, build in _GOOD.items()]


KERAS_MODELS: tuple[Probe, ...] = (*_of_files(), *_of_folders())
