"""Models for old consumers: each kind that people serve, as small as it can be.

`python -m tests.consumers.models FOLDER NAME …` writes those of `KERAS` with the Keras that it runs on.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.estimators.models import save_two_inputs
from tests.operations.models import example, is_keras_2, keras, save_keras

WORDS = ["red", "green", "blue", "fish"]


def serialized(**columns: Any) -> np.ndarray[Any, Any]:
    """Return rows as serialized tf.Examples, an object array [rows]; each column has a list of values a row."""
    rows = [
        example(**{name: np.asarray(values).tolist() for name, values in zip(columns, row, strict=True)})
        for row in zip(*columns.values(), strict=True)
    ]
    return np.array(rows, dtype=object)


def save_lstm(directory: Path) -> Path:
    """Save an LSTM: `steps` float32 [?, 4, 2] to a number."""
    keras().utils.set_random_seed(2)
    steps = keras().Input((4, 2), name="steps")
    outputs = keras().layers.Dense(1, name="score")(keras().layers.LSTM(3)(steps))
    return _save(keras().Model(steps, outputs), directory)


def save_swish(directory: Path) -> Path:
    """Save a model with swish, whose gradient of its own captures tensors: `x` float32 [?, 4] to a number."""
    keras().utils.set_random_seed(6)
    x = keras().Input((4,), name="x")
    hidden = keras().layers.Dense(3, activation="swish")(x)
    return _save(keras().Model(x, keras().layers.Dense(1, name="score")(hidden)), directory)


def save_text(directory: Path) -> Path:
    """Save a model with TextVectorization inside: `text` string [?, 1] to a number."""
    return _save(_of_text(), directory)


def _of_text() -> Any:
    keras().utils.set_random_seed(3)
    text = keras().Input((1,), name="text", dtype="string")
    vectorize = keras().layers.TextVectorization(vocabulary=WORDS, output_sequence_length=5)
    embedded = keras().layers.Embedding(len(WORDS) + 2, 3)(vectorize(text))
    outputs = keras().layers.Dense(1, name="score")(keras().layers.GlobalAveragePooling1D()(embedded))
    return keras().Model(text, outputs)


def save_text_file(path: Path) -> Path:
    """Save the model of `save_text` as a file of the Keras that runs, as whoever converts it has it."""
    file = path.with_suffix(".keras")
    _of_text().save(file)
    return file


def save_two_inputs_to_convert(path: Path) -> Path:
    """Save `age` and `city` to `score` and `group` in a form that this Keras converts; Keras 3 loads no directory."""
    return save_two_inputs(path if is_keras_2() else path.with_suffix(".keras"))


def save_bag_of_words(directory: Path) -> Path:
    """Save a model whose TextVectorization says which words there are: `text` string [?, 1] to a number."""
    keras().utils.set_random_seed(5)
    text = keras().Input((1,), name="text", dtype="string")
    vectorize = keras().layers.TextVectorization(vocabulary=WORDS, output_mode="multi_hot")
    return _save(keras().Model(text, keras().layers.Dense(1, name="score")(vectorize(text))), directory)


def save_text_table(directory: Path) -> Path:
    """Save what `save_text` does through TextVectorization through its table alone, as old TensorFlows did it."""
    import tensorflow as tf

    words = directory.parent / f"{directory.name}-words.txt"
    words.write_text("\n".join(WORDS) + "\n", encoding="utf-8")

    class Text(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            initializer = tf.lookup.TextFileInitializer(
                str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
            )
            self.table = tf.lookup.StaticHashTable(initializer, -1)
            self.embedding = tf.Variable(np.linspace(-1, 1, 3 * (len(WORDS) + 1), dtype=np.float32).reshape(-1, 3))

        @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.string, "text")])
        def serve(self, text: Any) -> Any:
            plain = tf.strings.regex_replace(tf.strings.lower(tf.squeeze(text, 1)), "[^a-z ]", "")
            words = tf.compat.v1.string_split(plain)
            found = tf.SparseTensor(words.indices, self.table.lookup(words.values), words.dense_shape)
            index = tf.sparse.to_dense(found, -1)
            return {"score": tf.reduce_mean(tf.gather(self.embedding, index + 1), axis=[1, 2])}

    model = Text()
    tf.saved_model.save(model, str(directory), signatures={"serving_default": model.serve})
    words.unlink()
    return directory


def save_tf1(directory: Path, *, resource: bool) -> Path:
    """Save a TF1 graph by simple_save: words through a table and numbers through a variable to scores."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x, word = v1.placeholder(tf.float32, [None, 3], name="x"), v1.placeholder(tf.string, [None], name="word")
        table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(WORDS, [1.0, 2.0, 3.0, 4.0]), 0.0)
        weights = v1.get_variable(
            "w", initializer=tf.constant(np.linspace(-1, 1, 6, dtype=np.float32).reshape(3, 2)), use_resource=resource
        )
        scores = tf.nn.softmax(tf.matmul(x, weights) * table.lookup(word)[:, None], name="scores")
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        v1.saved_model.simple_save(
            session, str(directory), {"x": x, "word": word}, {"scores": scores}, legacy_init_op=v1.tables_initializer()
        )
    return directory


def save_estimator(directory: Path) -> Path:
    """Train a linear Estimator for a step and export it with a receiver that parses examples."""
    import tensorflow as tf

    columns = [
        tf.feature_column.numeric_column("age"),
        tf.feature_column.categorical_column_with_vocabulary_list("word", WORDS),
    ]
    features = {"age": [[1.0], [2.0]], "word": [["red"], ["fish"]]}
    config = tf.estimator.RunConfig(str(directory.parent / f"{directory.name}-checkpoints"), tf_random_seed=1)
    estimator = tf.estimator.LinearClassifier(columns, config=config)
    estimator.train(lambda: tf.data.Dataset.from_tensors((features, [[0], [1]])), steps=2)
    receiver = tf.estimator.export.build_parsing_serving_input_receiver_fn(
        tf.feature_column.make_parse_example_spec(columns)
    )
    exported = estimator.export_saved_model(str(directory.parent / f"{directory.name}-exports"), receiver)
    return Path(exported.decode()).rename(directory)


def _save(model: Any, directory: Path) -> Path:
    if is_keras_2():
        model.save(directory, save_format="tf")
    else:
        model.export(directory, verbose=False)
    return directory


def save_transformed(directory: Path) -> Path:
    """Save a Keras 2 model that takes what the graph of tests/transform_graphs.py gives."""
    keras().utils.set_random_seed(4)
    layers = [keras().Input((1,), name="mass_scaled"), keras().Input((4,), name="island_hot")]
    outputs = keras().layers.Dense(2, activation="softmax", name="probabilities")(keras().layers.concatenate(layers))
    return _save(keras().Model(layers, outputs), directory)


#: What Keras 2 and Keras 3 can both build.
KERAS: dict[str, Callable[[Path], Path]] = {"dense": save_keras, "lstm": save_lstm, "text-vectorization": save_text}
#: What wants no certain Keras.
OTHERS: dict[str, Callable[[Path], Path]] = {
    "bag-of-words": save_bag_of_words,
    "swish": save_swish,
    "text-table": save_text_table,
    "tf1-ref": functools.partial(save_tf1, resource=False),
    "tf1-resource": functools.partial(save_tf1, resource=True),
    "two-inputs": save_two_inputs_to_convert,
    "text-file": save_text_file,
    "estimator": save_estimator,
    "transformed": save_transformed,
}

if __name__ == "__main__":
    for each in sys.argv[2:]:
        KERAS[each](Path(sys.argv[1]) / each)
