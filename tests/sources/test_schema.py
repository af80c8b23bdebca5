"""Schemas as parsing specs, and exports that parse by them without a Transform graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import example, save_keras
from tfx_savedmodel.errors import PlanError, SchemaError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.session import ServingSession
from tfx_savedmodel.sources.schema import feature_spec, read_schema

pytestmark = pytest.mark.tfx

BILL = 'feature { name: "bill" type: FLOAT value_count { min: 1 max: 1 } presence { min_fraction: 0.5 } }\n'
ISLAND = 'feature { name: "island" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 3 } } }\n'
LABEL = 'feature { name: "species" type: BYTES presence { min_fraction: 1 } shape { dim { size: 1 } } }\n'
PLAN = {"serving_default": {"kind": "serve_examples"}, "serve_raw": {"kind": "serve_features"}}


def write(directory: Path, text: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "schema.pbtxt").write_text(text, encoding="utf-8")
    return directory


def test_fixed_and_variable_features(tmp_path: Path) -> None:
    spec = feature_spec(read_schema(write(tmp_path, BILL + ISLAND + LABEL)), exclude=["species"])
    assert spec == {"bill": tf.io.VarLenFeature(tf.float32), "island": tf.io.FixedLenFeature([3], tf.float32)}


def test_schemas_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no schema here"):
        read_schema(tmp_path)
    with pytest.raises(SchemaError, match="cannot be read"):
        read_schema(write(tmp_path / "bad", "feature {"))
    with pytest.raises(SchemaError, match="no type") as caught:
        feature_spec(read_schema(write(tmp_path / "untyped", 'feature { name: "bill" }')))
    assert "'bill'" in caught.value.where


def test_an_export_parses_by_the_schema(tmp_path: Path) -> None:
    model = save_keras(tmp_path / "model")
    schema = write(tmp_path / "schema", BILL + ISLAND + LABEL)
    export(model, tmp_path / "out", plan=PLAN, schema=schema)
    island = np.eye(3, dtype=np.float32)[:1]
    with ServingSession(tmp_path / "out") as session:
        assert session.signatures["serve_raw"].inputs["bill"].shape == (None, 1)
        parsed = session.run("serving_default", {"examples": [example(bill=[0.5], island=[1.0, 0.0, 0.0])]})
        raw = session.run("serve_raw", {"bill": np.array([[0.5]], np.float32), "island": island})
    np.testing.assert_array_equal(parsed["probabilities"], raw["probabilities"])


def test_a_schema_that_lacks_a_feature(tmp_path: Path) -> None:
    model = save_keras(tmp_path / "model")
    with pytest.raises(PlanError) as caught:
        export(model, tmp_path / "out", plan=PLAN, schema=write(tmp_path / "schema", BILL))
    assert {problem.where for problem in caught.value.problems} == {f"signatures.{key}" for key in PLAN}
    assert all("the schema lacks" in problem.message for problem in caught.value.problems)
    assert not (tmp_path / "out").exists()
