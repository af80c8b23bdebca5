"""mnist.h5 to a SavedModel with `image` and `scores` (Alibaba PAI, "Export TensorFlow models … SavedModel format")."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import keras, output_name
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.cli.main import run
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

IMAGES = np.random.default_rng(1).random((2, 8, 8, 1), np.float32)


@pytest.fixture(scope="module")
def mnist() -> Any:
    """A small one of the document's kind, trained a little."""
    layers = keras().layers
    keras().utils.set_random_seed(1)
    model = keras().Sequential(
        [
            keras().Input((8, 8, 1), name="input_1"),
            layers.Conv2D(2, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax", name="dense"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(IMAGES, np.array([3, 7]), verbose=0)
    return model


@pytest.fixture(scope="module")
def wanted(mnist: Any) -> dict[str, Any]:
    return {"scores": mnist.predict(IMAGES, verbose=0)}


def plan() -> dict[str, Any]:
    output = "dense" if output_name() == "probabilities" else "output_0"
    return {DEFAULT: {"kind": "model", "inputs": {"image": "input_1"}, "outputs": {"scores": output}}}


def variables(model: Path) -> list[str]:
    names = tf.train.load_checkpoint(str(model / "variables" / "variables")).get_variable_to_shape_map()
    return sorted(name for name in names if name != "_CHECKPOINTABLE_OBJECT_GRAPH")


@pytest.mark.parametrize("optimizer", [True, False], ids=["with optimizer", "without"])
def test_the_documents_conversion(mnist: Any, wanted: Any, tmp_path: Path, optimizer: bool) -> None:
    mnist.save(tmp_path / "mnist.h5", include_optimizer=optimizer)
    result = export(tmp_path / "mnist.h5", tmp_path / "out", plan=plan())
    assert [note for note in result.notes if "optimizer" in note] == list(result.notes) and bool(
        result.notes
    ) is optimizer
    same(answers(tmp_path / "out", DEFAULT, {"image": IMAGES}), wanted)
    assert len(variables(tmp_path / "out")) == len(mnist.weights) == 4


def test_a_live_compiled_model_leaves_its_optimizer_out(mnist: Any, wanted: Any, tmp_path: Path) -> None:
    export(mnist, tmp_path / "out", plan=plan())
    same(answers(tmp_path / "out", DEFAULT, {"image": IMAGES}), wanted)
    assert [name for name in variables(tmp_path / "out") if "optimizer" in name] == []
    assert mnist.optimizer is not None  # it can be trained on
    mnist.evaluate(IMAGES, np.array([3, 7]), verbose=0)


def test_on_the_command_line_by_way_of_cpu(mnist: Any, wanted: Any, tmp_path: Path) -> None:
    mnist.save(tmp_path / "mnist.h5")
    (tmp_path / "plan.json").write_text(json.dumps({"signatures": plan()}), encoding="utf-8")
    with tf.device("/cpu:0"):
        arguments = ["export", str(tmp_path / "mnist.h5"), str(tmp_path / "out"), "--plan", str(tmp_path / "plan.json")]
        assert run(arguments) == 0
    same(answers(tmp_path / "out", DEFAULT, {"image": IMAGES}), wanted)


def test_weights_alone_want_a_function_that_builds_the_model(mnist: Any, wanted: Any, tmp_path: Path) -> None:
    mnist.save_weights(tmp_path / "mnist.weights.h5")
    (tmp_path / "build.py").write_text(
        "import tensorflow as tf\n\n\ndef build():\n"
        "    layers = tf.keras.layers\n"
        '    return tf.keras.Sequential([tf.keras.Input((8, 8, 1), name="input_1"), '
        'layers.Conv2D(2, 3, activation="relu"), layers.Flatten(), '
        'layers.Dense(10, activation="softmax", name="dense")])\n',
        encoding="utf-8",
    )
    built = {"signatures": plan(), "source": {"model_fn": "build"}}
    export(tmp_path / "mnist.weights.h5", tmp_path / "out", plan=built, module_file=tmp_path / "build.py")
    same(answers(tmp_path / "out", DEFAULT, {"image": IMAGES}), wanted)


def test_through_a_session_as_k_get_session_meant(mnist: Any, wanted: Any, tmp_path: Path) -> None:
    """The document's other way: Builder over Keras's session, tag serve, a predict signature, TF1's variables."""
    mnist.save(tmp_path / "mnist.h5")
    document = {"signatures": plan(), "builder": "session"}
    assert export(tmp_path / "mnist.h5", tmp_path / "out", plan=document).builder == "session"
    same(answers(tmp_path / "out", DEFAULT, {"image": IMAGES}), wanted)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(tmp_path / "out"))
        declared = tf.compat.v1.global_variables()
        values = {variable.op.name: session.run(variable) for variable in declared}
        resaved = tf.compat.v1.train.Saver().save(session, str(tmp_path / "again.ckpt"))
    assert loaded.signature_def[DEFAULT].method_name == "tensorflow/serving/predict"
    assert sorted(values) == variables(tmp_path / "out") == variables_of(resaved)
    shapes = sorted(value.shape for value in values.values())
    assert shapes == sorted(tuple(weight.shape) for weight in mnist.weights)


def variables_of(checkpoint: str) -> list[str]:
    return sorted(tf.train.load_checkpoint(checkpoint).get_variable_to_shape_map())
