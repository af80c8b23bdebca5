from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfx_savedmodel.errors import SchemaError, UsageError
from tfx_savedmodel.estimators.feature_spec import read_feature_spec
from tfx_savedmodel.estimators.outputs import BASE, plan_of, read_outputs
from tfx_savedmodel.estimators.receivers import check_receiver

pytestmark = pytest.mark.unit

REGRESS = {"kind": "regress", "value": "score"}


def test_outputs_become_a_plan_over_the_receivers_signature() -> None:
    outputs = read_outputs({"regression": REGRESS, "predict": {"kind": "predict", "outputs": {"p": "score"}}}, None)
    assert plan_of(outputs, None, ["serve_raw"]) == {
        "keep": ["serve_raw"],
        "signatures": {
            "regression": {**REGRESS, "of": BASE},
            "predict": {
                "kind": "alias",
                "of": BASE,
                "outputs": {"p": "score"},
                "method_name": "tensorflow/serving/predict",
            },
            "serving_default": {"kind": "alias", "of": BASE},
        },
    }
    assert plan_of(outputs, "regression", [])["signatures"]["serving_default"] == {"kind": "alias", "of": "regression"}


def test_text_and_files_are_read_alike(tmp_path: Path) -> None:
    text = '{"regression": {"kind": "regress", "value": "score"}}'
    (tmp_path / "outputs.json").write_text(text, encoding="utf-8")
    wanted = {"regression": REGRESS}
    assert read_outputs(text, None) == read_outputs(tmp_path / "outputs.json", "regression") == wanted
    spec = '{"age": {"dtype": "float32", "shape": [1]}}'
    assert read_feature_spec(spec) == {"age": {"dtype": "float32", "shape": [1]}}


@pytest.mark.parametrize(
    ("outputs", "default", "said"),
    [
        ("{", None, "cannot be read"),
        ([], None, "JSON object"),
        ({"a": {"kind": "guess"}}, None, "outputs.a.kind"),
        ({"a": {**REGRESS, "scores": "x"}}, None, "'scores'"),
        ({"a": REGRESS}, "b", "'b'"),
        ({"a": REGRESS, "serving_default": REGRESS}, "a", "one of them"),
        (None, "a", "no outputs to choose from"),
    ],
    ids=str,
)
def test_mistakes_are_told_with_their_place(outputs: Any, default: str | None, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_outputs(outputs, default)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("feature", "said"),
    [
        ({"dtype": "float64"}, "dtype 'float64'"),
        ({"dtype": "int64", "shape": [-1]}, "shape [-1]"),
        ({"dtype": "int64", "shape": None, "default": 0}, "a default for any number"),
        ({"dtype": "int64", "form": 1}, "'form'"),
        (3, "found: 3"),
        ({"dtype": "float32", "default": "x"}, "the default 'x'"),
        ({"dtype": "int64", "default": 1.5}, "the default 1.5"),
        ({"dtype": "int64", "default": 2**63}, "the default 9223372036854775808"),
        ({"dtype": "float32", "default": True}, "the default True"),
        ({"dtype": "string", "default": b"\xff"}, "UTF-8"),
        ({"dtype": "int64", "shape": [], "default": [1, 2]}, "a default of 2 values"),
        ({"dtype": "int64", "shape": [3], "default": [1, 2]}, "a default of 2 values"),
    ],
    ids=str,
)
def test_a_feature_spec_names_the_feature_that_is_wrong(feature: Any, said: str) -> None:
    with pytest.raises(SchemaError) as caught:
        read_feature_spec({"fine": {"dtype": "string"}, "age": feature})
    assert said in str(caught.value) and "feature 'age'" in caught.value.where


@pytest.mark.parametrize(
    ("feature", "default"),
    [
        ({"dtype": "float32", "default": np.float32(0.5)}, 0.5),
        ({"dtype": "float32", "shape": [2], "default": 1}, [1, 1]),
        ({"dtype": "float32", "shape": [2, 1], "default": np.ones((2, 1), np.float32)}, [1.0, 1.0]),
        ({"dtype": "string", "shape": [1], "default": b"x"}, ["x"]),
        ({"dtype": "int64", "shape": [2], "default": [np.int64(1), 2]}, [1, 2]),
        ({"dtype": "string", "default": ""}, ""),
    ],
    ids=str,
)
def test_defaults_become_json_of_the_shapes_size(feature: Any, default: Any) -> None:
    (made,) = read_feature_spec({"age": feature}).values()
    assert made["default"] == default
    assert json.loads(json.dumps(made)) == made


def test_a_receiver_of_the_authors_own_needs_the_module_file() -> None:
    assert check_receiver("module:make", has_module=True) == "module:make"
    with pytest.raises(UsageError, match="no module file"):
        check_receiver("module:make", has_module=False)
    with pytest.raises(UsageError, match="no such receiver"):
        check_receiver("module:", has_module=True)
