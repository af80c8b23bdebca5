"""What TensorFlow cannot track is refused: TensorFlow's ValueError, told apart ("tf.saved_model.save", TF 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import TfxSavedModelError
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf


class Plain:
    """A class as any other."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def double(self, x: Any) -> Any:
        return {"double": x * 2}


def double(x: Any) -> Any:
    return x * 2


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (Plain(), "Plain"),
        (double, "builtins.function"),
        (None, "NoneType"),
        ({"model": Plain()}, "builtins.dict"),
        (3.0, "builtins.float"),
    ],
    ids=["object", "function", "None", "dictionary", "number"],
)
@pytest.mark.parametrize("kind", ["function", "model"])
def test_it_is_named_with_what_would_do(tmp_path: Path, value: Any, found: str, kind: str) -> None:
    with pytest.raises(TfxSavedModelError, match="TensorFlow cannot save this object") as caught:
        export(value, tmp_path / "out", plan={DEFAULT: {"kind": kind}})
    assert found in str(caught.value)
    assert "make its class a tf.Module" in str(caught.value)
    with pytest.raises(ValueError, match="Trackable"):
        tf.saved_model.save(value, str(tmp_path / "saved"))
    assert not (tmp_path / "out").exists()


def test_its_function_as_an_attribute_of_a_module_is_exported(tmp_path: Path) -> None:
    model = tf.Module()
    model.double = Plain().double
    export(model, tmp_path / "out", plan={DEFAULT: {"kind": "function", "path": "double"}})
    same(answers(tmp_path / "out", DEFAULT, {"x": np.float32([2])}), {"double": np.float32([4])})
