"""`.signatures` is what loading gives, and no attribute of one's own ("tf.saved_model.save", TensorFlow 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import keras
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

DOUBLE = {DEFAULT: {"kind": "function", "path": "double"}}


class Doubler(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def double(self, x: Any) -> Any:
        return {"double": x * 2}


def test_an_attribute_of_that_name_is_refused(tmp_path: Path) -> None:
    model = Doubler()
    model.signatures = tf.Module()
    with pytest.raises(UnsupportedModelError, match="the object has an attribute 'signatures'") as caught:
        export(model, tmp_path / "out", plan=DOUBLE)
    assert "rename the attribute" in str(caught.value)
    with pytest.raises(ValueError, match="signatures"):
        tf.saved_model.save(model, str(tmp_path / "saved"), signatures=model.double)
    assert not (tmp_path / "out").exists()


def test_a_keras_model_with_one_is_refused(tmp_path: Path) -> None:
    model = keras().Sequential([keras().Input((1,), name="x"), keras().layers.Dense(1)])
    model.signatures = tf.Module()
    with pytest.raises(UnsupportedModelError, match="an attribute 'signatures'"):
        export(model, tmp_path / "out", plan={DEFAULT: {"kind": "model"}})
    assert list(tmp_path.iterdir()) == []


def test_below_the_object_it_is_a_name_as_any_other(tmp_path: Path) -> None:
    model = tf.Module()
    model.inner = Doubler()
    model.inner.signatures = tf.Variable(1.0)
    export(model, tmp_path / "out", plan={DEFAULT: {"kind": "function"}})
    same(answers(tmp_path / "out", DEFAULT, {"x": np.float32([2])}), {"double": np.float32([4])})


def test_what_loading_gives_is_replaced_by_a_further_export(tmp_path: Path) -> None:
    model = Doubler()
    export(model, tmp_path / "first", plan=DOUBLE)
    loaded = tf.saved_model.load(str(tmp_path / "first"))
    assert list(loaded.signatures) == [DEFAULT]
    export(loaded, tmp_path / "second", plan={"again": {"kind": "function", "path": "double"}})
    assert list(tf.saved_model.load(str(tmp_path / "second")).signatures) == ["again"]
    same(answers(tmp_path / "second", "again", {"x": np.float32([2])}), {"double": np.float32([4])})
