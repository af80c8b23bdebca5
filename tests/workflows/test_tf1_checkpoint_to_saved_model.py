"""A checkpoint of tf.train.Saver to a SavedModel (Alibaba PAI, "Export TensorFlow models in the SavedModel format").

The document restores `./lr_model/model.ckpt` into the graph that is defined again, and exports
`inputs={"image": x}`, `outputs={"scores": y}`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import absent
from tests.tf1_graphs import IMAGE, Trained, X, regression, train
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

v1 = tf.compat.v1

MODULE = """
import tensorflow as tf


def define_variables():
    x = tf.compat.v1.placeholder(tf.float32, [None, 3])
    w = tf.compat.v1.get_variable("w", [3, 2])
    b = tf.compat.v1.get_variable("b", [2])
    return {"image": x}, {"scores": tf.nn.softmax(x @ w + b)}


def model_fn(features, labels, mode):
    v1, estimator = tf.compat.v1, tf.compat.v1.estimator
    logits = tf.matmul(features["image"], v1.get_variable("kernel", [3, 2])) + v1.get_variable("bias", [2])
    logits = tf.identity(logits, name="logits")
    scores = tf.nn.softmax(logits)
    loss = train_op = None
    if mode != estimator.ModeKeys.PREDICT:
        loss = v1.losses.sparse_softmax_cross_entropy(labels, logits)
        train_op = v1.train.AdamOptimizer(0.1).minimize(loss, v1.train.get_global_step())
    outputs = {
        DEFAULT: estimator.export.PredictOutput({"scores": scores}),
        "classify": estimator.export.ClassificationOutput(scores=scores),
    }
    return estimator.EstimatorSpec(mode, {"scores": scores}, loss, train_op, export_outputs=outputs)


DEFAULT = "serving_default"
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(tmp_path_factory.mktemp("seed") / "lr_model")


@pytest.fixture(scope="module")
def module_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("user") / "lr.py"
    file.write_text(MODULE, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def by_hand(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document's own program."""
    path = tmp_path_factory.mktemp("seed") / "exported"
    with tf.Graph().as_default(), v1.Session() as session:
        x, y = regression(resource=True)
        v1.train.Saver().restore(session, str(trained.prefix))
        v1.saved_model.simple_save(session, str(path), {"image": x}, {"scores": y})
    return path


@pytest.mark.parametrize("way", ["function", "meta graph"])
def test_the_export_answers_as_the_documents_program(
    trained: Trained, by_hand: Path, module_file: Path, tmp_path: Path, way: str
) -> None:
    plan: Any = {DEFAULT: IMAGE}
    if way == "function":
        plan = {"keep": [DEFAULT], "source": {"model_fn": "define_variables"}}
    export(trained.prefix, tmp_path / "out", plan=plan, module_file=module_file)
    for values in (X, np.zeros([0, 3], np.float32), np.float32([[100, -100, 0]])):
        found = answers(tmp_path / "out", DEFAULT, {"image": values})
        same(found, answers(by_hand, DEFAULT, {"image": values}))


def test_an_estimators_checkpoint_answers_as_its_own_export(module_file: Path, tmp_path: Path) -> None:
    if not hasattr(v1, "estimator"):
        absent("needs tf.estimator, which went with TensorFlow 2.16", expected=False)
    from tfx_savedmodel.sources.module_file import load_module

    estimator = v1.estimator.Estimator(load_module(module_file).get("model_fn"), str(tmp_path / "model_dir"))
    estimator.train(lambda: tf.data.Dataset.from_tensors(({"image": X}, [0, 1])).repeat(3))
    receiver = v1.estimator.export.build_raw_serving_input_receiver_fn({"image": tf.constant(X)})
    own = Path(estimator.export_saved_model(str(tmp_path / "own"), receiver).decode())
    wanted = answers(own, DEFAULT, {"image": X})
    features = {"image": {"dtype": "float32", "shape": [None, 3]}}
    plan: Any = {"keep": "all", "source": {"model_fn": "model_fn", "features": features}}
    export(tmp_path / "model_dir", tmp_path / "out", plan=plan, module_file=module_file)
    same(answers(tmp_path / "out", DEFAULT, {"image": X}), wanted)
    # Estimator leaves this one out over raw features; here it is a Predict signature.
    same(answers(tmp_path / "out", "classify", {"image": X}), wanted)
    # Its training graph is saved beside the checkpoint, and has no placeholder: the pipeline's tensor is fed.
    assert "Placeholder" not in {node.op for node in _meta(tmp_path / "model_dir").graph_def.node}
    plan = {DEFAULT: {"kind": "tensors", "inputs": {"image": "IteratorGetNext:0"}, "outputs": {"logits": "logits:0"}}}
    result = export(tmp_path / "model_dir", tmp_path / "meta", plan=plan)
    assert "placeholders are in the place of what is fed: IteratorGetNext" in result.notes
    logits = answers(tmp_path / "meta", DEFAULT, {"image": X})["logits"]
    same({"scores": tf.nn.softmax(logits)}, wanted)


def _meta(folder: Path) -> Any:
    (latest,) = folder.glob(f"{Path(tf.train.latest_checkpoint(str(folder)) or '').name}.meta")
    return v1.MetaGraphDef.FromString(latest.read_bytes())
