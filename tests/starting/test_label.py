"""Classification or regression, told by the values of the label, with the reason."""

from __future__ import annotations

import pytest

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.starting.label import Label, look_at_label

pytestmark = pytest.mark.unit


def label(*cells: str, task: str | None = None) -> Label:
    return look_at_label("y", "y", cells, task=task)


@pytest.mark.parametrize(
    ("cells", "task", "classes", "reason"),
    [
        (["b", "a"] * 20, "classification", ("a", "b"), "its 2 values are strings"),
        (["0", "1"] * 20, "classification", ("0", "1"), "it has two values"),
        (["1.0", "0.0"] * 20, "classification", ("0", "1"), "it has two values"),
        (["3", "10", "5"] * 20, "classification", ("3", "5", "10"), "3 different whole numbers"),
        (["True", "False"] * 20, "classification", ("False", "True"), "strings"),
        (["1", "x"] * 20, "classification", ("1", "x"), "strings"),
        (["1.5", "2"] * 20, "regression", (), "fractions"),
        ([str(number) for number in range(40)], "regression", (), "40 different whole numbers"),
        (["1", "2", "3", "4"], "regression", (), "few of them occur often"),
    ],
)
def test_task_is_told_by_the_values(cells: list[str], task: str, classes: tuple[str, ...], reason: str) -> None:
    found = label(*cells)
    assert (found.task, found.classes) == (task, classes)
    assert reason in found.reason
    assert set(found.cells) == set(classes) if classes else all(float(cell) or True for cell in found.cells)


@pytest.mark.parametrize("nan", ["nan", "-nan", "Nan", "+NaN"])
def test_nan_is_missing_however_it_is_spelt(nan: str) -> None:
    assert label("1.5", nan, "2").cells == ("1.5", "", "2.0")
    assert label(*["1", "0"] * 20, nan).classes == ("0", "1")


def test_somebody_may_know_better() -> None:
    found = label(*["3", "10", "5"] * 20, task="regression")
    assert (found.task, found.cells[:2]) == ("regression", ("3.0", "10.0"))
    assert "you said so; by its values it would be a classification" in found.reason
    assert label(*map(str, range(30)), task="classification").classes == tuple(map(str, range(30)))


@pytest.mark.parametrize(
    ("cells", "task", "said"),
    [
        (["a"] * 40, None, "'a' in every row"),
        (["", "NA"] * 20, None, "no value at all"),
        ([f"name {number}" for number in range(300)], None, "300 different values"),
        (["a", "b"] * 20, "regression", "a label that is no number"),
        (["1.5", "2.5"] * 20, "classification", "--task regression"),
        ([str(number) for number in range(300)], "classification", "--task regression"),
        (["1", "inf"] * 20, "regression", "'inf'"),
        (["1", "inf"] * 20, None, "finite numbers"),
        (["1", "inf"] * 20, "classification", "finite numbers"),
        (["01", "1", "2"] * 20, None, "put a letter before them: c01, c1"),
        (["1.0", "1", "2"] * 20, "classification", "'1.0' and '1'"),
        ([f"${n}.50" for n in range(40)], None, "write 0.50 for '$0.50'; where they are the names of classes"),
        (["1,234", "999"] * 20, "regression", "write 1234 for '1,234'"),
        ([*(f"{n}.5" for n in range(40)), "-"], None, "found: 1 × '-'"),
        ([*map(str, range(190)), "?!"], "regression", "leave those cells empty"),
        ([f"name {number}" for number in range(30)], None, "30 different values in 30 rows"),
        ([f"name {number}" for number in range(30)], "classification", "name another --label"),
    ],
)
def test_labels_that_say_nothing_are_refused(cells: list[str], task: str | None, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        label(*cells, task=task)
    assert said in str(caught.value)
    assert "'y'" in caught.value.where


def test_classes_that_are_called_otherwise_are_said() -> None:
    assert label(*["1.0", "0.0"] * 20).changes == ("classes are named as whole numbers: 1.0 is 1, 0.0 is 0",)
    assert label(*["01", "02"] * 20).changes == ("classes are named as whole numbers: 01 is 1, 02 is 2",)
    assert label(*["1", "0"] * 20).changes == ()
    assert label(*["01", "1", "2"] * 20, task="regression").changes == ()


def test_texts_that_look_like_numbers_may_be_classes() -> None:
    assert label(*["$10", "$20"] * 20, task="classification").classes == ("$10", "$20")
    assert label(*["1", "2", "3"] * 20, "x", "x").classes == ("1", "2", "3", "x")


def test_rare_classes_are_said() -> None:
    assert "c (2)" in label(*["a", "b"] * 20, "c", "c").notes[0]


def test_rarest_class_is_said_first() -> None:
    (note,) = label(*["a", "b"] * 20, *"ccc", *"ddddd", "e", *"ff").notes
    assert note.endswith(": e (1), f (2), c (3), d (5)")
