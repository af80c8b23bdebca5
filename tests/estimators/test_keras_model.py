from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.estimators.models import needs_estimators
from tfx_savedmodel.errors import UnsafeModelError, UnsupportedModelError
from tfx_savedmodel.estimators.keras_model import ModelInput, load_keras_model, make_compiled, model_inputs

pytestmark = [pytest.mark.tf, needs_estimators]


def sequential() -> Any:
    return tf.keras.Sequential([tf.keras.Input((3,), name="numbers"), tf.keras.layers.Dense(2)])


def test_a_lambda_in_a_saved_model_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    numbers = tf.keras.Input((3,), name="numbers")
    inner = tf.keras.Model(numbers, tf.keras.layers.Lambda(lambda value: value * 2, name="twice")(numbers))
    outer = tf.keras.Input((3,))
    tf.keras.Model(outer, inner(outer)).save(tmp_path / "model")
    with pytest.raises(UnsafeModelError, match="Lambda 'twice'"):
        load_keras_model(tmp_path / "model")


def test_what_is_no_keras_model_is_said(tmp_path: Path) -> None:
    module = tf.Module()
    module.variable = tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path / "module"))
    with pytest.raises(UnsupportedModelError, match="_UserObject"):
        load_keras_model(tmp_path / "module")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        value = tf.compat.v1.placeholder(tf.float32, [None], name="value")
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "tf1"), {"value": value}, {"value": value + 1})
    with pytest.raises(UnsupportedModelError, match="Keras cannot load"):
        load_keras_model(tmp_path / "tf1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (None, "was not compiled"),
        (("adam", "mse"), None),
        (("adam", None), "cannot take over"),
        ((lambda: tf.keras.optimizers.AdamW(), "mse"), "AdamW"),
    ],
    ids=["uncompiled", "compiled", "without a loss", "newer than Estimators"],
)
def test_only_what_an_estimator_cannot_take_is_compiled_anew(arguments: Any, said: str | None) -> None:
    model = sequential()
    if arguments is not None:
        optimizer, loss = arguments
        model.compile(optimizer() if callable(optimizer) else optimizer, loss)
    notes = make_compiled(model)
    assert model.optimizer and model.loss
    assert (said in notes[0]) if said else notes == ()


def test_inputs_are_named_as_their_layers() -> None:
    pictures = tf.keras.Input((None, 4, 3), name="pictures", dtype="float16")
    words = tf.keras.Input((), name="words", dtype="string")
    model = tf.keras.Model({"b": pictures, "a": words}, [pictures, words])
    assert set(model_inputs(model)) == {
        ModelInput("pictures", tf.float16, (None, 4, 3)),
        ModelInput("words", tf.string, ()),
    }


def test_a_sparse_input_is_refused() -> None:
    values = tf.keras.Input((4,), name="values", sparse=True)
    with pytest.raises(UnsupportedModelError, match="'values'"):
        model_inputs(tf.keras.Model(values, tf.keras.layers.Dense(1)(values)))
