"""What a pipeline and its columns may be called."""

from __future__ import annotations

import re

import pytest

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.saved_model.argument_names import is_argument_name
from tfx_savedmodel.starting.names import check_name, column_names

pytestmark = pytest.mark.unit

#: As TFX's compiler for Kubeflow Pipelines v2 has it.
KUBEFLOW = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")


@pytest.mark.parametrize("name", ["penguin", "a", "fraud-2", "x" * 63])
def test_good_names_are_taken(name: str) -> None:
    assert KUBEFLOW.fullmatch(name)
    check_name(name)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("My_Pipeline", "my-pipeline"),
        ("2fast", "fast"),
        ("ends-", "ends"),
        ("größe", "grosse"),
        ("a b/../c", "a-b-c"),
        ("x" * 64, "x" * 63),
        ("a\n", "a"),
    ],
)
def test_bad_names_are_refused_with_one_that_can_be_had(name: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_name(name)
    assert caught.value.found == repr(name)
    assert caught.value.next_step == f"call it {near}"
    check_name(near)


@pytest.mark.parametrize("name", ["", "42", "日本"])
def test_names_without_any_letter_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name for a pipeline"):
        check_name(name)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (["a", "b_1", "Price"], ["a", "b_1", "Price"]),
        (["bill length (mm)", "Größe", "prix €"], ["bill_length_mm", "Grosse", "prix"]),
        (["a", "a", "A"], ["a", "a_2", "A_3"]),
        (["a b", "a_b", "a-b"], ["a_b_2", "a_b", "a_b_3"]),
        (["", "1st", "class", "self", "__x"], ["column_1", "x_1st", "x_class", "x_self", "x"]),
        (["日本", "x" * 70], ["column_1", "x" * 60]),
    ],
)
def test_columns_get_names_that_every_loader_gives_an_input(header: list[str], names: list[str]) -> None:
    found = column_names(header)
    assert found == names
    assert all(map(is_argument_name, found))
    assert len({name.lower() for name in found}) == len(header)
