"""Raw columns to what the model takes; becomes part of the exported model, so that serving does the same.

TFX packs every .py file of this folder into a wheel: keep nothing else here. Settings arrive as `custom_config`, not
by an import of configs.py, which is not in that wheel.

The model gets float32 throughout, strings as one-hot vectors, so that an explanation makes sense for every input.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

_DATE = r"\d{4}[-/.](0[1-9]|1[0-2])[-/.](0[1-9]|[12]\d|3[01])([T ].*)?"


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Return z-scores (float32 [batch, 1]), one-hot vectors (float32 [batch, n]) and the label ([batch, 1]).

    A missing number or date is the mean, which is zero. The last places of a one-hot vector are for strings that are
    missing or were not seen in training. The label is the name of a class (string), or itself (float32) in a
    regression; "" and NaN stand for one that is missing. training/model.py makes numbers of the names, and refuses
    those that are no class.
    """
    outputs = {f"{name}_z": _z_score(_numbers(inputs[name])) for name in custom_config["numbers"]}
    outputs.update({f"{name}_z": _z_score(_days(_dense(inputs[name], ""))) for name in custom_config["dates"]})
    for name, size in custom_config["categories"].items():
        outputs[f"{name}_one_hot"] = _one_hot(_dense(inputs[name], ""), name, size)
    label, classes = custom_config["label"], custom_config["classes"]
    outputs[f"{label}_label"] = _class_name(inputs[label]) if classes else _float32(_numbers(inputs[label]))
    return outputs


def _dense(values: Any, default: Any) -> tf.Tensor:
    """Return a column as [batch, 1], with `default` for what is missing."""
    if isinstance(values, tf.SparseTensor):
        values = tf.sparse.to_dense(tf.SparseTensor(values.indices, values.values, [values.dense_shape[0], 1]), default)
    return tf.reshape(values, [-1, 1])


def _numbers(values: Any) -> tf.Tensor:
    """Return a column of numbers as float64 [batch, 1], NaN for what is missing."""
    if isinstance(values, tf.SparseTensor):
        values = tf.SparseTensor(values.indices, tf.cast(values.values, tf.float64), values.dense_shape)
    return _dense(values if isinstance(values, tf.SparseTensor) else tf.cast(values, tf.float64), float("nan"))


def _days(texts: tf.Tensor) -> tf.Tensor:
    """Return dates as days since 1970 (float64), NaN for what is no date."""
    is_date = tf.strings.regex_full_match(texts, _DATE)
    texts = tf.where(is_date, texts, "1970-01-01")
    parts = ((0, 4), (5, 2), (8, 2))
    year, month, day = (tf.strings.to_number(tf.strings.substr(texts, *part), tf.int64) for part in parts)
    # The Julian day number of a day of the Gregorian calendar; the year begins in March, its leap day at the end.
    january_or_february = (14 - month) // 12
    year, month = year + 4800 - january_or_february, month + 12 * january_or_february - 3
    julian = day + (153 * month + 2) // 5 + 365 * year + year // 4 - year // 100 + year // 400 - 32045
    return tf.where(is_date, tf.cast(julian - 2440588, tf.float64), float("nan"))


def _z_score(values: tf.Tensor) -> tf.Tensor:
    is_known = tf.math.is_finite(values)
    known = tf.boolean_mask(values, is_known)
    mean, deviation = tft.mean(known), tf.sqrt(tft.var(known))
    deviation = tf.where(deviation > 0, deviation, tf.ones_like(deviation))
    return _float32(tf.where(is_known, (values - mean) / deviation, tf.zeros_like(values)))


def _float32(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32)


def _one_hot(texts: tf.Tensor, name: str, size: int) -> tf.Tensor:
    # The vocabulary holds no empty string: a missing value goes where those go that were never seen.
    index = tft.compute_and_apply_vocabulary(texts, top_k=size, num_oov_buckets=1, vocab_filename=name)
    return tf.one_hot(tf.squeeze(index, axis=1), size + 1, dtype=tf.float32)


def _class_name(values: Any) -> tf.Tensor:
    """Return the labels as strings [batch, 1], "" for what is missing."""
    if isinstance(values, tf.SparseTensor):
        values = tf.SparseTensor(values.indices, _strings(values.values), values.dense_shape)
        return _dense(values, "")
    return _dense(_strings(values), "")


def _strings(values: tf.Tensor) -> tf.Tensor:
    return values if values.dtype == tf.string else tf.strings.as_string(values)
