"""Arguments are named by the function, or by name= of their TensorSpec ("tf.saved_model.save", TensorFlow 2.4)."""

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


def spec(name: str | None = None) -> Any:
    return tf.TensorSpec([None], tf.float32, name=name)


class Named(tf.Module):
    @tf.function(input_signature=[spec(), spec()])
    def by_arguments(self, left: Any, right: Any) -> Any:
        return left - right

    @tf.function(input_signature=[spec("minuend"), spec("subtrahend")])
    def by_specs(self, left: Any, right: Any) -> Any:
        return left - right

    @tf.function(input_signature=[[spec("minuend"), spec("subtrahend")]])
    def in_one_argument(self, pair: Any) -> Any:
        return pair[0] - pair[1]

    @tf.function(input_signature=[{"second": spec("subtrahend"), "first": spec("minuend")}])
    def in_a_dictionary(self, pair: Any) -> Any:
        return pair["first"] - pair["second"]

    @tf.function(input_signature=[[spec("same"), spec("same")]])
    def twice_the_same(self, pair: Any) -> Any:
        return pair[0] - pair[1]

    @tf.function(input_signature=[[spec(), spec()]])
    def without_names(self, pair: Any) -> Any:
        return pair[0] - pair[1]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    paths = ["by_arguments", "by_specs", "in_one_argument", "in_a_dictionary"]
    destination = tmp_path_factory.mktemp("names") / "out"
    export(Named(), destination, plan={path: {"kind": "function", "path": path} for path in paths})
    return destination


@pytest.mark.parametrize(
    ("path", "left", "right"),
    [
        ("by_arguments", "left", "right"),
        ("by_specs", "minuend", "subtrahend"),
        ("in_one_argument", "minuend", "subtrahend"),
        ("in_a_dictionary", "minuend", "subtrahend"),
    ],
)
def test_the_names_are_those_of_the_document(exported: Path, path: str, left: str, right: str) -> None:
    found = answers(exported, path, {left: np.float32([5, 1]), right: np.float32([3, 4])})
    same(found, {"output_0": np.float32([2, -3])})


@pytest.mark.parametrize(
    ("path", "names"), [("twice_the_same", ["same", "same_1"]), ("without_names", ["pair", "pair_1"])]
)
def test_names_that_are_not_given_are_those_of_tensorflow(tmp_path: Path, path: str, names: list[str]) -> None:
    """Naming was required in TensorFlow 2.4; later versions number the tensors of an argument, in their order."""
    model = Named()
    export(model, tmp_path / "out", plan={DEFAULT: {"kind": "function", "path": path}})
    tf.saved_model.save(model, str(tmp_path / "saved"), signatures=getattr(model, path))
    inputs = dict(zip(names, np.float32([[5, 1], [3, 4]]), strict=True))
    found = answers(tmp_path / "out", DEFAULT, inputs)
    same(found, {"output_0": np.float32([2, -3])})
    same(found, answers(tmp_path / "saved", DEFAULT, inputs))


def test_arguments_without_a_signature_are_named_in_the_plan(tmp_path: Path) -> None:
    class Free(tf.Module):
        @tf.function
        def minus(self, left: Any, right: Any) -> Any:
            return left - right

    number = {"dtype": "float32", "shape": [None]}
    part = {"kind": "function", "path": "minus", "inputs": {"left": number, "right": number}}
    again = {"kind": "alias", "of": "minus", "inputs": {"inp": "left", "by": "right"}}
    export(Free(), tmp_path / "out", plan={"minus": part, DEFAULT: again})
    wanted = {"output_0": np.float32([2])}
    same(answers(tmp_path / "out", "minus", {"left": np.float32([5]), "right": np.float32([3])}), wanted)
    same(answers(tmp_path / "out", DEFAULT, {"inp": np.float32([5]), "by": np.float32([3])}), wanted)
    wrong = {**part, "inputs": {"inp": number, "right": number}}
    with pytest.raises(PlanError, match="no argument inp; it has left, right"):
        export(Free(), tmp_path / "no", plan={DEFAULT: wrong})
