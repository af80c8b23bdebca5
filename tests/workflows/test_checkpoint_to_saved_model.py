"""A checkpoint to a SavedModel (Alibaba PAI, "Export TensorFlow models in the SavedModel format"), in TF2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import UnsupportedModelError, UsageError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.sources.module_file import load_module

pytestmark = pytest.mark.tf

#: Logistic regression, as in the document's ./lr_model/model.ckpt.
MODULE = """
import tensorflow as tf


class Regression(tf.Module):
    def __init__(self):
        super().__init__()
        self.weights = tf.Variable(tf.zeros([3, 2]), name="weights")
        self.bias = tf.Variable(tf.zeros([2]), name="bias")

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="image")])
    def score(self, image):
        return {"scores": tf.nn.softmax(image @ self.weights + self.bias)}


def build_model():
    return Regression()


def build_other():
    model = Regression()
    model.more = tf.Variable([1.0, 2.0])
    return model


def build_keras():
    x = tf.keras.Input((3,), name="image")
    return tf.keras.Model(x, tf.keras.layers.Dense(2, name="scores")(x))
"""
PLAN = {DEFAULT: {"kind": "function", "path": "score"}}
X = np.float32([[1, 2, 3], [0, -1, 1]])


@pytest.fixture(scope="module")
def module_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("user") / "regression.py"
    file.write_text(MODULE, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def trained(module_file: Path) -> Any:
    model = load_module(module_file).get("build_model")()
    model.weights.assign(np.linspace(-1, 1, 6, dtype=np.float32).reshape(3, 2))
    model.bias.assign([0.5, -0.5])
    return model


def plan(model_fn: str, signatures: Any = PLAN) -> dict[str, Any]:
    return {"signatures": signatures, "source": {"model_fn": model_fn}}


@pytest.mark.parametrize("form", ["write", "manager", "with an optimizer's"])
def test_it_is_restored_into_what_the_module_builds(trained: Any, module_file: Path, tmp_path: Path, form: str) -> None:
    source: Path | str
    if form == "write":
        source = tf.train.Checkpoint(root=trained).write(str(tmp_path / "lr_model" / "model.ckpt"))
    elif form == "manager":
        manager = tf.train.CheckpointManager(tf.train.Checkpoint(model=trained), str(tmp_path / "lr_model"), 2)
        manager.save(), manager.save()
        source = tmp_path / "lr_model"
    else:
        step = tf.Variable(7, dtype=tf.int64)
        source = tf.train.Checkpoint(model=trained, step=step).save(str(tmp_path / "lr_model" / "model.ckpt"))
    result = export(source, tmp_path / "out", plan=plan("build_model"), module_file=module_file)
    assert (result.builder, result.signatures) == ("trace", (DEFAULT,))
    found = answers(tmp_path / "out", DEFAULT, {"image": X})
    same(found, {name: value.numpy() for name, value in trained.score(tf.constant(X)).items()})
    assert float(np.ptp(found["scores"])) > 0.1  # the trained weights, not those that were built


def test_a_keras_models_checkpoint(module_file: Path, tmp_path: Path) -> None:
    model = load_module(module_file).get("build_keras")()
    prefix = tf.train.Checkpoint(model=model).save(str(tmp_path / "keras" / "model.ckpt"))
    made = plan("build_keras", {DEFAULT: {"kind": "model"}})
    export(prefix, tmp_path / "out", plan=made, module_file=module_file)
    (found,) = answers(tmp_path / "out", DEFAULT, {"image": X}).values()
    same({"scores": found}, {"scores": model(X)})


def test_what_does_not_fit(trained: Any, module_file: Path, tmp_path: Path) -> None:
    prefix = tf.train.Checkpoint(root=trained).write(str(tmp_path / "lr_model" / "model.ckpt"))
    with pytest.raises(UsageError, match="a checkpoint holds no model"):
        export(prefix, tmp_path / "out", plan=PLAN)
    with pytest.raises(UnsupportedModelError, match="more"):
        export(prefix, tmp_path / "out", plan=plan("build_other"), module_file=module_file)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("weights", initializer=tf.zeros([3, 2]))
        session.run(tf.compat.v1.global_variables_initializer())
        of_tf1 = tf.compat.v1.train.Saver().save(session, str(tmp_path / "tf1" / "model.ckpt"))
    with pytest.raises(UnsupportedModelError, match="a TF1 checkpoint"):
        export(of_tf1, tmp_path / "out", plan=plan("build_model"), module_file=module_file)
    assert not (tmp_path / "out").exists()
