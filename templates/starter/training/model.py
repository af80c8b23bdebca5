"""The model and its training, on Keras 2 and Keras 3 alike.

TFX packs every .py file of this folder into a wheel: keep nothing else here. Settings arrive as `custom_config`, not
by an import of configs.py, which is not in that wheel.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from absl import logging

_SHUFFLED = 10_000
_PATIENCE = 10
#: Of the labels that are no class: so many are named.
_SHOWN = 5


def build_network(sizes: dict[str, int], settings: dict[str, Any]) -> tf.keras.Model:
    """Return the network, not yet compiled.

    Args:
      sizes: the width of each input, by its name.
      settings: `classes` (how many; 0 for a regression), `hidden_units`, `name`.
    """
    inputs = {name: tf.keras.Input(shape=(size,), name=name) for name, size in sizes.items()}
    columns = list(inputs.values())
    hidden = tf.keras.layers.Concatenate(name="features")(columns) if len(columns) > 1 else columns[0]
    for number, units in enumerate(settings["hidden_units"]):
        hidden = tf.keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")(hidden)
    if settings["classes"]:
        outputs = tf.keras.layers.Dense(len(settings["classes"]), activation="softmax", name="probabilities")(hidden)
    else:
        outputs = tf.keras.layers.Dense(1, name="scaled")(hidden)
    return tf.keras.Model(inputs=inputs, outputs=outputs, name=settings["name"].replace("-", "_"))


def run_fn(fn_args: Any) -> None:
    """Train, write `metrics.json` beside the logs of the training, and save the model as `model.keras`.

    Raises:
      ValueError: labels that are missing or that CLASSES of configs.py lacks, or a training that gave no finite number.
    """
    settings = fn_args.custom_config
    tf.keras.utils.set_random_seed(settings["seed"])
    spec = tft.TFTransformOutput(fn_args.transform_output).transformed_feature_spec()
    train, evaluation = (_examples(files, spec, settings) for files in (fn_args.train_files, fn_args.eval_files))
    _check_labels({"train": _labels(train), "eval": _labels(evaluation)}, settings)
    sizes = {name: feature.shape[0] for name, feature in spec.items() if name != settings["label"]}
    network = build_network(sizes, settings)
    if settings["classes"]:
        outputs, metrics = _train_classifier(network, train, evaluation, settings)
    else:
        outputs, metrics = _train_regression(network, train, evaluation, settings)
    _check_finite(metrics)
    # With keys, because Keras 3 gives an output no name of its own; signatures.json calls them so.
    model = tf.keras.Model(inputs=network.input, outputs=outputs, name=network.name)
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    with tf.io.gfile.GFile(f"{fn_args.model_run_dir}/metrics.json", "w") as file:
        json.dump(metrics, file)
    tf.io.gfile.makedirs(fn_args.serving_model_dir)
    # One file that both generations of Keras write and read; SignatureExporter makes a SavedModel of it.
    model.save(f"{fn_args.serving_model_dir}/model.keras")


def _examples(patterns: list[str], spec: dict[str, Any], settings: dict[str, Any]) -> tf.data.Dataset:
    """Return batches (inputs by name, labels) of the transformed examples."""

    def parse(records: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        features = tf.io.parse_example(records, spec)
        label = features.pop(settings["label"])
        return features, label

    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    return tf.data.TFRecordDataset(files, compression_type="GZIP").batch(settings["batch_size"]).map(parse).cache()


def _labels(examples: tf.data.Dataset) -> np.ndarray:
    batches = [labels.numpy() for _, labels in examples]
    return np.concatenate(batches) if batches else np.array([])


def _check_labels(splits: Mapping[str, np.ndarray], settings: dict[str, Any]) -> None:
    """Raise ValueError where a label of any split is missing, or is none of the classes."""
    for split, labels in splits.items():
        label = settings["label"].removesuffix("_label")
        where, count = f"the label {label!r} in the split {split!r}", len(labels)
        if not count:
            raise ValueError(f"{where}: the split has no row; training needs some in each: add rows to the data")
        is_missing = labels == b"" if settings["classes"] else ~np.isfinite(labels)
        missing = "missing" if settings["classes"] else "missing, or no finite number"
        if is_missing.any():
            raise ValueError(
                f"{where}: {int(is_missing.sum())} of {count} are {missing}; every row needs one: "
                "give it in the CSV files, or leave these rows out"
            )
        if settings["classes"]:
            _check_classes(where, labels, settings["classes"])


def _check_classes(where: str, labels: np.ndarray, names: list[str]) -> None:
    values, counts = np.unique(labels, return_counts=True)
    found = {value.decode(errors="replace"): int(number) for value, number in zip(values, counts, strict=True)}
    unknown = {value: number for value, number in found.items() if value not in names}
    if unknown:
        shown = ", ".join(f"{value!r} ({number})" for value, number in list(unknown.items())[:_SHOWN])
        more = f" and {len(unknown) - _SHOWN} other values" if len(unknown) > _SHOWN else ""
        raise ValueError(
            f"{where}: {sum(unknown.values())} of {len(labels)} are not among CLASSES of configs.py: {shown}{more}; "
            f"wanted: {', '.join(map(repr, names))}. Mend these rows, or add the class there and to signatures.json"
        )


def _check_finite(measured: Mapping[str, Any]) -> None:
    """Raise ValueError where a measured number is NaN or infinite: a model that gives such is not worth saving."""
    bad = [name for name, values in measured.items() if not np.isfinite(values).all()]
    if bad:
        raise ValueError(
            f"the training gave NaN or infinity: {', '.join(bad)}; wanted: finite numbers. Nothing was saved. Lower "
            "LEARNING_RATE of configs.py, and look for infinite or huge values in the CSV files"
        )


def _fit(
    network: tf.keras.Model, train: tf.data.Dataset, evaluation: tf.data.Dataset, settings: dict[str, Any]
) -> None:
    patience = tf.keras.callbacks.EarlyStopping(patience=_PATIENCE, restore_best_weights=True)
    shuffled = train.unbatch().shuffle(_SHUFFLED, seed=settings["seed"]).batch(settings["batch_size"])
    progress = tf.keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, measured: _log_epoch(epoch + 1, settings["epochs"], measured)
    )
    network.fit(
        shuffled, validation_data=evaluation, epochs=settings["epochs"], callbacks=[patience, progress], verbose=0
    )
    if patience.stopped_epoch:
        logging.info("stopped early: val_loss no better for %d epochs", _PATIENCE)


def _log_epoch(number: int, last: int, measured: dict[str, float]) -> None:
    """Log a line in the words that runners/logs.py shows some of while the pipeline runs."""
    values = ", ".join(f"{name} {value:.4g}" for name, value in measured.items())
    logging.info("epoch %*d of %d: %s", len(str(last)), number, last, values)


def _train_classifier(
    network: tf.keras.Model, train: tf.data.Dataset, evaluation: tf.data.Dataset, settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the outputs of the model, by name, and what was measured."""
    names = tf.constant([settings["classes"]])

    def numbered(inputs: Any, label: tf.Tensor) -> tuple[Any, tf.Tensor]:
        return inputs, tf.argmax(tf.equal(label, names), axis=1)[:, tf.newaxis]

    train, evaluation = train.map(numbered), evaluation.map(numbered)
    network.compile(
        optimizer=tf.keras.optimizers.Adam(settings["learning_rate"]),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(),
    )
    _fit(network, train, evaluation, settings)
    labels = _labels(evaluation).ravel()
    probabilities = network.predict(evaluation, verbose=0)
    # Their greatest would be the first where all are NaN, and an accuracy come of it.
    _check_finite({"probabilities of the split 'eval'": probabilities})
    most_frequent = np.bincount(_labels(train).ravel()).argmax()
    return {"probabilities": network.output}, {
        "eval_accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "eval_accuracy_of_guessing_the_most_frequent_class": float((labels == most_frequent).mean()),
    }


def _train_regression(
    network: tf.keras.Model, train: tf.data.Dataset, evaluation: tf.data.Dataset, settings: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, float]]:
    """Train on a label of mean 0 and deviation 1; the output that is returned has the label's own unit."""
    labels = _labels(train)
    mean, deviation = float(labels.mean()), float(labels.std()) or 1.0

    def scaled(inputs: Any, label: tf.Tensor) -> tuple[Any, tf.Tensor]:
        return inputs, (label - mean) / deviation

    network.compile(
        optimizer=tf.keras.optimizers.Adam(settings["learning_rate"]), loss=tf.keras.losses.MeanSquaredError()
    )
    _fit(network, train.map(scaled), evaluation.map(scaled), settings)
    value = tf.keras.layers.Rescaling(deviation, offset=mean, name="prediction")(network.output)
    truth = _labels(evaluation)
    errors = network.predict(evaluation, verbose=0) * deviation + mean - truth
    return {"prediction": value}, {
        "eval_root_mean_square_error": float(np.sqrt((errors**2).mean())),
        "eval_root_mean_square_error_of_guessing_the_mean": float(np.sqrt(((truth - mean) ** 2).mean())),
    }
