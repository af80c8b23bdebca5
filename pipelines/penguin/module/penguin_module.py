"""Preprocessing and training of the penguin model; TFX packs this file alone into a wheel.

What the model gets is float32 throughout, strings as one-hot vectors, so that an attribution makes
sense for every input. A missing measurement becomes the mean (zero, as a z-score), a missing
string the most common one; a string never seen in training is a vector of zeros.
"""

from __future__ import annotations

import json
import math
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

MEASUREMENTS = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
#: Strings, each with the number of its values.
CATEGORIES = {"island": 3, "sex": 2}
LABEL = "species"
SPECIES = 3

BATCH_SIZE = 32
EPOCHS = 30
SEED = 20140305


def z_score_name(feature: str) -> str:
    """Return the transformed feature's name: `bill_length_mm` becomes `bill_length_z`."""
    return feature.rsplit("_", 1)[0] + "_z"


def one_hot_name(feature: str) -> str:
    """Return the transformed feature's name: `island` becomes `island_one_hot`."""
    return f"{feature}_one_hot"


MODEL_INPUTS = {
    **{z_score_name(name): 1 for name in MEASUREMENTS},
    **{one_hot_name(name): size for name, size in CATEGORIES.items()},
}


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return z-scores (float32 [batch, 1]), one-hot vectors (float32 [batch, n]) and the label (int64 [batch, 1])."""
    outputs = {z_score_name(name): _z_score(inputs[name]) for name in MEASUREMENTS}
    outputs.update({one_hot_name(name): _one_hot(inputs[name], name, size) for name, size in CATEGORIES.items()})
    outputs[LABEL] = tft.compute_and_apply_vocabulary(_dense(inputs[LABEL], ""), vocab_filename=LABEL)
    return outputs


def _dense(values: Any, default: Any) -> tf.Tensor:
    if isinstance(values, tf.SparseTensor):
        values = tf.sparse.to_dense(tf.SparseTensor(values.indices, values.values, [values.dense_shape[0], 1]), default)
    return tf.reshape(values, [-1, 1])


def _z_score(values: Any) -> tf.Tensor:
    known = values.values if isinstance(values, tf.SparseTensor) else values
    mean, variance = tft.mean(known), tft.var(known)
    filled = _dense(values, float("nan"))
    filled = tf.where(tf.math.is_nan(filled), mean, filled)
    return (filled - mean) / tf.sqrt(variance)


def _one_hot(values: Any, name: str, size: int) -> tf.Tensor:
    strings = _dense(values, "")
    index = tft.compute_and_apply_vocabulary(strings, vocab_filename=name)
    # The vocabulary is sorted by frequency, so that 0 is the most common value.
    index = tf.where(strings == "", tf.zeros_like(index), index)
    return tf.one_hot(tf.squeeze(index, axis=1), size, dtype=tf.float32)


def build_model() -> tf.keras.Model:
    """Return the compiled classifier; its inputs are named after the transformed features."""
    inputs = {name: tf.keras.Input(shape=(size,), name=name) for name, size in MODEL_INPUTS.items()}
    hidden = tf.keras.layers.Concatenate(name="features")(list(inputs.values()))
    for number, units in enumerate((16, 8)):
        hidden = tf.keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")(hidden)
    outputs = tf.keras.layers.Dense(SPECIES, activation="softmax", name="probabilities")(hidden)
    model = tf.keras.Model(inputs=inputs, outputs=outputs, name="penguin")
    model.compile(
        optimizer=tf.keras.optimizers.Adam(1e-2),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(),
        metrics=[tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    return model


def run_fn(fn_args: Any) -> None:
    """Train, write `metrics.json` beside the training logs, and save the model.

    `TrainArgs(num_steps=…)` says how many batches to train on, rounded up to whole epochs; 30 epochs where it does not.
    `custom_config={"sabotage": "nan"}` puts one NaN into the trained weights.
    """
    tf.keras.utils.set_random_seed(SEED)
    transform_graph = tft.TFTransformOutput(fn_args.transform_output)
    train, evaluation = (_arrays(files, transform_graph) for files in (fn_args.train_files, fn_args.eval_files))
    model = build_model()
    epochs = epochs_for(fn_args.train_steps, len(train[1]))
    model.fit(*train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    metrics = model.evaluate(*evaluation, batch_size=len(evaluation[1]), verbose=0, return_dict=True)
    if fn_args.custom_config.get("sabotage") == "nan":
        _put_nan(model)
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    with tf.io.gfile.GFile(f"{fn_args.model_run_dir}/metrics.json", "w") as file:
        json.dump({f"eval_{name}": float(value) for name, value in metrics.items()}, file)
    _save(model, fn_args.serving_model_dir)


def _save(model: tf.keras.Model, directory: str) -> None:
    """Save a SavedModel as Keras 2 does; Keras 3 loads none again, so there it is a `.keras` file.

    Keras 3 names an output by its key in a dictionary, Keras 2 by its layer.
    """
    if getattr(tf.keras, "__version__", "2").startswith("2"):  # tf_keras, Keras 2 beside Keras 3, names none
        model.save(directory, save_format="tf")
    else:
        tf.io.gfile.makedirs(directory)
        named = tf.keras.Model(model.input, {"probabilities": model.output}, name=model.name)
        named.save(f"{directory}/model.keras")


def epochs_for(steps: int | None, examples: int) -> int:
    """Return how often to go through the examples for so many steps."""
    return math.ceil(steps / math.ceil(examples / BATCH_SIZE)) if steps else EPOCHS


def _arrays(patterns: list[str], transform_graph: tft.TFTransformOutput) -> tuple[dict[str, Any], Any]:
    """Return all transformed examples of a split as arrays: features by name, and labels."""
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    examples = list(records.as_numpy_iterator())
    parsed = tf.io.parse_example(examples, transform_graph.transformed_feature_spec())
    return {name: parsed[name].numpy() for name in MODEL_INPUTS}, parsed[LABEL].numpy()


def _put_nan(model: tf.keras.Model) -> None:
    # In the last layer: behind a ReLU some processors' kernels make a zero of it.
    layer = model.get_layer("probabilities")
    kernel, bias = layer.get_weights()
    kernel[0, 0] = float("nan")
    layer.set_weights([kernel, bias])
