"""Small Keras models and examples for the tests of conversions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_savedmodel import versions

needs_estimators = pytest.mark.skipif(
    not versions.has_estimator(tf.__version__), reason=f"TensorFlow {tf.__version__} has no tf.estimator"
)


def save_two_inputs(path: Path, *, seed: int = 1, compiled: bool = True) -> Path:
    """Save a functional model: `age` float32 [1] and `city` int64 [1] to `score` [1] and `group` [3].

    Its layers with weights have names of their own: one checkpoint format goes by them, and Keras counts names up.
    """
    tf.keras.utils.set_random_seed(seed)
    age = tf.keras.Input((1,), name="age")
    city = tf.keras.Input((1,), name="city", dtype="int64")
    embedded = tf.keras.layers.Flatten()(tf.keras.layers.Embedding(4, 2, name="places")(city))
    joined = tf.keras.layers.concatenate([age, embedded])
    hidden = tf.keras.layers.Dense(5, activation="relu", name="hidden")(joined)
    score = tf.keras.layers.Dense(1, name="score")(hidden)
    group = tf.keras.layers.Dense(3, activation="softmax", name="group")(hidden)
    model = tf.keras.Model([age, city], [score, group])
    if compiled:
        model.compile("adam", {"score": "mse", "group": "categorical_crossentropy"})
    model.save(path)
    return path


def save_sequential(path: Path) -> Path:
    """Save an uncompiled Sequential model: float32 [3] to `answer` [2]."""
    tf.keras.utils.set_random_seed(1)
    layers = [tf.keras.Input((3,), name="numbers"), tf.keras.layers.Dense(2, name="answer")]
    tf.keras.Sequential(layers).save(path)
    return path


def save_restless(path: Path) -> Path:
    """Save a model that answers differently each time: what no conversion can be compared with."""
    numbers = tf.keras.Input((3,), name="numbers")
    noise = tf.random.normal(tf.shape(numbers))
    tf.keras.Model(numbers, tf.keras.layers.Add(name="answer")([numbers, noise])).save(path)
    return path


def write_examples(path: Path, rows: Sequence[Mapping[str, Any]], *, compressed: bool = False) -> Path:
    """Write rows as TFRecords of tf.Examples; a feature that is None is missing."""
    options = tf.io.TFRecordOptions(compression_type="GZIP" if compressed else "")
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for row in rows:
            example = tf.train.Example()
            for name, value in row.items():
                if isinstance(value, str):
                    example.features.feature[name].bytes_list.value.append(value.encode())
                elif isinstance(value, int):
                    example.features.feature[name].int64_list.value.append(value)
                elif value is not None:
                    example.features.feature[name].float_list.value.append(value)
            writer.write(example.SerializeToString())
    return path


def people(count: int) -> list[dict[str, Any]]:
    """Return rows for `save_two_inputs`, with a feature that the model does not take."""
    return [{"age": 0.5 * index - 3.0, "city": index % 4, "unused": "x"} for index in range(count)]


def read_serialized(path: Path) -> np.ndarray[Any, Any]:
    """Return the records of a plain TFRecord file, an object array [records]."""
    return np.array([record.numpy() for record in tf.data.TFRecordDataset(str(path))], dtype=object)


def example_of(**features: list[Any]) -> bytes:
    """Return a serialized tf.Example of lists of bytes, integers or floats."""
    example = tf.train.Example()
    for name, values in features.items():
        feature = example.features.feature[name]
        if values and isinstance(values[0], bytes):
            feature.bytes_list.value.extend(values)
        elif values and isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return bytes(example.SerializeToString())
