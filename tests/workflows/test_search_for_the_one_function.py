"""Without `signatures` the only tf.function of the object is the default one ("tf.saved_model.save", TF 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import PlanError, TfxSavedModelError
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

SEARCH = {DEFAULT: {"kind": "function"}}


class Adder(tf.Module):
    """The document's first example."""

    @tf.function(input_signature=[tf.TensorSpec(shape=None, dtype=tf.float32)])
    def add(self, x: Any) -> Any:
        return x + x + 1.0


class Calculator(Adder):
    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
    def double(self, x: Any) -> Any:
        return x * 2.0


@pytest.mark.parametrize("kind", ["function", "model"])
def test_the_documents_adder(tmp_path: Path, kind: str) -> None:
    export(Adder(), tmp_path / "out", plan={DEFAULT: {"kind": kind}})
    x = np.float32([[1, 2], [3, 4]])
    same(answers(tmp_path / "out", DEFAULT, {"x": x}), {"output_0": x + x + 1})
    same(answers(tmp_path / "out", DEFAULT, {"x": np.float32(3)}), {"output_0": np.float32(7)})  # any shape
    tf.saved_model.save(Adder(), str(tmp_path / "saved"))
    same(answers(tmp_path / "saved", DEFAULT, {"x": x}), {"output_0": x + x + 1})


def test_it_is_found_below_the_object_and_in_a_saved_one(tmp_path: Path) -> None:
    holder = tf.Module()
    holder.parts = [Adder()]
    tf.saved_model.save(holder, str(tmp_path / "model"))
    x = np.float32([1, 2])
    for source, name in ((holder, "live"), (tmp_path / "model", "saved")):
        export(source, tmp_path / name, plan=SEARCH)
        same(answers(tmp_path / name, DEFAULT, {"x": x}), {"output_0": x + x + 1})


@pytest.mark.parametrize("kind", ["function", "model"])
def test_several_are_listed_and_none_is_said(tmp_path: Path, kind: str) -> None:
    plan = {DEFAULT: {"kind": kind}}
    with pytest.raises(TfxSavedModelError, match=r"it cannot be told which function") as caught:
        export(Calculator(), tmp_path / "out", plan=plan)
    assert "add, double" in str(caught.value)
    with pytest.raises(TfxSavedModelError, match=r"no tf\.function"):
        export(tf.Module(), tmp_path / "out", plan=plan)
    assert list(tmp_path.iterdir()) == []


def test_a_path_chooses_among_several(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="name one of them as path"):
        export(Calculator(), tmp_path / "out", plan=SEARCH)
    export(Calculator(), tmp_path / "out", plan={DEFAULT: {"kind": "function", "path": "double"}})
    same(answers(tmp_path / "out", DEFAULT, {"x": np.float32(4)}), {"output_0": np.float32(8)})
