"""The network and the preprocessing by themselves, without a pipeline."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import configs
from training import model
from transforming import preprocessing


def inputs_of_the_network() -> dict[str, int]:
    sizes = {f"{name}_z": 1 for name in (*configs.NUMBERS, *configs.DATES)}
    return {**sizes, **{f"{name}_one_hot": size + 1 for name, size in configs.CATEGORIES.items()}}


@pytest.fixture(scope="module")
def network() -> Any:
    return model.build_network(inputs_of_the_network(), configs.training_settings())


def test_network_answers_a_batch(network: Any) -> None:
    batch = {name: tf.ones([3, size]) for name, size in inputs_of_the_network().items()}
    outputs = network(batch).numpy()
    assert outputs.shape == (3, len(configs.CLASSES) or 1)
    assert np.isfinite(outputs).all()
    if configs.CLASSES:
        np.testing.assert_allclose(outputs.sum(axis=1), 1.0, rtol=1e-5)


def test_labels_are_names_of_classes() -> None:
    assert preprocessing._class_name(tf.constant(["b", ""])).numpy().tolist() == [[b"b"], [b""]]
    assert preprocessing._class_name(tf.constant([[3], [-1]], tf.int64)).numpy().tolist() == [[b"3"], [b"-1"]]


@pytest.mark.parametrize("value", [tf.constant(["-1"]), tf.constant([-1], tf.int64)], ids=["string", "number"])
def test_missing_label_is_no_class(value: tf.Tensor) -> None:
    labels = tf.SparseTensor([[0, 0]], value, [2, 1])
    assert preprocessing._class_name(labels).numpy().tolist() == [[b"-1"], [b""]]


def test_label_that_is_no_class_is_named() -> None:
    settings = {"label": "kind_label", "classes": ["a", "b"]}
    with pytest.raises(ValueError, match=r"'kind' in the split 'eval': 1 of 3 are not among CLASSES .*: 'c' \(1\); "):
        model._check_labels({"train": np.array([[b"a"]]), "eval": np.array([[b"a"], [b"c"], [b"b"]])}, settings)
    with pytest.raises(ValueError, match="'kind' in the split 'train': 1 of 2 are missing"):
        model._check_labels({"train": np.array([[b"a"], [b""]])}, settings)


def test_number_that_is_missing_is_refused_in_each_split() -> None:
    settings = {"label": "price_label", "classes": []}
    with pytest.raises(ValueError, match="'price' in the split 'eval': 1 of 2 are missing"):
        model._check_labels({"train": np.array([[1.0]]), "eval": np.array([[np.nan], [1.0]])}, settings)


def test_missing_numbers_are_nan() -> None:
    column = tf.SparseTensor([[1, 0]], tf.constant([7], tf.int64), [3, 1])
    np.testing.assert_array_equal(preprocessing._numbers(column), [[np.nan], [7.0], [np.nan]])


@pytest.mark.parametrize(
    "text",
    [
        "1970-01-01",
        "2000-02-29",
        "1999-12-31T23:59",
        "2026-03-01 12:00",
        "1900-03-01",
        "2012/12/31 23:59",
        "2012.03.01",
    ],
)
def test_dates_are_days(text: str) -> None:
    written = text[:10].replace("/", "-").replace(".", "-")
    wanted = (datetime.date.fromisoformat(written) - datetime.date(1970, 1, 1)).days
    assert preprocessing._days(tf.constant([[text]])).numpy().tolist() == [[wanted]]


@pytest.mark.parametrize("text", ["", "yesterday", "2000-13-01", "01/02/2000"])
def test_what_is_no_date_is_missing(text: str) -> None:
    assert np.isnan(preprocessing._days(tf.constant([[text]])).numpy()).all()


def test_split_without_rows_is_refused() -> None:
    settings = {"label": "price_label", "classes": []}
    with pytest.raises(ValueError, match="'price' in the split 'eval': the split has no row"):
        model._check_labels({"train": np.array([[1.0]]), "eval": model._labels(tf.data.Dataset.range(0))}, settings)
