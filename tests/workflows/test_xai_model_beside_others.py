"""`xai_model` says which of several signatures is explained ("Saving TensorFlow models for AI Explanations")."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.operations.models import example, output_name, save_keras
from tests.workflows.loaders import answers, same
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.validation.result import CheckVerdict

pytestmark = pytest.mark.tf

BILL, ISLAND = np.float32([[0.5], [-1.0]]), np.float32([[1, 0, 0], [0, 0, 1]])
EXAMPLES = [example(bill=[0.5], island=[1.0, 0.0, 0.0]), example(bill=[-1.0], island=[0.0, 0.0, 1.0])]


def findings(model: Path) -> list[str]:
    (check,) = validate(model, select=["SM107"]).checks
    assert check.verdict is (CheckVerdict.FAIL if check.findings else CheckVerdict.PASS)
    return [finding.message for finding in check.findings]


def test_the_explained_signature_stands_beside_the_served_one(tmp_path: Path) -> None:
    source = save_keras(tmp_path / "model")
    wanted = answers(source, "serving_default", {"bill": BILL, "island": ISLAND})
    plan = {
        "serving_default": {"kind": "serve_examples"},
        "xai_model": {"kind": "model", "outputs": {"probabilities": output_name()}},
    }
    assert export(source, tmp_path / "out", plan=plan).signatures == ("serving_default", "xai_model")
    same(answers(tmp_path / "out", "serving_default", {"examples": EXAMPLES}), wanted)
    explained = answers(tmp_path / "out", "xai_model", {"bill": BILL, "island": ISLAND})
    same(explained, {"probabilities": wanted[output_name()]})
    assert findings(tmp_path / "out") == []


def test_a_key_that_is_nearly_right_is_found_and_mended(tmp_path: Path) -> None:
    # The document itself writes `xai-model` once, above the example that has the key right.
    source = save_keras(tmp_path / "model")
    near = {"keep": "all", "signatures": {"xai-model": {"kind": "alias", "of": "serving_default"}}}
    export(source, tmp_path / "near", plan=near)
    assert "the key 'xai-model' is not 'xai_model'" in findings(tmp_path / "near")
    right = {"keep": ["serving_default"], "signatures": {"xai_model": {"kind": "alias", "of": "xai-model"}}}
    assert export(tmp_path / "near", tmp_path / "right", plan=right).builder == "rewrite"
    assert findings(tmp_path / "right") == []
    inputs = {"bill": BILL, "island": ISLAND}
    same(answers(tmp_path / "right", "xai_model", inputs), answers(source, "serving_default", inputs))
