"""What a loaded model is said to take and give, and which way it can go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_savedmodel import versions
from tfx_savedmodel.estimators.keras_model import Allowed
from tfx_savedmodel.estimators.opened import OpenedModel, open_model
from tfx_savedmodel.estimators.ways import obstacle

pytestmark = pytest.mark.tf

layers = tf.keras.layers
HAS_ESTIMATORS = versions.has_estimator(tf.__version__)


def opened(path: Path, model: Any) -> OpenedModel:
    model.save(path)
    return open_model(path, Allowed(), compiled=False)


def two_outputs() -> Any:
    numbers = tf.keras.Input((3,), name="numbers")
    return tf.keras.Model(numbers, [layers.Dense(1, name="first")(numbers), layers.Dense(2, name="second")(numbers)])


def lookup() -> Any:
    word = tf.keras.Input((1,), dtype="string", name="word")
    return tf.keras.Model(word, layers.StringLookup(vocabulary=["a"], output_mode="one_hot")(word))


def lookup_inside() -> Any:
    word = tf.keras.Input((1,), dtype="string", name="word")
    return tf.keras.Model(word, lookup()(word))


def stateful() -> Any:
    steps = tf.keras.Input((3, 1), batch_size=2, name="steps")
    return tf.keras.Model(steps, layers.LSTM(2, stateful=True)(steps))


def test_outputs_have_the_names_of_their_layers_on_every_keras(tmp_path: Path) -> None:
    model = opened(tmp_path / "model.keras", two_outputs())
    assert list(model.outputs) == ["first", "second"]
    assert [str(each) for each in model.inputs] == ["float32 [?, 3]"]
    found = model.call({"numbers": tf.zeros([2, 3])})
    assert {name: tuple(value.shape) for name, value in found.items()} == {"first": (2, 1), "second": (2, 2)}


def test_a_layer_that_gives_two_outputs_names_them_apart_on_every_keras(tmp_path: Path) -> None:
    x, dense = tf.keras.Input((3,), name="x"), tf.keras.layers.Dense(2, name="d")
    other = tf.keras.layers.Dense(2, name="d_1")
    tf.keras.Model(x, [dense(x), dense(2.0 * x), other(x)]).save(tmp_path / "model.keras")
    model = open_model(tmp_path / "model.keras", Allowed(), compiled=False)
    assert tuple(model.outputs) == model.output_names == ("d", "d_1", "d_1_1")
    found = model.call({"x": tf.ones([1, 3])})
    assert [found[name].shape for name in model.outputs] == [(1, 2)] * 3


@pytest.mark.parametrize(
    ("make", "reason"),
    [(two_outputs, None), (lookup, "lookup table"), (lookup_inside, "lookup table"), (stateful, "keeps state")],
)
def test_what_model_to_estimator_would_lose_is_known_before(
    tmp_path: Path, make: Callable[[], Any], reason: str | None
) -> None:
    said = obstacle(opened(tmp_path / "model.keras", make()))
    if not HAS_ESTIMATORS:
        assert said is not None and tf.__version__ in said and versions.LAST_TENSORFLOW_WITH_ESTIMATOR in said
    elif reason is None:
        assert said is None
    else:
        assert said is not None and reason in said


def one_layer_twice() -> Any:
    layer, numbers = layers.Dense(3, name="d"), tf.keras.Input((3,), name="numbers")
    return tf.keras.Model(numbers, [layer(numbers), layer(layer(numbers))])


def by_keys() -> Any:
    numbers = tf.keras.Input((3,), name="numbers")
    dense = {"z": layers.Dense(1, name="first")(numbers), "y": layers.Dense(2, name="second")(numbers)}
    return tf.keras.Model(numbers, dense)


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: tf.keras.Sequential([tf.keras.Input((3,)), layers.Dense(2, name="probs")]), {"probs": (2, 2)}),
        (one_layer_twice, {"d": (2, 3), "d_1": (2, 3)}),
        (by_keys, {"second": (2, 2), "first": (2, 1)}),
    ],
    ids=["Sequential", "a layer twice", "a dictionary"],
)
def test_every_keras_names_outputs_as_keras_2_does(
    make: Callable[[], Any], wanted: dict[str, tuple[int, ...]], tmp_path: Path
) -> None:
    made = make()
    model = opened(tmp_path / "model.keras", made)
    features = {each.name: tf.reshape(tf.range(6.0), [2, 3]) for each in model.inputs}
    found = model.call(features)
    assert {name: tuple(value.shape) for name, value in found.items()} == wanted
    own = tf.nest.flatten(made(*features.values()))
    for value, answer in zip(found.values(), own, strict=True):
        np.testing.assert_allclose(value, answer, rtol=1e-6)
