"""Conversions of models that are not small, on both stacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.operations.forked_conversions import forking
from tfx_savedmodel import versions
from tfx_savedmodel.operations.convert import convert

pytestmark = pytest.mark.tf

layers, applications = tf.keras.layers, tf.keras.applications
WAY = "model_to_estimator" if versions.has_estimator(tf.__version__) else "builder"


def lstm() -> Any:
    steps = tf.keras.Input((6, 2), name="steps")
    return tf.keras.Model(steps, layers.Dense(2, name="next")(layers.Bidirectional(layers.LSTM(4))(steps)))


def mobile_net() -> Any:
    return applications.MobileNetV2(weights=None, input_shape=(96, 96, 3))


def efficient_net() -> Any:
    return applications.EfficientNetB0(weights=None, input_shape=(96, 96, 3))


@pytest.fixture(autouse=True, scope="module")
def forked() -> Iterator[None]:
    with forking():
        yield


@pytest.mark.parametrize(
    "make",
    [lstm, pytest.param(mobile_net, marks=pytest.mark.full), pytest.param(efficient_net, marks=pytest.mark.full)],
)
def test_it_converts_with_parity(make: Callable[[], Any], tmp_path: Path) -> None:
    tf.keras.utils.set_random_seed(1)
    make().save(tmp_path / "model.keras")
    result = convert(tmp_path / "model.keras", tmp_path / "out")
    assert result.way == WAY
    assert result.parity["examples"] == 96
    assert result.parity["max_relative_difference"] <= 1e-6
