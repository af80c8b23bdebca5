"""One signature, `serving_default`, is enough for explanations ("Saving TensorFlow models for AI Explanations")."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.operations.models import keras
from tests.workflows.loaders import answers, same
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.result import CheckVerdict, Verdict

pytestmark = pytest.mark.tf

EXPLAINED = Policy(select=("SM107",), parameters={"SM107": {"required": True}})


def test_a_keras_model_and_nothing_else(tmp_path: Path) -> None:
    model = keras().Sequential([keras().Input((4,), name="x"), keras().layers.Dense(2, activation="softmax")])
    result = export(model, tmp_path / "out", plan={"serving_default": {"kind": "model"}})
    assert result.signatures == ("serving_default",)
    x = np.float32([[0.5, 1, -1, 2], [0, 0, 1, 0]])
    (found,) = answers(tmp_path / "out", "serving_default", {"x": x}).values()
    same({"scores": found}, {"scores": model(x)})
    report = validate(tmp_path / "out", policy=EXPLAINED)
    assert [(check.code, check.verdict) for check in report.checks] == [("SM107", CheckVerdict.PASS)]
    assert report.verdict is Verdict.BLESSED
