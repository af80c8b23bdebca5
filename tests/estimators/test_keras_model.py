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
        (("adam", None), "without a loss"),
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


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("name", ["model.h5", "model.keras", "saved"])
def test_what_keras_itself_has_is_taken_over_from_the_file(name: str, optimizer: str, tmp_path: Path) -> None:
    model = sequential()
    schedule = tf.keras.optimizers.schedules.ExponentialDecay(0.25, 10, 0.5)
    model.compile(
        tf.keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": schedule}}),
        tf.keras.losses.Huber(),
        metrics=["mae", tf.keras.metrics.AUC()],
    )
    model.save(tmp_path / name)
    loaded = load_keras_model(tmp_path / name)
    assert type(loaded.optimizer).__name__ == type(model.optimizer).__name__
    assert loaded.optimizer.get_config()["learning_rate"]["config"]["initial_learning_rate"] == 0.25
    assert make_compiled(loaded) == ()
    assert isinstance(loaded.loss, tf.keras.losses.Huber)


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "saved"])
def test_an_optimizer_or_loss_of_the_authors_own_is_named_where_it_is_left_out(name: str, tmp_path: Path) -> None:
    class Slower(tf.keras.optimizers.SGD):
        pass

    def harder(wanted: Any, found: Any) -> Any:
        return tf.reduce_mean(tf.abs(wanted - found) ** 3)

    model = sequential()
    model.compile(Slower(), harder)
    model.save(tmp_path / name)
    loaded = load_keras_model(tmp_path / name)
    (note,) = make_compiled(loaded)
    assert "Slower" in note
    assert "harder" in note
    assert "left out, because" in note
    assert "not compiled" not in note


def test_an_authors_class_in_the_place_of_keras_own_must_be_allowed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = sequential()
    model.compile("adam", "mse")
    model.save(tmp_path / "model.h5")
    another = type("Adam", (tf.keras.optimizers.SGD,), {"__module__": "mine"})
    monkeypatch.setitem(tf.keras.utils.get_custom_objects(), "Custom>Adam", another)
    (note,) = make_compiled(load_keras_model(tmp_path / "model.h5"))
    assert "Custom>Adam" in note


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
