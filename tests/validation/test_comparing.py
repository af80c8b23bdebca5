"""Comparing outputs: the answers to an empty batch compare too."""

from __future__ import annotations

import numpy as np
import pytest

from tfx_savedmodel.validation.comparing import compare

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "object"])
@pytest.mark.parametrize("shape", [(0,), (0, 3), (0, 2, 2)])
def test_the_answers_to_an_empty_batch_are_alike(dtype: str, shape: tuple[int, ...]) -> None:
    empty = np.zeros(shape, dtype)
    comparison = compare(empty, empty, rtol=0.0, atol=0.0, position=lambda row: {"row": row}, rows=0)
    assert (comparison.examples, comparison.differing, comparison.mismatch) == (0, 0, "")
