"""Comparing arrays that hold nothing."""

from __future__ import annotations

import pytest

from tfx_savedmodel.validation.comparing import Comparison, compare

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("shape", [(0,), (0, 3), (4, 0)])
def test_nothing_is_the_same_as_nothing(shape: tuple[int, ...]) -> None:
    import numpy as np

    nothing = np.zeros(shape, np.float32)
    compared = compare(nothing, nothing, rtol=0.0, atol=0.0, position=lambda row: {}, rows=shape[0])

    assert compared == Comparison(examples=shape[0])


def test_nothing_of_another_shape_is_told() -> None:
    import numpy as np

    compared = compare(np.zeros((0, 3)), np.zeros((0, 2)), rtol=0.0, atol=0.0, position=lambda row: {}, rows=0)

    assert compared.mismatch == "shape [0, 3] and [0, 2]"
