"""Features that cannot become a model's inputs, with and without a Transform graph."""

from __future__ import annotations

import types
from typing import Any, cast

import pytest

from tfx_savedmodel.saved_model.view import Shape
from tfx_savedmodel.signatures.ingredients import Ingredients
from tfx_savedmodel.signatures.misfits import misfits

pytestmark = pytest.mark.tf


def judged(wanted: tuple[str, Shape], feature: Any, *, transformed: bool = False) -> list[tuple[str, str, str]]:
    model = cast(Any, types.SimpleNamespace(inputs={"x": wanted}, outputs={}))
    transform = cast(Any, types.SimpleNamespace(transformed_feature_spec=lambda: {"x": feature}))
    ingredients = Ingredients(model, transform if transformed else None, {"x": feature}, None)
    problems = misfits(ingredients, "signatures.key")
    assert all(problem.next_step for problem in problems)
    return [(problem.where, problem.found, problem.wanted) for problem in problems]


@pytest.mark.parametrize("transformed", [False, True], ids=["raw", "transformed"])
@pytest.mark.parametrize(
    ("dtype", "shape", "wanted", "fits"),
    [
        ("float32", [], ("float32", (None, 1)), True),
        ("float32", [1], ("float64", (None,)), True),
        ("int64", [3], ("float32", (None, None)), True),
        ("float32", [3], ("float32", None), True),
        ("float32", [1], ("int64", (None, 1)), False),
        ("string", [1], ("float32", (None, 1)), False),
        ("int64", [1], ("string", (None, 1)), False),
        ("float32", [3], ("float32", (None, 1)), False),
        ("float32", [], ("float32", ()), False),
    ],
)
def test_dense_features(dtype: str, shape: list[int], wanted: tuple[str, Shape], fits: bool, transformed: bool) -> None:
    import tensorflow as tf

    problems = judged(wanted, tf.io.FixedLenFeature(shape, tf.as_dtype(dtype)), transformed=transformed)
    assert (not problems) is fits
    if problems:
        where, found, asked = problems[0]
        assert where == "signatures.key"
        assert found.startswith(f"feature 'x', {dtype} [?")
        assert asked.startswith(f"input 'x', {wanted[0]} [")


@pytest.mark.parametrize(
    ("dtype", "wanted", "found"),
    [
        ("float32", ("float32", (None, 1)), ""),
        ("float32", ("float32", (None,)), ""),
        ("string", ("string", None), ""),
        ("float32", ("int64", (None, 1)), "float32 [?, 1]"),
        ("string", ("float32", (None, 1)), "string [?, 1]"),
        ("int64", ("int64", (None, 1)), "int64, of variable length"),
        ("int64", ("float32", (None, 1)), "int64, of variable length"),
        ("float32", ("float32", (None, 3)), "float32, of variable length"),
        ("string", ("string", (None, None)), "string, of variable length"),
    ],
)
def test_features_that_may_be_missing(dtype: str, wanted: tuple[str, Shape], found: str) -> None:
    import tensorflow as tf

    problems = judged(wanted, tf.io.VarLenFeature(tf.as_dtype(dtype)))
    assert [text for _, text, _ in problems] == ([f"feature 'x', {found}"] if found else [])


def test_what_a_transform_graph_gives_must_be_dense() -> None:
    import tensorflow as tf

    problems = judged(("float32", (None, 1)), tf.io.VarLenFeature(tf.float32), transformed=True)
    assert [found for _, found, _ in problems] == ["feature 'x', float32, a VarLenFeature: not dense"]
