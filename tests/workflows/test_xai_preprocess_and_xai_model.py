"""`xai_preprocess` feeds `xai_model`, beside `serving_default` ("Saving TensorFlow models for AI Explanations")."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.operations.models import example, save_keras
from tests.workflows.loaders import Arrays, answers, same
from tfx_savedmodel.cli.main import run
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.validation.result import CheckVerdict, Verdict

pytestmark = pytest.mark.tf

#: The document's three functions: what is preprocessed comes as text.
MODULE = """
import tensorflow as tf


def make_functions(model):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="line")])
    def preprocess_fn(line):
        parts = tf.strings.to_number(tf.strings.split(line, ",").to_tensor("0", shape=[None, 4]))
        return {"bill": parts[:, :1], "island": parts[:, 1:]}

    @tf.function(input_signature=[
        tf.TensorSpec([None, 1], tf.float32, name="bill"), tf.TensorSpec([None, 3], tf.float32, name="island")
    ])
    def model_fn(bill, island):
        (probabilities,) = model.signatures["serving_default"](bill=bill, island=island).values()
        return {"probabilities": probabilities}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="line")])
    def serving_fn(line):
        return model_fn(**preprocess_fn(line))

    return {"serving_default": serving_fn, "xai_preprocess": preprocess_fn, "xai_model": model_fn}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_keras(tmp_path_factory.mktemp("keras") / "model")


def joined(model: Path, raw: dict[str, Any]) -> Arrays:
    """Return what `xai_model` says of what `xai_preprocess` gives, as an explainer calls them."""
    report = validate(model, select=["SM107"])
    assert [check.verdict for check in report.checks] == [CheckVerdict.PASS]
    assert report.verdict is Verdict.BLESSED
    return answers(model, "xai_model", answers(model, "xai_preprocess", raw))


def test_the_documents_three_functions(model: Path, tmp_path: Path) -> None:
    (tmp_path / "functions.py").write_text(MODULE, encoding="utf-8")
    made = {"kind": "module", "function": "make_functions"}
    plan = {"signatures": dict.fromkeys(("serving_default", "xai_preprocess", "xai_model"), made)}
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    files = ["--plan", str(tmp_path / "plan.json"), "--module", str(tmp_path / "functions.py")]
    assert run(["export", str(model), str(tmp_path / "out"), *files]) == 0
    raw = {"line": [b"0.5,1,0,0", b"-1,0,0,1"]}
    inputs = {"bill": np.float32([[0.5], [-1]]), "island": np.float32([[1, 0, 0], [0, 0, 1]])}
    (wanted,) = answers(model, "serving_default", inputs).values()
    same(answers(tmp_path / "out", "xai_preprocess", raw), inputs)
    same(joined(tmp_path / "out", raw), {"probabilities": wanted})
    same(answers(tmp_path / "out", "serving_default", raw), {"probabilities": wanted})


@pytest.mark.parametrize("receiver", ["features", "examples"])
def test_the_kinds_made_for_it(model: Path, tmp_path: Path, receiver: str) -> None:
    plan = {
        "serving_default": {"kind": "serve_examples"},
        "xai_preprocess": {"kind": "preprocess", "receiver": receiver},
        "xai_model": {"kind": "model"},
    }
    export(model, tmp_path / "out", plan=plan)
    examples = [example(bill=[0.5], island=[1.0, 0.0, 0.0])]
    features = {"bill": np.float32([[0.5]]), "island": np.float32([[1, 0, 0]])}
    raw = features if receiver == "features" else {"examples": examples}
    served = answers(tmp_path / "out", "serving_default", {"examples": examples})
    same(joined(tmp_path / "out", raw), served)
    same(served, answers(model, "serving_default", features))
