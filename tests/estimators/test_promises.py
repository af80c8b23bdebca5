"""Signatures that are not those of receiver and model are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tfx_savedmodel.errors import ConversionError
from tfx_savedmodel.estimators.keras_model import ModelInput
from tfx_savedmodel.estimators.promises import check_promises, inputs_of, inputs_of_own
from tfx_savedmodel.estimators.receivers import Received
from tfx_savedmodel.saved_model.view import SignatureView, TensorSpec

pytestmark = pytest.mark.unit

FLOAT: Any = SimpleNamespace(name="float32")
AGE = [ModelInput("age", FLOAT, (1,))]


def signature(key: str, inputs: dict[str, str], *outputs: str) -> SignatureView:
    sides = ({name: TensorSpec(f"{name}:0", dtype, (None, 1)) for name, dtype in inputs.items()},)
    return SignatureView(
        key, "tensorflow/serving/predict", *sides, {name: TensorSpec("o:0", "", ()) for name in outputs}
    )


PARSING = signature("serving_default", {"examples": "string"}, "score")
RAW = signature("serve_raw", {"age": "float32"}, "score")


def test_what_was_promised_passes() -> None:
    written = {"serving_default": PARSING, "serve_raw": RAW}
    check_promises(written, inputs_of("both", AGE), ["score"], "model")
    tensor: Any = SimpleNamespace(dtype=FLOAT)
    own = inputs_of_own(Received({}, {"a": tensor}, {"x:y": {"b": tensor}}))
    assert own == {"serving_default": {"a": "float32"}, "serve_x:y": {"b": "float32"}}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([PARSING], "other signatures"),
        ([PARSING, RAW, signature("more", {}, "score")], "other signatures"),
        ([PARSING, signature("serve_raw", {"age": "float64"}, "score")], "age (float64)"),
        ([PARSING, signature("serve_raw", {"age": "float32"}, "input_wrapper_for_score")], "input_wrapper_for_score"),
    ],
    ids=["missing", "too many", "dtype", "output"],
)
def test_what_was_not_is_named(written: list[SignatureView], said: str) -> None:
    with pytest.raises(ConversionError) as caught:
        check_promises({each.key: each for each in written}, inputs_of("both", AGE), ["score"], "model")
    assert said in str(caught.value)
