from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.estimators.models import read_serialized, write_examples
from tfx_savedmodel.errors import SchemaError, UnsupportedModelError
from tfx_savedmodel.estimators.feature_spec import parsing_spec_of, read_feature_spec
from tfx_savedmodel.estimators.features import FeaturePath
from tfx_savedmodel.estimators.keras_model import ModelInput

pytestmark = pytest.mark.tf

SCHEMA = """
feature { name: "age" type: FLOAT presence { min_fraction: 1 } shape {} }
feature { name: "height" type: FLOAT }
feature { name: "city" type: BYTES }
feature { name: "children" type: INT }
feature { name: "floor" type: INT presence { min_fraction: 1 } shape {} }
feature { name: "label" type: INT presence { min_fraction: 1 } shape {} }
"""


@pytest.fixture
def schema(tmp_path: Path) -> str:
    pytest.importorskip("tensorflow_metadata", reason="tensorflow-metadata, which reads schemas, is not installed")
    file = tmp_path / "schema.pbtxt"
    file.write_text(SCHEMA)
    return str(file)


def test_a_schemas_features_become_inputs(tmp_path: Path, schema: str) -> None:
    inputs = [
        ModelInput("age", tf.float32, (1,)),
        ModelInput("height", tf.float32, (1,)),
        ModelInput("city", tf.string, (1,)),
        ModelInput("floor", tf.float32, ()),
    ]
    path = FeaturePath(inputs, None, schema)
    assert set(path.spec) == {"age", "height", "city", "floor"}, "the label is not asked for"
    rows = [{"age": 1.5, "height": 2.5, "city": "Rome", "floor": 3}, {"age": 2.0, "floor": 4}]
    features = path(tf.constant(read_serialized(write_examples(tmp_path / "data", rows))))
    assert {name: (value.dtype, tuple(value.shape)) for name, value in features.items()} == {
        each.name: (each.dtype, (2, *each.shape)) for each in inputs
    }
    assert features["city"].numpy().tolist() == [[b"Rome"], [b""]]
    assert math.isnan(features["height"].numpy()[1, 0])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ModelInput("weight", tf.float32, (1,)), "age, children"),
        (ModelInput("age", tf.string, (1,)), "float32"),
        (ModelInput("age", tf.int64, (1,)), "float32"),
        (ModelInput("age", tf.float32, (3,)), "float32 [?]"),
        (ModelInput("city", tf.float32, (1,)), "string"),
        (ModelInput("children", tf.float32, (1,)), "may be missing"),
        (ModelInput("height", tf.float32, (3,)), "any number"),
    ],
    ids=["missing", "string", "integer", "shape", "number", "integer that may be missing", "several values"],
)
def test_a_feature_that_does_not_fit_is_named(schema: str, wanted: ModelInput, found: str) -> None:
    with pytest.raises(SchemaError) as caught:
        FeaturePath([wanted], None, schema)
    assert repr(wanted.name) in caught.value.where
    assert found in caught.value.found


def test_inputs_alone_say_how_examples_are_parsed(tmp_path: Path) -> None:
    inputs = [ModelInput("pair", tf.float16, (2,)), ModelInput("flag", tf.bool, ())]
    rows = [{"pair": 0.0, "flag": 1}]
    file = write_examples(tmp_path / "data", rows)
    path = FeaturePath(inputs, None, None)
    with pytest.raises(tf.errors.InvalidArgumentError, match="pair"):
        path(tf.constant(read_serialized(file)))
    features: dict[str, Any] = FeaturePath(inputs[1:], None, None)(tf.constant(read_serialized(file)))
    assert np.array_equal(features["flag"].numpy(), [True])


def test_an_input_of_open_size_cannot_be_parsed() -> None:
    with pytest.raises(UnsupportedModelError, match="'text'"):
        FeaturePath([ModelInput("text", tf.float32, (None, 3))], None, None)


FEATURES = {
    "size": tf.io.FixedLenFeature(1, tf.float32, np.float32(0.5)),
    "shape": tf.io.FixedLenFeature(tf.TensorShape([2]), tf.int64, tf.constant([1, 2], tf.int64)),
    "bytes": tf.io.FixedLenFeature((), tf.string, b"x"),
    "name": tf.io.FixedLenFeature([1], "float32"),
    "class": tf.io.FixedLenFeature([1], np.int64),
    "any": tf.io.VarLenFeature(tf.string),
}


def test_features_of_tensorflow_say_how_examples_are_parsed() -> None:
    given = {name: FEATURES[name] for name in ("size", "shape", "bytes", "any")}
    parsed = tf.io.parse_example(tf.constant([b""]), parsing_spec_of(read_feature_spec(given)))
    found = {name: parsed[name].numpy().tolist() for name in ("size", "shape", "bytes")}
    assert found == {"size": [[0.5]], "shape": [[1, 2]], "bytes": [b"x"]}
    assert isinstance(parsed["any"], tf.SparseTensor)
    dtypes = {name: item["dtype"] for name, item in read_feature_spec(FEATURES).items()}
    assert (dtypes["name"], dtypes["class"]) == ("float32", "int64")


@pytest.mark.parametrize(
    "feature",
    [
        tf.io.SparseFeature("i", "v", tf.float32, 10),
        tf.io.RaggedFeature(tf.float32),
        tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True),
    ],
    ids=lambda feature: type(feature).__name__,
)
def test_other_features_of_tensorflow_are_refused_by_name(feature: Any) -> None:
    with pytest.raises(SchemaError) as caught:
        read_feature_spec({"age": feature})
    assert caught.value.found == type(feature).__name__
    assert "feature 'age'" in caught.value.where and "tf.io.FixedLenFeature" in caught.value.wanted


def test_an_open_size_is_refused() -> None:
    with pytest.raises(SchemaError, match="all known"):
        read_feature_spec({"age": tf.io.FixedLenFeature([None], tf.float32)})
