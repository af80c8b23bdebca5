"""Conversions by TF1's Builder: what model_to_estimator cannot do, and everything above TensorFlow 2.15."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.estimators.models import example_of, needs_estimators, save_two_inputs
from tests.operations.forked_conversions import forking
from tests.workflows.loaders import answers, same
from tfx_savedmodel import versions
from tfx_savedmodel.errors import UnsafeModelError, UnsupportedModelError
from tfx_savedmodel.operations.convert import convert
from tfx_savedmodel.saved_model.parse import parse_saved_model

pytestmark = pytest.mark.tf

layers = tf.keras.layers
HAS_ESTIMATORS = versions.has_estimator(tf.__version__)
WORDS = np.array([[b"good film"], [b"bad bad film"], [b""]], dtype=object)
CUSTOM = """
import tensorflow as tf


class Doubled(tf.keras.layers.Layer):
    def call(self, values):
        return 2.0 * values
"""


@pytest.fixture(autouse=True, scope="module")
def forked() -> Iterator[None]:
    with forking():
        yield


def save_text(path: Path) -> Any:
    """Save a model of strings, `review` [1] to `mood` [2], with two lookup layers; return it."""
    tf.keras.utils.set_random_seed(1)
    vectorize = layers.TextVectorization(max_tokens=12, output_sequence_length=4)
    vectorize.adapt(["good film", "bad film"])
    review = tf.keras.Input((1,), dtype="string", name="review")
    known = layers.StringLookup(vocabulary=["good film"], output_mode="one_hot")(review)
    embedded = layers.GlobalAveragePooling1D()(layers.Embedding(12, 3)(vectorize(review)))
    model = tf.keras.Model(review, layers.Dense(2, name="mood")(layers.concatenate([known, embedded])))
    model.save(path)
    return model


def test_a_text_model_with_lookup_layers_answers_alike_with_every_loader(tmp_path: Path) -> None:
    model = save_text(tmp_path / "model.keras")
    result = convert(tmp_path / "model.keras", tmp_path / "out")
    assert (result.way, result.signatures) == ("builder", ("serve_raw", "serving_default"))
    assert ("lookup table" if HAS_ESTIMATORS else tf.__version__) in result.notes[0]
    assert result.parity["max_relative_difference"] <= 1e-6 and result.parity["examples"] == 96
    wanted = {"mood": model(tf.constant(WORDS)).numpy()}
    same(answers(tmp_path / "out", "serve_raw", {"review": WORDS}), wanted)
    examples = np.array([example_of(review=[row[0]]) for row in WORDS], dtype=object)
    same(answers(tmp_path / "out", "serving_default", {"examples": examples}), wanted)


def test_variables_and_signatures_are_as_an_estimators(tmp_path: Path) -> None:
    """Of the same model, whichever way the stack goes."""
    result = convert(save_two_inputs(tmp_path / "model.keras"), tmp_path / "out")
    assert result.way == ("model_to_estimator" if HAS_ESTIMATORS else "builder")
    (meta_graph,) = parse_saved_model(tmp_path / "out", "saved_model.pb").meta_graphs
    assert list(meta_graph.meta_info_def.tags) == ["serve"]
    assert not meta_graph.object_graph_def.nodes
    assert len(meta_graph.collection_def["variables"].bytes_list.value) >= 7
    sides = {
        key: (sorted(item.inputs), sorted(item.outputs), item.method_name)
        for key, item in meta_graph.signature_def.items()
    }
    outputs, method = ["group", "score"], "tensorflow/serving/predict"
    assert sides == {
        "serving_default": (["examples"], outputs, method),
        "serve_raw": (["age", "city"], outputs, method),
    }


def test_a_model_with_state_keeps_its_batch(tmp_path: Path) -> None:
    steps = tf.keras.Input((3, 1), batch_size=2, name="steps")
    tf.keras.Model(steps, layers.LSTM(2, stateful=True, name="end")(steps)).save(tmp_path / "model.keras")
    result = convert(tmp_path / "model.keras", tmp_path / "out")
    assert result.way == "builder"
    (meta_graph,) = parse_saved_model(tmp_path / "out", "saved_model.pb").meta_graphs
    size = meta_graph.signature_def["serve_raw"].inputs["steps"].tensor_shape.dim[0].size
    assert size == 2 == meta_graph.signature_def["serving_default"].inputs["examples"].tensor_shape.dim[0].size


def test_custom_objects_come_from_the_module_file_when_they_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "own_layers.py").write_text(CUSTOM, encoding="utf-8")
    scope: dict[str, Any] = {}
    exec(CUSTOM, scope)
    numbers = tf.keras.Input((3,), name="numbers")
    model = tf.keras.Model(numbers, scope["Doubled"](name="answer")(layers.Dense(2)(numbers)))
    model.save(tmp_path / "model.keras")
    with pytest.raises(UnsafeModelError, match="Doubled"):
        convert(tmp_path / "model.keras", tmp_path / "out")
    given: dict[str, Any] = {"module_file": tmp_path / "own_layers.py", "allow": ["Doubled"]}
    result = convert(tmp_path / "model.keras", tmp_path / "out", **given)
    assert result.way == ("model_to_estimator" if HAS_ESTIMATORS else "builder")
    values = np.float32([[1, 2, 3]])
    same(answers(tmp_path / "out", "serve_raw", {"numbers": values}), {"answer": model(values).numpy()})


@needs_estimators
def test_a_subclassed_model_whose_class_is_missing(tmp_path: Path) -> None:
    class Own(tf.keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, values: tf.Tensor, training: bool = False) -> tf.Tensor:
            return self.dense(values)

    model, values = Own(), np.float32([[1, 2, 3]])
    wanted = model(values).numpy()
    model.save(tmp_path / "model")
    result = convert(tmp_path / "model", tmp_path / "out")
    assert result.way == "builder" and "no functional or Sequential" in result.notes[0]
    (found,) = answers(tmp_path / "out", "serve_raw", {"args_0": values}).values()
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    with pytest.raises(UnsupportedModelError, match="no Estimator checkpoint") as caught:
        convert(tmp_path / "model", tmp_path / "other", checkpoint=tmp_path / "checkpoint")
    assert "Own" in caught.value.found
    perhaps = {"checkpoint": tmp_path / "checkpoint", "checkpoint_needed": False}
    assert convert(tmp_path / "model", tmp_path / "other", **perhaps).checkpoint is None


def test_what_is_no_keras_model_is_said(tmp_path: Path) -> None:
    module = tf.Module()
    module.double = tf.function(lambda x: {"y": 2 * x}, input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    tf.saved_model.save(module, str(tmp_path / "module"), signatures=module.double)
    with pytest.raises(UnsupportedModelError, match="not a Keras model") as caught:
        convert(tmp_path / "module", tmp_path / "out")
    assert '"builder": "session"' in caught.value.next_step


def test_a_sparse_input_is_refused_by_name(tmp_path: Path) -> None:
    words = tf.keras.Input((4,), name="words", sparse=True)
    tf.keras.Model(words, layers.Dense(1)(words)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedModelError, match="not a dense tensor") as caught:
        convert(tmp_path / "model.keras", tmp_path / "out")
    assert "words" in f"{caught.value.where}{caught.value.found}"


def test_a_ragged_input_is_refused_by_name(tmp_path: Path) -> None:
    words = tf.keras.Input((None,), name="words", ragged=True, dtype="int64")
    tf.keras.Model(words, layers.Embedding(5, 2)(words)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedModelError, match="not a dense tensor") as caught:
        convert(tmp_path / "model.keras", tmp_path / "out")
    assert "words" in f"{caught.value.where}{caught.value.found}"
