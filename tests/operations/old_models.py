"""Small models with what older TensorFlows stumble over, on Keras 2 and Keras 3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.operations.models import is_keras_2, keras, save_keras, save_module


def save(model: Any, directory: Path) -> Path:
    """Save a Keras model as a SavedModel."""
    if is_keras_3():
        model.export(directory, verbose=False)
    else:
        model.save(directory, save_format="tf")
    return directory


def is_keras_3() -> bool:
    """Tell which Keras comes with this TensorFlow."""
    return not is_keras_2()


def dense(directory: Path) -> Path:
    """A functional model of two inputs."""
    return save_keras(directory)


def lstm(directory: Path) -> Path:
    """A recurrent model: a loop, and the functions that a GPU would run instead."""
    keras().utils.set_random_seed(1)
    words = keras().Input((5, 3), name="words")
    return save(keras().Model(words, keras().layers.Dense(2)(keras().layers.LSTM(4)(words))), directory)


def text(directory: Path) -> Path:
    """A text model over TextVectorization: a table from memory, ragged tensors, bins counted."""
    import tensorflow as tf

    vectorize = keras().layers.TextVectorization(vocabulary=["the", "cat", "sat"], output_sequence_length=4)

    class Text(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vectorize, self.embedding = vectorize, tf.Variable(tf.linspace([0.0] * 3, [1.0] * 3, 6))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
        def serve(self, text: Any) -> Any:
            return {
                "index": self.vectorize(text),
                "mean": tf.reduce_mean(tf.gather(self.embedding, self.vectorize(text)), 1),
            }

    module = Text()
    tf.saved_model.save(module, str(directory), signatures=module.serve)
    return directory


def lookup(directory: Path) -> Path:
    """A table from a vocabulary file, an asset."""
    return save_module(directory)


def graph(directory: Path, *, resource: bool = True) -> Path:
    """A TF1 graph: variables with random initialisers, a loop, a table from an asset, a training step."""
    import tensorflow as tf

    tf1 = tf.compat.v1
    words = directory.parent / f"{directory.name}-words.txt"
    words.write_text("red\ngreen\n", encoding="utf-8")
    with tf.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.float32, [None, 2], "x")
        word = tf1.placeholder(tf.string, [None], "word")
        start = tf.random.stateless_uniform([2, 2], seed=[1, 2])
        weights = tf1.get_variable("w", initializer=start, use_resource=resource)
        local = tf1.get_variable("local", [], collections=["local_variables"], initializer=tf1.zeros_initializer())
        asset = tf.constant(str(words), name="asset")
        table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                asset, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
            ),
            -1,
        )
        y = tf1.while_loop(lambda i, _: i < 3, lambda i, value: (i + 1, value @ weights), [0, x])[1] + local
        step = tf1.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(y))
        tf1.summary.scalar("sum", tf.reduce_sum(y))
        session.run([tf1.global_variables_initializer(), tf1.local_variables_initializer(), tf1.tables_initializer()])
        session.run(step, {x: [[1.0, 2.0]]})
        signature = tf1.saved_model.predict_signature_def({"x": x, "word": word}, {"y": y, "index": table.lookup(word)})
        builder = tf1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            assets_collection=tf1.get_collection("asset_filepaths"),
            main_op=tf.group(tf1.tables_initializer(), tf1.local_variables_initializer()),
        )
        builder.save()
    words.unlink()
    return directory
