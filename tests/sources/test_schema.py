"""Schemas as parsing specs, and exports that parse by them without a Transform graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import example, save_keras, save_module
from tfx_savedmodel.errors import PlanError, SchemaError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.session import ServingSession
from tfx_savedmodel.sources.schema import feature_spec, read_schema

pytestmark = pytest.mark.tfx

BILL = 'feature { name: "bill" type: FLOAT value_count { min: 1 max: 1 } presence { min_fraction: 0.5 } }\n'
ISLAND = 'feature { name: "island" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 3 } } }\n'
LABEL = 'feature { name: "species" type: BYTES presence { min_fraction: 1 } shape { dim { size: 1 } } }\n'
OPTIONAL_BILL = 'feature { name: "bill" type: FLOAT value_count { min: 0 max: 1 } }\n'
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


def test_what_the_schema_has_may_be_excluded(tmp_path: Path) -> None:
    model = save_keras(tmp_path / "model")
    schema = write(tmp_path / "schema", BILL + ISLAND + LABEL)
    export(model, tmp_path / "out", plan={"exclude_features": ["species"], "signatures": PLAN}, schema=schema)
    with pytest.raises(PlanError) as caught:
        plan = {"exclude_features": ["specees"], "signatures": PLAN}
        export(model, tmp_path / "none", plan=plan, schema=schema)
    assert [(problem.found, problem.where) for problem in caught.value.problems] == [("specees", "exclude_features")]


def test_a_schema_that_lacks_a_feature(tmp_path: Path) -> None:
    model = save_keras(tmp_path / "model")
    with pytest.raises(PlanError) as caught:
        export(model, tmp_path / "out", plan=PLAN, schema=write(tmp_path / "schema", BILL))
    assert {problem.where for problem in caught.value.problems} == {f"signatures.{key}" for key in PLAN}
    assert all("the schema lacks" in problem.message for problem in caught.value.problems)
    assert not (tmp_path / "out").exists()


def test_a_batch_that_lacks_an_optional_feature(tmp_path: Path) -> None:
    plan = {**PLAN, "prepared": {"kind": "preprocess", "receiver": "examples"}, "model": {"kind": "model"}}
    schema = write(tmp_path / "schema", OPTIONAL_BILL + ISLAND)
    export(save_keras(tmp_path / "model"), tmp_path / "out", plan=plan, schema=schema)
    island = [1.0, 0.0, 0.0]
    with ServingSession(tmp_path / "out") as session:
        none = session.run("prepared", {"examples": [example(island=island), example(island=island)]})
        one = session.run("prepared", {"examples": [example(island=island), example(bill=[0.5], island=island)]})
        answers = session.run("serving_default", {"examples": [example(island=island), example(island=island)]})
        raw = session.run("serve_raw", {"bill": none["bill"], "island": none["island"]})
    assert none["bill"].shape == (2, 1)
    assert np.isnan(none["bill"]).all()
    np.testing.assert_array_equal(one["bill"], [[np.nan], [0.5]])
    np.testing.assert_array_equal(raw["probabilities"], answers["probabilities"])


def test_an_optional_string_without_a_value_is_empty(tmp_path: Path) -> None:
    schema = write(tmp_path / "schema", 'feature { name: "word" type: BYTES }')
    plan = {"prepared": {"kind": "preprocess", "receiver": "examples"}, "model": {"kind": "model"}}
    export(save_module(tmp_path / "model"), tmp_path / "out", plan=plan, schema=schema)
    with ServingSession(tmp_path / "out") as session:
        assert session.run("prepared", {"examples": [example()]})["word"].tolist() == [[b""]]
        assert session.run("prepared", {"examples": [example(word=[b"red"]), example()]})["word"].tolist() == [
            [b"red"],
            [b""],
        ]


@pytest.mark.parametrize(
    ("bill", "found"),
    [
        ("type: INT value_count { min: 0 max: 1 }", "int64, of variable length"),
        ("type: FLOAT value_count { min: 1 max: 4 }", "float32, of variable length"),
        ("type: BYTES presence { min_fraction: 1 } shape { dim { size: 1 } }", "string [?, 1]"),
        ("type: FLOAT presence { min_fraction: 1 } shape { dim { size: 3 } }", "float32 [?, 3]"),
    ],
    ids=["integer that may be missing", "several values", "string", "shape"],
)
def test_a_feature_that_does_not_fit_the_input(bill: str, found: str, tmp_path: Path) -> None:
    schema = write(tmp_path / "schema", f'feature {{ name: "bill" {bill} }}\n{ISLAND}')
    with pytest.raises(PlanError) as caught:
        export(save_keras(tmp_path / "model"), tmp_path / "out", plan=PLAN, schema=schema)
    problems = [(problem.where, problem.found) for problem in caught.value.problems]
    assert problems == [(f"signatures.{key}", f"feature 'bill', {found}") for key in sorted(PLAN, reverse=True)]
    assert not (tmp_path / "out").exists()
