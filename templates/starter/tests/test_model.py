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


def test_class_numbers_are_places_in_the_list() -> None:
    numbers = preprocessing._class_number(tf.constant(["b", "a", "c", ""]), ["a", "b"])
    assert numbers.numpy().ravel().tolist() == [1, 0, -1, -1]
    assert preprocessing._class_number(tf.constant([[3], [5]], tf.int64), ["5", "3"]).numpy().tolist() == [[1], [0]]


def test_missing_label_is_no_class() -> None:
    labels = tf.SparseTensor([[0, 0]], tf.constant([0], tf.int64), [2, 1])
    assert preprocessing._class_number(labels, ["0", "1"]).numpy().tolist() == [[0], [-1]]


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
