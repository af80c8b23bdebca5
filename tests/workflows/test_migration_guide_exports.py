"""The migration guide's five exports (Builder, simple_save, Estimator, tf.saved_model.save, Keras), exported again.

Each is loaded by TF1, TF2 and the C++ loader and run by saved_model_cli, as it was and as it is exported.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import keras, output_name
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel import versions
from tfx_savedmodel.cli.main import run
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.reader import read_saved_model

pytestmark = pytest.mark.tf

KERAS_3 = output_name() != "probabilities"


def add_two(value: Any) -> Any:
    return value + 2


def builder(path: Path) -> None:
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        value = v1.placeholder(tf.float32, shape=[])
        signature = v1.saved_model.predict_signature_def(inputs={"input": value}, outputs={"output": add_two(value)})
        made = v1.saved_model.Builder(str(path))
        made.add_meta_graph_and_variables(session, tags=["serve"], signature_def_map={DEFAULT: signature})
        made.save()


def simple_save(path: Path) -> None:
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        value = v1.placeholder(tf.float32, shape=[])
        v1.saved_model.simple_save(session, str(path), inputs={"input": value}, outputs={"output": add_two(value)})


def estimator(path: Path) -> None:
    if not versions.has_estimator(tf.__version__):
        pytest.skip("TensorFlow above 2.15 has no Estimators")
    export_api = tf.estimator.export

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        output = add_two(features["input"])
        step = tf.compat.v1.train.get_global_step()
        exported = {DEFAULT: export_api.PredictOutput({"output": output})}
        return tf.estimator.EstimatorSpec(
            mode, predictions=output, train_op=step.assign_add(1), loss=tf.constant(0.0), export_outputs=exported
        )

    trained = tf.estimator.Estimator(model_fn, str(path.with_name("estimator-checkpoints")))
    trained.train(lambda: tf.data.Dataset.from_tensors({"input": 3.0}), steps=1)
    receiver = export_api.build_raw_serving_input_receiver_fn({"input": tf.constant(3.0)})
    Path(trained.export_saved_model(str(path.with_name("exported")), receiver).decode()).rename(path)


def saved_model_save(path: Path) -> None:
    class MyModel(tf.Module):
        @tf.function
        def __call__(self, input: Any) -> Any:
            return add_two(input)

    model = MyModel()

    @tf.function
    def serving_default(input: Any) -> Any:
        return {"output": model(input)}

    signature = serving_default.get_concrete_function(tf.TensorSpec(shape=[], dtype=tf.float32))
    tf.saved_model.save(model, str(path), signatures={DEFAULT: signature})


def keras_save(path: Path) -> None:
    given = keras().Input((3,))
    model = keras().Model(inputs=given, outputs=add_two(given))

    @tf.function(input_signature=[tf.TensorSpec(shape=[None, 3], dtype=tf.float32)])
    def serving_default(input: Any) -> Any:
        return {"output": model(input)}

    if KERAS_3:  # its `save` writes .keras files alone
        tf.saved_model.save(model, str(path), signatures={DEFAULT: serving_default})
    else:
        model.save(path, save_format="tf", signatures={DEFAULT: serving_default})


EXPORTS: dict[Callable[[Path], None], Any] = {
    builder: np.float32(5),
    simple_save: np.float32(5),
    estimator: np.float32([5]),
    saved_model_save: np.float32(5),
    keras_save: np.float32([[1, 3, 4]]),
}


@pytest.fixture(scope="module", params=EXPORTS, ids=lambda made: made.__name__)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """One of the guide's models and the input that it asks it with."""
    path = tmp_path_factory.mktemp("guide") / "model"
    request.param(path)
    return path, EXPORTS[request.param]


def test_another_key_and_other_names(made: tuple[Path, Any], tmp_path: Path) -> None:
    source, value = made
    alias = {"kind": "alias", "of": DEFAULT, "inputs": {"x": "input"}, "outputs": {"y": "output"}}
    assert export(source, tmp_path / "out", plan={"keep": "all", "signatures": {"add": alias}}).builder == "rewrite"
    for model in (source, tmp_path / "out"):
        same(answers(model, DEFAULT, {"input": value}), {"output": value + np.float32(2)})
    same(answers(tmp_path / "out", "add", {"x": value}), {"y": value + np.float32(2)})


def test_with_the_command_line(made: tuple[Path, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, value = made
    assert run(["export", str(source), str(tmp_path / "out"), "--keep", "all", "--signature", "predict=alias"]) == 4
    assert "of" in capsys.readouterr().err
    plan = {"signatures": {"predict": {"kind": "alias", "of": DEFAULT}}}
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    assert run(["export", str(source), str(tmp_path / "out"), "--plan", str(tmp_path / "plan.json")]) == 0
    same(answers(tmp_path / "out", "predict", {"input": value}), {"output": value + np.float32(2)})
    assert list(read_saved_model(tmp_path / "out").meta_graphs[0].signatures) == ["predict"]
