"""The warm-up requests of an export: every one runs on the signature that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import SERVING_API, require_module
from tests.operations.models import example, output_name, save_keras
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

PREDICT, CLASSIFY, REGRESS = "predict_log", "classify_log", "regress_log"
PLAN: dict[str, Any] = {
    "signatures": {
        "serving_default": {"kind": "serve_examples"},
        "serve_raw": {"kind": "serve_features", "inputs": {"b": "bill"}},
        "xai_preprocess": {"kind": "preprocess"},
        "from_examples": {"kind": "preprocess", "receiver": "examples"},
        "xai_model": {"kind": "model", "inputs": {"depth": "bill"}},
        "again": {"kind": "alias", "of": "xai_model", "inputs": {"bill": "depth"}},
        "classify": {
            "kind": "classify",
            "of": "serving_default",
            "scores": output_name(),
            "classes": {"labels": ["a", "b", "c"]},
        },
    },
    "warmup": {"requests": 4},
}


def test_every_request_runs(tmp_path: Path) -> None:
    prediction_log_pb2 = require_module("tensorflow_serving.apis.prediction_log_pb2", SERVING_API)
    with tf.io.TFRecordWriter(str(tmp_path / "data")) as writer:
        for bill in (-1.0, 0.0, 0.5, 2.0, 3.0):
            writer.write(example(bill=[bill], island=[0.0, 1.0, 0.0]))
    result = export(save_keras(tmp_path / "m"), tmp_path / "out", plan=PLAN, examples=[str(tmp_path / "data")])
    assert not [note for note in result.notes if "warm-up" in note]
    file = tmp_path / "out" / "assets.extra" / "tf_serving_warmup_requests"
    loaded = tf.saved_model.load(str(tmp_path / "out"))
    asked: dict[str, list[str]] = {}
    answers: dict[str, list[Any]] = {}
    for record in tf.data.TFRecordDataset(str(file)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        kind = log.WhichOneof("log_type")
        request = getattr(log, kind).request
        if kind == PREDICT:
            inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        else:
            inputs = {"inputs": tf.constant([each.SerializeToString() for each in request.input.example_list.examples])}
        answer = loaded.signatures[request.model_spec.signature_name](**inputs)
        asked.setdefault(request.model_spec.signature_name, []).append(kind)
        answers.setdefault(request.model_spec.signature_name, []).append(answer)
    assert asked == {key: [CLASSIFY if key == "classify" else PREDICT] * 4 for key in PLAN["signatures"]}
    assert {tensor.shape[0] for each in answers.values() for answer in each for tensor in answer.values()} == {1}
    scores = [answer["scores"].numpy() for answer in answers["classify"]]
    for key in ("serving_default", "serve_raw", "xai_model", "again"):
        for answer, wanted in zip(answers[key], scores, strict=True):
            np.testing.assert_allclose(answer[output_name()].numpy(), wanted, rtol=1e-6)
    assert len({score.tobytes() for score in scores}) == 4
