"""What becomes of a feature at an input of another dtype or shape."""

from __future__ import annotations

import pytest

from tfx_savedmodel.signatures.fitting import Sizes, castable, same_sizes, takes_one_value

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("found", "wanted", "fits"),
    [
        ("float32", "float64", True),
        ("float32", "bfloat16", True),
        ("int64", "float32", True),
        ("int64", "bool", True),
        ("string", "string", True),
        ("float32", "int64", False),
        ("bfloat16", "bool", False),
        ("string", "float32", False),
        ("int64", "string", False),
    ],
)
def test_numbers_are_cast_but_never_cut_off(found: str, wanted: str, fits: bool) -> None:
    assert castable(found, wanted) is fits


@pytest.mark.parametrize(
    ("found", "wanted", "fits"),
    [
        ((), (1,), True),
        ((1,), (), True),
        ((3,), (3, 1), True),
        ((None,), (3,), True),
        ((3,), (None,), True),
        ((3,), (1,), False),
        ((3,), (), False),
        ((None,), (), False),
        ((2, 3), (3, 2), False),
    ],
)
def test_sizes_of_one_come_and_go(found: Sizes, wanted: Sizes, fits: bool) -> None:
    assert same_sizes(found, wanted) is fits


def test_inputs_that_take_one_value() -> None:
    assert [takes_one_value(sizes) for sizes in ((), (1,), (1, 1))] == [True, True, True]
    assert [takes_one_value(sizes) for sizes in ((3,), (None,), (1, None))] == [False, False, False]
