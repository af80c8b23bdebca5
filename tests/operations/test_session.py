"""New signatures over TF1 graphs: the session builder, asked by every loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import example
from tests.operations.tf1_models import WORDS, save_scorer
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import PlanError, UnsupportedModelError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.gate import refuse_unsafe
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.saved_model.reader import read_saved_model

pytestmark = pytest.mark.tf

BILL = np.float32([[1, 2, 3], [0, -1, 1]])
WORD = np.array([[b"red"], [b"blue"]], dtype=object)
STEPS = np.int32([1, 3])
MODEL = {"bill": BILL, "word": WORD, "steps": STEPS}
EXAMPLES = np.array(
    [example(bill=[1.0, 2.0, 3.0], word=[b"red"], steps=[1]), example(bill=[0.0, -1.0, 1.0], word=[b"blue"], steps=[3])],
    dtype=object,
)
PLAN: dict[str, Any] = {
    "keep": "all",
    "signatures": {
        "examples": {"kind": "serve_examples", "outputs": {"probabilities": "scores"}},
        "features": {"kind": "serve_features", "inputs": {"beak": "bill"}},
        "xai_model": {"kind": "model", "inputs": {"beak": "bill"}},
        "prepared": {"kind": "preprocess", "receiver": "examples", "of": "xai_model"},
        "again": {"kind": "alias", "of": "examples", "outputs": {"p": "probabilities"}},
        "classify": {
            "kind": "classify",
            "of": "examples",
            "scores": "probabilities",
            "classes": {"labels": ["small", "large"]},
        },
        "raw": {"kind": "tensors", "inputs": {"b": "bill:0", "w": "word:0"}, "outputs": {"joined": "joined:0"}},
    },
}


@pytest.fixture(scope="module", params=["ref", "resource"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_scorer(tmp_path_factory.mktemp("tf1") / "model", resource=request.param == "resource")


@pytest.fixture(scope="module")
def exported(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("session") / "out"
    assert export(source, out, plan=PLAN).builder == "session"
    refuse_unsafe(read_saved_model(out))
    return out


@pytest.fixture(scope="module")
def wanted(source: Path) -> dict[str, Any]:
    return answers(source, DEFAULT, MODEL)


def test_every_loader_gives_what_the_model_gives(exported: Path, wanted: dict[str, Any]) -> None:
    same(answers(exported, DEFAULT, MODEL), wanted)
    same(answers(exported, "xai_model", {**{k: v for k, v in MODEL.items() if k != "bill"}, "beak": BILL}), wanted)
    probabilities = {"probabilities": wanted["scores"]}
    same(answers(exported, "examples", {"examples": EXAMPLES}), probabilities)
    same(answers(exported, "again", {"examples": EXAMPLES}), {"p": wanted["scores"]})
    features = {"beak": BILL, "word": WORD, "steps": np.int64([1, 3])}
    same(answers(exported, "features", features), wanted)
    prepared = answers(exported, "prepared", {"examples": EXAMPLES})
    same(prepared, {"beak": BILL, "word": WORD, "steps": STEPS})
    labels = np.array([[b"small", b"large"]] * 2, dtype=object)
    same(answers(exported, "classify", {"inputs": EXAMPLES}), {"scores": wanted["scores"], "classes": labels})
    assert set(answers(exported, "raw", {"b": BILL, "w": WORD})) == {"joined"}
