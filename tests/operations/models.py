"""Small trained models in the forms that a Trainer leaves behind, on Keras 2 and Keras 3."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any


def keras() -> types.ModuleType:
    """Return TensorFlow's Keras, quiet about its version."""
    import tensorflow as tf

    module: types.ModuleType = tf.keras
    return module


def output_name() -> str:
    """Return the exported name of `save_keras`'s output: Keras 3 numbers the outputs of an export."""
    return "probabilities" if is_keras_2() else "output_0"


def save_keras(directory: Path) -> Path:
    """Save a functional model: `bill` float32 [1] and `island` float32 [3] to `probabilities` [3]."""
    model = _functional()
    if is_keras_2():
        model.save(directory, save_format="tf")
    else:
        model.export(directory, verbose=False)
    return directory


def save_over_examples(directory: Path) -> Path:
    """Save a Keras model as many Trainers do: its only signature takes serialized examples."""
    import tensorflow as tf

    model = _functional()
    spec = {"bill": tf.io.FixedLenFeature([1], tf.float32), "island": tf.io.FixedLenFeature([3], tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def serve(examples: Any) -> Any:
        return {"outputs": model(tf.io.parse_example(examples, spec))}

    model.save(directory, save_format="tf", signatures={"serving_default": serve})
    return directory


def save_module(directory: Path) -> Path:
    """Save a tf.Module with a signature of another key, a further function, and a vocabulary."""
    import tensorflow as tf

    words = directory.parent / f"{directory.name}-words.txt"
    words.write_text("red\ngreen\n", encoding="utf-8")

    class Counter(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = tf.Variable(2.0)
            initializer = tf.lookup.TextFileInitializer(
                str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
            )
            self.table = tf.lookup.StaticHashTable(initializer, -1)

        @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.string, "word")])
        def look_up(self, word: Any) -> Any:
            return {
                "index": self.table.lookup(word),
                "scaled": tf.cast(self.table.lookup(word), tf.float32) * self.scale,
            }

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
        def double(self, value: Any) -> Any:
            return value * self.scale

    module = Counter()
    tf.saved_model.save(module, str(directory), signatures={"look_up": module.look_up})
    words.unlink()
    return directory


def example(**features: Any) -> bytes:
    """Return a serialized tf.Example of lists of floats, ints or bytes."""
    import tensorflow as tf

    made: dict[str, Any] = {}
    for name, values in features.items():
        if isinstance(values[0], bytes):
            made[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        elif isinstance(values[0], int):
            made[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        else:
            made[name] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
    serialized: bytes = tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()
    return serialized


def is_keras_2() -> bool:
    """Tell whether TensorFlow's Keras is Keras 2."""
    return not hasattr(keras(), "version") and not getattr(keras(), "__version__", "2").startswith("3")


def _functional() -> Any:
    layers = keras().layers
    keras().utils.set_random_seed(1)
    bill, island = keras().Input((1,), name="bill"), keras().Input((3,), name="island")
    hidden = layers.Dense(4, activation="relu")(layers.Concatenate()([bill, island]))
    outputs = layers.Dense(3, activation="softmax", name="probabilities")(hidden)
    return keras().Model({"bill": bill, "island": island}, outputs)
