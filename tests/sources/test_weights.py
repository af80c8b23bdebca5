"""Weights and checkpoints, put into a model that the author's function builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_savedmodel.errors import UnreadableModelError, UnsupportedModelError, UsageError
from tfx_savedmodel.sources.find import CHECKPOINT, find_trained_model
from tfx_savedmodel.sources.keras import KerasSource
from tfx_savedmodel.sources.keras_load import is_keras_3
from tfx_savedmodel.sources.objects import ObjectSource
from tfx_savedmodel.sources.open import open_found

pytestmark = pytest.mark.tf

NUMBERS = np.arange(6, dtype="float32").reshape(2, 3)


class Scale(tf.Module):
    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.factor = tf.Variable(value)
        self.parts = [tf.Variable([value, value])]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def __call__(self, values: Any) -> Any:
        return {"scaled": values * self.factor + tf.reduce_sum(self.parts[0])}


def build(units: int = 2) -> Any:
    return tf.keras.Sequential(
        [tf.keras.Input((3,), name="numbers"), tf.keras.layers.Dense(4), tf.keras.layers.Dense(units)]
    )


def trained() -> Any:
    model = build()
    model.compile("adam", "mse")
    model.fit(NUMBERS, np.ones([2, 2], "float32"), epochs=2, verbose=0)
    return model


def assert_same(source: Any, model: Any) -> None:
    assert isinstance(source, KerasSource)
    (result,) = source.model.call({"numbers": tf.constant(NUMBERS)}).values()
    np.testing.assert_array_equal(result, model(NUMBERS))


@pytest.mark.parametrize("name", ["w.weights.h5", "renamed.h5", "model.h5", "model.keras"])
def test_weights_of_a_file_are_put_into_the_built_model(tmp_path: Path, name: str) -> None:
    model = trained()
    if name in ("model.h5", "model.keras"):
        model.save(tmp_path / name)
    else:
        model.save_weights(str(tmp_path / "w.weights.h5"))
        (tmp_path / "w.weights.h5").rename(tmp_path / name)
    assert_same(open_found(find_trained_model(tmp_path / name), build=build), model)


@pytest.mark.skipif(is_keras_3(), reason="Keras 3 writes neither")
@pytest.mark.parametrize("name", ["old.h5", "old.weights.h5", "tensorflow"])
def test_weights_in_the_older_layouts_of_keras_2(tmp_path: Path, name: str) -> None:
    model = trained()
    (tmp_path / "weights").mkdir()
    model.save_weights(str(tmp_path / "weights" / ("old.h5" if ".h5" in name else name)))
    if name == "old.weights.h5":
        (tmp_path / "weights" / "old.h5").rename(tmp_path / "weights" / name)
    assert_same(open_found(find_trained_model(tmp_path / "weights"), build=build), model)


@pytest.mark.parametrize("wrapped", ["root", "model", "deeper"])
def test_a_checkpoint_is_restored_wherever_the_model_is_in_it(tmp_path: Path, wrapped: str) -> None:
    model = trained()
    held: dict[str, Any] = {
        "root": {"root": model},
        "model": {"net": model, "optimizer": model.optimizer, "step": tf.Variable(1)},
        "deeper": {"trainer": tf.train.Checkpoint(student=model)},
    }[wrapped]
    tf.train.Checkpoint(**held).save(str(tmp_path / "ckpt"))
    found = find_trained_model(tmp_path)
    assert found.form == CHECKPOINT
    assert_same(open_found(found, build=build), model)


def test_a_compiled_model_of_the_function_needs_no_optimizer_in_the_checkpoint(tmp_path: Path) -> None:
    model = build()
    tf.train.Checkpoint(model=model).save(str(tmp_path / "ckpt"))
    assert_same(open_found(find_trained_model(tmp_path), build=trained), model)


def test_a_module_is_restored_from_a_checkpoint_or_the_variables_of_a_saved_model(tmp_path: Path) -> None:
    module = Scale(3.0)
    tf.saved_model.save(module, str(tmp_path / "model"))
    prefix = tf.train.Checkpoint(anything=module).write(str(tmp_path / "one"))
    for path in (prefix, tmp_path / "model" / "variables"):
        source = open_found(find_trained_model(path), build=Scale)
        assert isinstance(source, ObjectSource)
        assert source.model.call({"values": tf.constant([1.0])})["scaled"].numpy().tolist() == [9.0]


@pytest.mark.skipif(is_keras_3(), reason="Keras 3 writes no Keras SavedModel")
def test_the_variables_of_a_keras_saved_model_are_a_checkpoint(tmp_path: Path) -> None:
    model = trained()
    model.save(tmp_path / "model")
    assert_same(open_found(find_trained_model(tmp_path / "model" / "variables"), build=build), model)


def test_every_variable_must_be_in_the_checkpoint(tmp_path: Path) -> None:
    prefix = tf.train.Checkpoint(model=build(), step=tf.Variable(1)).write(str(tmp_path / "ckpt"))
    with pytest.raises(UnsupportedModelError, match=r"the root has model, .*step") as error:
        open_found(find_trained_model(prefix), build=lambda: build(units=5))
    assert "(4, 5), which is (4, 2) there" in error.value.wanted
    with pytest.raises(UnsupportedModelError, match="factor"):
        open_found(find_trained_model(prefix), build=Scale)


def test_weights_that_do_not_fit_are_said_with_the_reason_of_keras(tmp_path: Path) -> None:
    build().save_weights(str(tmp_path / "w.weights.h5"))
    with pytest.raises(UnsupportedModelError, match="weights do not fit"):
        open_found(find_trained_model(tmp_path), build=lambda: build(units=5))


def test_a_tf1_checkpoint_is_said_to_be_one(tmp_path: Path) -> None:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("kernel", [2])
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(tmp_path / "model.ckpt"), write_meta_graph=False)
    with pytest.raises(UnsupportedModelError, match="TF1 checkpoint"):
        open_found(find_trained_model(tmp_path), build=build)


def test_half_a_checkpoint_is_unreadable(tmp_path: Path) -> None:
    prefix = tf.train.Checkpoint(model=build()).write(str(tmp_path / "ckpt"))
    for file in tmp_path.glob("*.data-*"):
        file.unlink()
    with pytest.raises(UnreadableModelError, match="cannot be read"):
        open_found(find_trained_model(prefix), build=build)


def test_without_the_function_weights_are_no_model(tmp_path: Path) -> None:
    build().save_weights(str(tmp_path / "w.weights.h5"))
    with pytest.raises(UsageError, match=r"source\.model_fn"):
        open_found(find_trained_model(tmp_path))
    with pytest.raises(UsageError, match=r"source\.model_fn"):
        open_found(find_trained_model(tf.train.Checkpoint(model=build()).write(str(tmp_path / "ckpt"))))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: None, "built nothing"),
        (lambda: tf.keras.Sequential([tf.keras.layers.Dense(1)]), "never built"),
        (Scale, "no Keras model"),
    ],
    ids=["nothing", "unbuilt", "a module"],
)
def test_the_function_must_return_a_built_model(tmp_path: Path, made: Any, said: str) -> None:
    build().save_weights(str(tmp_path / "w.weights.h5"))
    with pytest.raises(UnsupportedModelError, match=said):
        open_found(find_trained_model(tmp_path), build=made)


def test_third_party_weights_are_offered_to_the_function(corpus: Path) -> None:
    folder = corpus / "models" / "kerastuner__weights_only.h5"
    with pytest.raises(UnsupportedModelError, match=r"H5 weights of Keras 2\.2\.4-tf"):
        open_found(find_trained_model(folder), build=build)
