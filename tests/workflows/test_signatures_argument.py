"""The three kinds of `signatures` argument, each as a plan ("tf.saved_model.save", TensorFlow 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.reader import read_saved_model

pytestmark = pytest.mark.tf

#: The same three, made by a module file.
MODULE = """
import tensorflow as tf


def make_function(model):
    return model.add


def make_concrete(model):
    return model.free.get_concrete_function(x=tf.TensorSpec([None], tf.float32, name="x"))


def make_dictionary(model):
    return {"first": model.add, "second": make_concrete(model)}
"""
X = np.float32([1.5, -2])


class Adder(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.by = tf.Variable(10.0)
        self.fixed = tf.function(self.added).get_concrete_function(tf.TensorSpec([None], tf.float32, name="x"))

    @tf.function(input_signature=[tf.TensorSpec(shape=None, dtype=tf.float32)])
    def add(self, x: Any) -> Any:
        return x + x + 1.0

    @tf.function
    def free(self, x: Any) -> Any:
        return {"sum": x + self.by}

    def added(self, x: Any) -> Any:
        return {"sum": x + self.by}


@pytest.fixture(scope="module")
def adder() -> Adder:
    return Adder()


@pytest.fixture(scope="module")
def module_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("user") / "adders.py"
    file.write_text(MODULE, encoding="utf-8")
    return file


def assert_as_saved_by_tensorflow(model: Any, signatures: Any, exported: Path, tmp_path: Path) -> None:
    """Names, forms and numbers of every signature are those of tf.saved_model.save with this argument."""
    tf.saved_model.save(model, str(tmp_path / "saved"), signatures=signatures)
    found, wanted = ({}, {})
    for signatures_of, path in ((found, exported), (wanted, tmp_path / "saved")):
        (meta_graph,) = read_saved_model(path).meta_graphs
        for key, view in meta_graph.signatures.items():
            specs = {name: (spec.dtype, spec.shape) for name, spec in (view.inputs | view.outputs).items()}
            signatures_of[key] = (view.method_name, specs)
    assert found == wanted
    for key in wanted:
        same(answers(exported, key, {"x": X}), answers(tmp_path / "saved", key, {"x": X}))


@pytest.mark.parametrize(
    "part", [{"kind": "function", "path": "add"}, {"kind": "module", "function": "make_function"}], ids=str
)
def test_a_function_with_an_input_signature(adder: Adder, module_file: Path, tmp_path: Path, part: Any) -> None:
    export(adder, tmp_path / "out", plan={DEFAULT: part}, module_file=module_file)
    assert_as_saved_by_tensorflow(adder, adder.add, tmp_path / "out", tmp_path)
    same(answers(tmp_path / "out", DEFAULT, {"x": X}), {"output_0": X + X + 1})


@pytest.mark.parametrize(
    "part",
    [
        {"kind": "function", "path": "fixed"},
        {"kind": "function", "path": "free", "inputs": {"x": {"dtype": "float32", "shape": [None]}}},
        {"kind": "module", "function": "make_concrete"},
    ],
    ids=str,
)
def test_a_concrete_function(adder: Adder, module_file: Path, tmp_path: Path, part: Any) -> None:
    export(adder, tmp_path / "out", plan={DEFAULT: part}, module_file=module_file)
    assert_as_saved_by_tensorflow(adder, adder.fixed, tmp_path / "out", tmp_path)
    same(answers(tmp_path / "out", DEFAULT, {"x": X}), {"sum": X + 10})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"kind": "function", "path": "add"}, {"kind": "function", "path": "fixed"}),
        ({"kind": "module", "function": "make_dictionary"}, {"kind": "module", "function": "make_dictionary"}),
    ],
    ids=["functions", "module"],
)
def test_a_dictionary(adder: Adder, module_file: Path, tmp_path: Path, first: Any, second: Any) -> None:
    export(adder, tmp_path / "out", plan={"first": first, "second": second}, module_file=module_file)
    assert_as_saved_by_tensorflow(adder, {"first": adder.add, "second": adder.fixed}, tmp_path / "out", tmp_path)
