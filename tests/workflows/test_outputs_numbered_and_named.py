"""Lists are numbered outputs, dictionaries named ones, anything else is refused ("tf.saved_model.save", TF 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import PlanError
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

SPEC = [tf.TensorSpec([None], tf.float32, name="x")]
X = np.float32([1, 2])


class Outputs(tf.Module):
    @tf.function(input_signature=SPEC)
    def one(self, x: Any) -> Any:
        return x + 1

    @tf.function(input_signature=SPEC)
    def several(self, x: Any) -> Any:
        return [x + number for number in range(12)]

    @tf.function(input_signature=SPEC)
    def pair(self, x: Any) -> Any:
        return x, tf.as_string(tf.cast(x, tf.int64))

    @tf.function(input_signature=SPEC)
    def named(self, x: Any) -> Any:
        return {"next": x + 1, "before": x - 1, "10": x + 10}

    @tf.function(input_signature=SPEC)
    def nested(self, x: Any) -> Any:
        return {"inner": {"next": x + 1, "before": x - 1}}

    @tf.function(input_signature=SPEC)
    def nothing(self, x: Any) -> None:
        tf.debugging.assert_positive(x)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    destination = tmp_path_factory.mktemp("outputs") / "out"
    plan = {path: {"kind": "function", "path": path} for path in ("one", "several", "pair", "named")}
    plan["renamed"] = {"kind": "function", "path": "several", "outputs": {"second": "output_1", "last": "output_11"}}
    export(Outputs(), destination, plan=plan)
    return destination


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("one", {"output_0": X + 1}),
        ("several", {f"output_{number}": X + number for number in range(12)}),  # output_10 is no second output_1
        ("pair", {"output_0": X, "output_1": np.array([b"1", b"2"])}),
        ("named", {"next": X + 1, "before": X - 1, "10": X + 10}),
        ("renamed", {"second": X + 1, "last": X + 11}),
    ],
)
def test_outputs_have_numbers_or_their_keys(exported: Path, key: str, wanted: Any) -> None:
    same(answers(exported, key, {"x": X}), wanted)


@pytest.mark.parametrize(
    ("path", "words"), [("nested", "nested dictionary"), ("nothing", "does not return dense tensors")]
)
def test_what_is_neither_flat_nor_a_dictionary(tmp_path: Path, path: str, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        export(Outputs(), tmp_path / "out", plan={DEFAULT: {"kind": "function", "path": path}})
    assert list(tmp_path.iterdir()) == []
