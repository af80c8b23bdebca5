"""The real reader of explanation metadata, explainable-ai-sdk 1.3.3, accepts what an export has.

It runs in an environment of its own. It has no explainer that runs without the hosted service
(`load_model_from_local_path` raises NotImplementedError), so reading and its own rules are what can be tried.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import ROOT, require_tool
from tests.operations.models import example, output_name, save_keras
from tests.signatures.penguins import (
    ISLANDS,
    ingredients,
    model_inputs,
    penguins,
    raw_inputs,
    resolved,
    save,
    signature,
)
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.signatures.explanation import write_explanation
from tfx_savedmodel.signatures.options import Explanation

pytestmark = pytest.mark.tf

READER = Path(__file__).with_name("explain_sdk_reader.py")


@pytest.fixture(scope="module")
def python() -> str:
    return require_tool(str(ROOT / ".venv-explain-sdk" / "bin" / "python"), "make explain-sdk")


def read(python: str, model: Path, answer: Path) -> dict[str, Any]:
    done = subprocess.run([python, str(READER), str(model), str(answer)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def test_it_reads_an_export(python: str, tmp_path: Path) -> None:
    with tf.io.TFRecordWriter(str(tmp_path / "data")) as writer:
        for bill in np.linspace(-1.0, 1.0, 12):
            writer.write(example(bill=[float(bill)], island=[0.0, 1.0, 0.0]))
    plan = {
        "signatures": {
            "serving_default": {"kind": "serve_examples"},
            "xai_preprocess": {"kind": "preprocess"},
            "xai_model": {"kind": "model", "inputs": {"depth": "bill"}, "outputs": {"score": output_name()}},
        },
        "explanation": {"signature": "xai_model"},
    }
    export(save_keras(tmp_path / "m"), tmp_path / "out", plan=plan, examples=[str(tmp_path / "data")])
    found = read(python, tmp_path / "out", tmp_path / "answer.json")
    # The names are those of xai_model: serving_default has one input, `examples`.
    assert found["inputs"] == {"depth": "depth", "island": "island"}
    assert found["output"] == "score"
    assert found["again"] == json.loads((tmp_path / "out" / "explanation_metadata.json").read_text(encoding="utf-8"))
    assert [sorted(each) for each in found["baselines"]] == [["depth", "island"]] * 10
    # What the SDK's own builder says of xai_model, ours says too, and more.
    for side in ("inputs", "outputs"):
        for name, entry in found["built"][side].items():
            assert entry.items() <= found["again"][side][name].items()


def test_it_reads_one_hot_inputs_and_groups(python: str, tmp_path: Path) -> None:
    model = signature("xai_model", "model", model_inputs())
    save(tmp_path / "m", model)
    plan = resolved(model, signature("serving_default", "serve_features", raw_inputs()), explanation=Explanation())
    written = write_explanation(
        tmp_path / "m" / "explanation_metadata.json",
        plan,
        ingredients=ingredients,
        vocabularies={"island": ISLANDS},
        examples=penguins(3),
    )
    found = read(python, tmp_path / "m", tmp_path / "answer.json")
    assert found["again"] == written.metadata
    assert found["groups"] == {"mass_scaled": "mass", "island_hot": "island", "age": None}
    assert found["modalities"]["tabular"] == ["age", "island_hot", "mass_scaled"]
    assert found["modalities"]["categorical"] == ["island_hot"]
