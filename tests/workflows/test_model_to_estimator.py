"""`model_to_estimator` and `export_saved_model` with a raw receiver (AI Explanations on TF 1.15), and what follows.

The document's own calls run in a process of their own: they leave Keras unfit for eager work.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.estimators.models import example_of, needs_estimators, save_two_inputs
from tests.operations.forked_conversions import forking
from tests.workflows.loaders import answers, same
from tfx_savedmodel.operations.convert import convert
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.validation.result import Verdict

pytestmark = pytest.mark.tf

FEATURES = {"age": np.float32([[0.5], [-1.0]]), "city": np.int64([[1], [3]])}
EXAMPLES = np.array([example_of(age=[0.5], city=[1]), example_of(age=[-1.0], city=[3])], dtype=object)

DOCUMENT = """
import sys
import tensorflow as tf

model = tf.keras.models.load_model(sys.argv[1])
keras_estimator = tf.keras.estimator.model_to_estimator(keras_model=model, model_dir=sys.argv[2] + "/export")
features = {
    "age": tf.TensorSpec([None, 1], tf.float32),
    "city": tf.TensorSpec([None, 1], tf.int64),
}

def serving_input_receiver_fn():
    raw = {name: tf.compat.v1.placeholder(spec.dtype, spec.shape, name) for name, spec in features.items()}
    return tf.estimator.export.ServingInputReceiver(raw, raw)

print(keras_estimator.export_saved_model(sys.argv[2], serving_input_receiver_fn).decode("utf-8"))
"""

TRAIN = """
import sys
import tensorflow as tf

model = tf.keras.models.load_model(sys.argv[1])
estimator = tf.keras.estimator.model_to_estimator(model, model_dir=sys.argv[2], checkpoint_format=sys.argv[3])
features = {"age": [[0.5], [-1.0]], "city": [[1], [3]]}
labels = {"score": [[3.0], [-2.0]], "group": [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]}

def data():
    return tf.data.Dataset.from_tensors((features, labels))

first = next(iter(estimator.predict(lambda: tf.data.Dataset.from_tensors(features))))
print(*first["group"])
print(estimator.evaluate(data, steps=1)["loss"])
estimator.train(lambda: data().repeat(), steps=60)
print(estimator.evaluate(data, steps=1)["loss"])
"""


@pytest.fixture(autouse=True, scope="module")
def forked() -> Iterator[None]:
    with forking():
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_two_inputs(tmp_path_factory.mktemp("model") / "model.keras")


@pytest.fixture(scope="module")
def wanted(model: Path) -> dict[str, Any]:
    score, group = tf.keras.models.load_model(model)(FEATURES)
    return {"score": score.numpy(), "group": group.numpy()}


def run(script: str, *arguments: object) -> list[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@needs_estimators
def test_its_export_is_equalled(model: Path, tmp_path: Path, wanted: dict[str, Any]) -> None:
    documents = Path(run(DOCUMENT, model, tmp_path / "document")[-1])
    convert(model, tmp_path / "ours", receiver="raw")
    sides = [inspect(path)["meta_graphs"][0]["signatures"] for path in (documents, tmp_path / "ours")]
    for side in sides:
        for part in ("inputs", "outputs"):
            for tensor in side["serving_default"][part].values():
                tensor.pop("tensor", None)
    assert sides[0] == sides[1]
    same(answers(tmp_path / "ours", "serving_default", FEATURES), wanted)
    same(answers(documents, "serving_default", FEATURES), wanted)


@needs_estimators
@pytest.mark.parametrize(
    ("checkpoint_format", "keras_name"),
    [("object", "checkpoint"), pytest.param("saver", "saver", marks=pytest.mark.full)],
)
def test_an_estimator_goes_on_training_from_the_checkpoint(
    model: Path, tmp_path: Path, wanted: dict[str, Any], checkpoint_format: str, keras_name: str
) -> None:
    given: dict[str, Any] = {"checkpoint": tmp_path / "checkpoint", "checkpoint_format": checkpoint_format}
    assert convert(model, tmp_path / "out", receiver="raw", **given).checkpoint == tmp_path / "checkpoint"
    stranger = save_two_inputs(tmp_path / "stranger.keras", seed=7)
    predicted, before, after = run(TRAIN, stranger, tmp_path / "checkpoint", keras_name)[-3:]
    np.testing.assert_allclose([float(each) for each in predicted.split()], wanted["group"][0], rtol=1e-5)
    assert float(after) < float(before)


def test_an_export_with_the_three_outputs_is_loaded_by_tf1_and_tf2(
    model: Path, tmp_path: Path, wanted: dict[str, Any]
) -> None:
    """As PredictOutput, ClassificationOutput and RegressionOutput, under the names that canned Estimators use."""
    outputs = {
        "predict": {"kind": "predict"},
        "classification": {"kind": "classify", "scores": "group"},
        "regression": {"kind": "regress", "value": "score"},
    }
    out = tmp_path / "out"
    given: dict[str, Any] = {"outputs": outputs, "serving_default": "classification", "target": "tf-1.15"}
    convert(model, out, receiver="parsing", **given)
    same(answers(out, "predict", {"examples": EXAMPLES}), wanted)
    same(answers(out, "classification", {"inputs": EXAMPLES}), {"scores": wanted["group"]})
    same(answers(out, "serving_default", {"inputs": EXAMPLES}), {"scores": wanted["group"]})
    same(answers(out, "regression", {"inputs": EXAMPLES}), {"outputs": wanted["score"]})
    report = validate(out, select=["SM101", "SM201", "SM202", "SM203", "SM204"])
    assert report.verdict is Verdict.BLESSED, report
