"""Classify and regress signatures in TF2, by TensorFlow Serving's own rules over its own protos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import SERVING_API, require_module
from tests.operations.models import example, keras, output_name, save_keras
from tests.workflows import serving
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.native import load_natively
from tfx_savedmodel.saved_model.session import ServingSession

pytestmark = pytest.mark.tf

EXAMPLES = [example(bill=[0.5], island=[1.0, 0.0, 0.0]), example(bill=[-1.0], island=[0.0, 0.0, 1.0])]
LABELS = ["Adelie", "Chinstrap", "Gentoo"]


@pytest.fixture(scope="module", autouse=True)
def protos() -> Any:
    return require_module("tensorflow_serving.apis.classification_pb2", SERVING_API)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_keras(tmp_path_factory.mktemp("keras") / "model")


@pytest.fixture(scope="module")
def probabilities(model: Path) -> np.ndarray[Any, Any]:
    inputs = {"bill": np.float32([[0.5], [-1.0]]), "island": np.float32([[1, 0, 0], [0, 0, 1]])}
    with ServingSession(model) as session:
        return session.run("serving_default", inputs)[output_name()]


def test_classify_with_names_of_classes(model: Path, probabilities: np.ndarray[Any, Any], tmp_path: Path) -> None:
    names = tmp_path / "species.txt"
    names.write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    classify = {"kind": "classify", "of": "serving_default", "scores": output_name()}
    plan = {
        "serving_default": {"kind": "serve_examples"},
        "listed": {**classify, "classes": {"labels": LABELS}},
        "filed": {**classify, "classes": {"file": str(names)}},
        "bare": classify,
    }
    result = export(model, tmp_path / "out", plan=plan)
    assert result.builder == "trace"
    load_natively(tmp_path / "out", ["serve"])
    for key in ("listed", "filed", "bare"):
        answer = serving.classify(tmp_path / "out", key, EXAMPLES)
        scores = [[one.score for one in row.classes] for row in answer.classifications]
        np.testing.assert_array_equal(np.float32(scores), probabilities)
        for row in answer.classifications:
            assert [one.label for one in row.classes] == ([""] * 3 if key == "bare" else LABELS)
    # A second export, which only renames, edits the first.
    again = {"keep": "all", "signatures": {"once_more": {**classify, "of": "serving_default"}}}
    assert export(tmp_path / "out", tmp_path / "edited", plan=again).builder == "rewrite"
    answer = serving.classify(tmp_path / "edited", "once_more", EXAMPLES)
    np.testing.assert_array_equal(
        np.float32([[one.score for one in r.classes] for r in answer.classifications]), scores
    )
    assert serving.classify(tmp_path / "edited", "listed", EXAMPLES) == serving.classify(
        tmp_path / "out", "listed", EXAMPLES
    )


def test_regress_takes_floats_of_any_width(tmp_path: Path) -> None:
    import tensorflow as tf

    class Prices(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
        def serve(self, examples: Any) -> Any:
            parsed = tf.io.parse_example(examples, {"bill": tf.io.FixedLenFeature([1], tf.float32)})
            return {"price": parsed["bill"] * 2, "double": tf.cast(parsed["bill"][:, 0], tf.float64) / 3}

    module = Prices()
    tf.saved_model.save(module, str(tmp_path / "model"), signatures={"serving_default": module.serve})
    renamed = {"price": {"kind": "regress", "of": "serving_default", "value": "price"}}
    assert export(tmp_path / "model", tmp_path / "renamed", plan=renamed).builder == "rewrite"
    cast = {"double": {"kind": "regress", "of": "serving_default", "value": "double"}}
    assert export(tmp_path / "model", tmp_path / "cast", plan=cast).builder == "trace"
    for name, key, wanted in (("renamed", "price", [1.0, -2.0]), ("cast", "double", np.float32([0.5 / 3, -1 / 3]))):
        load_natively(tmp_path / name, ["serve"])
        answer = serving.regress(tmp_path / name, key, EXAMPLES)
        assert [one.value for one in answer.regressions] == list(wanted)


def test_a_keras_head_of_one_value_is_a_regression(tmp_path: Path) -> None:
    bill = keras().Input((1,), name="bill")
    model = keras().Model(bill, keras().layers.Dense(1, name="price")(bill))
    source = tmp_path / ("model.keras")
    model.save(source)
    (output,) = ["price"] if output_name() == "probabilities" else [output_name()]
    plan = {
        "serving_default": {"kind": "serve_examples"},
        "regress": {"kind": "regress", "of": "serving_default", "value": output},
    }
    export(source, tmp_path / "out", plan=plan)
    answer = serving.regress(tmp_path / "out", "regress", EXAMPLES)
    wanted = model.predict(np.float32([[0.5], [-1.0]]), verbose=0).ravel()
    np.testing.assert_allclose([one.value for one in answer.regressions], wanted, rtol=1e-6)
