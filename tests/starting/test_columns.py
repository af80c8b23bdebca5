"""What columns hold, told by their values, and the cells as CsvExampleGen is to read them."""

from __future__ import annotations

import pytest

from tfx_savedmodel.starting.columns import Column, Kind, look
from tfx_savedmodel.starting.dressed import undressed

pytestmark = pytest.mark.unit


def column(*cells: str, name: str = "c", comma_is_decimal: bool = False) -> Column:
    return look(name, name, cells, comma_is_decimal=comma_is_decimal)


@pytest.mark.parametrize(
    ("cells", "kind", "describe"),
    [
        (["1", "2", "2"], Kind.NUMBER, "number"),
        (["1.5", "2e3", "-7"], Kind.NUMBER, "number"),
        (["0", "1", "1"], Kind.NUMBER, "number"),
        (["a", "b", "a"], Kind.CATEGORY, "string, 2 values"),
        (["1", "a", "1"], Kind.CATEGORY, "string, 2 values"),
        (["True", "false", "True"], Kind.CATEGORY, "true or false"),
        (["Yes", "yes", "NO", "no"], Kind.CATEGORY, "string, 4 values"),
        (["yes", "no", "no"], Kind.CATEGORY, "true or false"),
        (["2020-01-31", "2020-02-01 12:00", "2020-01-31"], Kind.DATE, "date"),
        (["2020/01/31", "2020/02/01 12:00", "2020.12.31"], Kind.DATE, "date"),
    ],
)
def test_kinds(cells: list[str], kind: Kind, describe: str) -> None:
    found = column(*cells)
    assert (found.kind, found.describe) == (kind, describe)


@pytest.mark.parametrize("values", [["x", "y", "z"], ["1", "2", "3.5"], ["2020-01-31", "2020-02-01", "2020-01-31"]])
@pytest.mark.parametrize(("empty", "said"), [(26, ""), (27, "90 % empty (27 of 30)"), (1790, "99 % empty (1,790 of ")])
def test_columns_that_are_almost_empty_are_said(values: list[str], empty: int, said: str) -> None:
    note = column(*values, *[""] * (empty - 1), "NA").note
    assert note.startswith(said) and bool(note) == bool(said)


def test_what_is_almost_empty_and_looks_like_numbers_is_said_both() -> None:
    note = column("1", "2", "-", *[""] * 97).note
    assert note.startswith("97 % empty (97 of 100)") and "; kept as strings, but most of its values are numbers" in note


def test_large_numbers_are_written_with_separators() -> None:
    cells = [f"word {number}" for number in range(1200)] * 5
    found = column(*cells, *["NA"] * 1001)
    assert found.describe == "string, 1,200 values, a place each for the 50 most frequent"
    assert found.changes == ("1,001 × NA taken for missing",)
    assert "1,002 × '-'" in column(*["-"] * 1002, *["1", "2"] * 600).note
    assert column("1.5", "2.5", *["inf"] * 1003).changes == ("1,003 infinite values taken for missing",)


@pytest.mark.parametrize(
    ("name", "cells", "why"),
    [
        ("c", ["", "NA", ""], "it is empty"),
        ("c", ["x", "x", ""], "it is constant: 'x'"),
        ("c", [f"name {number}" for number in range(40)], "it looks like an identifier: 40 values in 40 rows"),
        ("c", [f"a long and winding comment, number {n}, of somebody" for n in range(40)], "it looks like free text"),
        ("c", ["y" * 300] * 3, f"it is constant: '{'y' * 39}…'"),
        ("c", [str(number) for number in range(1, 40)], "it numbers the rows"),
        ("Row No", [str(number) for number in range(7, 40)], "it numbers the rows"),
        ("", [str(number) for number in range(7, 40)], "it numbers the rows"),
        ("c", [f"${n * 17}.50" for n in range(40)], "write 0.50 for '$0.50'"),
        ("c", ["12", "1,234", "999"], "write 1234 for '1,234'"),
        ("c", ["45%", "7 %", "50"], "write 45 for '45%'"),
        ("c", ["1.234,56", "7,5"], "write 1234.56 for '1.234,56'"),
        ("c", ["3,5", "4,5", "3,5"], "write 3.5 for '3,5'"),
        ("c", [*map(str, range(3, 100)), "-", "-", "none"], "but not 2 × '-', 1 × 'none': leave those cells empty"),
        ("user_id", [str(number**2 + 5) for number in range(40)], "it looks like an identifier"),
        ("userId", [str(number**2 + 5) for number in range(40)], "it looks like an identifier"),
        ("c", ["2020-1-5", "2020-11-05"], "dates that are not written YYYY-MM-DD"),
        ("c", ["01/02/2020", "31/12/2020"], "dates that are not written YYYY-MM-DD"),
        ("c", ["Jan 1 2000", "September 30th, 2001"], "dates that are not written YYYY-MM-DD"),
        ("c", ["1 Jan 2000", "30. Sept. 01", "3-Oct-1999"], "dates that are not written YYYY-MM-DD"),
    ],
)
def test_what_no_model_can_use_is_left_out_and_said(name: str, cells: list[str], why: str) -> None:
    found = column(*cells, name=name)
    assert found.kind is Kind.LEFT_OUT
    assert why in found.why


def test_numbers_that_happen_to_differ_are_kept() -> None:
    assert column(*[str(number**2) for number in range(40)], name="width").kind is Kind.NUMBER
    assert column(*[str(year) for year in range(1900, 1960)], name="year").kind is Kind.NUMBER
    assert column(*[str(number / 7) for number in range(40)], name="id").kind is Kind.NUMBER


def test_many_values_that_recur_are_kept() -> None:
    found = column(*[f"town {number % 60}" for number in range(600)])
    assert (found.kind, found.values) == (Kind.CATEGORY, 60)
    assert found.describe == "string, 60 values, a place each for the 50 most frequent"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1", "2", "3", "4", "-"] * 20, "numbers, not 20 × '-': to have numbers, leave those cells empty"),
        (["0", "0", "1", "2", "3+", "none"] * 9, "not 9 × '3+', 9 × 'none': to have numbers"),
        (["1", "a"] * 20, ""),
        (["a", "b", "c"] * 20, ""),
        ([*"1234567890" * 9, *"abcdef"], ""),
        (["1", "2", "3", "NA"] * 9, ""),
    ],
)
def test_strings_that_are_mostly_numbers_are_said(cells: list[str], said: str) -> None:
    note = column(*cells).note
    assert said in note and bool(said) == bool(note)


@pytest.mark.parametrize(
    ("cells", "wanted", "said"),
    [
        (["1", "+2", "1_0"], ["1", "2", "10"], ["1_0 was read as the number 10"]),
        (["01234", "99", "7"], ["1234", "99", "7"], ["01234 was read as the number 1234; if these are names"]),
        (["0", "0.5", "-0.25"], ["0.0", "0.5", "-0.25"], []),
        (["1", "NA", "3"], ["1.0", "", "3.0"], ["1 × NA taken for missing", "integers became floats"]),
        (["1.5", "inf", "2"], ["1.5", "", "2.0"], ["1 infinite value taken for missing"]),
        (["1.5", "inf", "-inf"], ["1.5", "", ""], ["2 infinite values taken for missing"]),
        (["1.5", "-nan", "+NaN", "2", "Nan"], ["1.5", "", "", "2.0", ""], ["-nan taken", "+NaN taken", "Nan taken"]),
        (["1", str(2**64), "2"], ["1.0", repr(float(2**64)), "2.0"], ["too large for 64 bits"]),
        (["a\nb", "N/A", "c"], ["a b", "", "c"], ["1 × N/A taken for missing", "line breaks became blanks"]),
        (["None", "-", "b"], ["None", "-", "b"], []),
    ],
)
def test_cells_are_written_so_that_one_type_is_read(cells: list[str], wanted: list[str], said: list[str]) -> None:
    found = column(*cells)
    assert list(found.cells) == wanted
    assert len(found.changes) == len(said)
    assert all(any(text in change for change in found.changes) for text in said)


def test_decimal_commas_where_the_separator_is_another() -> None:
    assert column("3,5", "4", "-0,25", comma_is_decimal=True).cells == ("3.5", "4.0", "-0.25")
    assert column("3,5", "x", "4,5", comma_is_decimal=True).kind is Kind.CATEGORY


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("$12.34", "12.34"),
        ("-$1,234.50", "-1234.50"),
        ("1.234.567 €", "1234567"),
        ("1,234,567", "1234567"),
        ("+0,25%", "+0.25"),
        ("1,23,456", None),
        ("a", None),
        ("--1", None),
        ("12 45", None),
        ("", None),
    ],
)
def test_numbers_in_dress(cell: str, number: str | None) -> None:
    assert undressed(cell) == number


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["inf", "-inf"] * 5, "it is empty"),
        (["inf", "5"] * 5, "it is constant: 5"),
        (["1.0", "1"] * 5, "it is constant: 1"),
        (["20200131", "20200201", "20191231"] * 5, "dates that are not written YYYY-MM-DD"),
    ],
)
def test_numbers_that_say_nothing_are_left_out(cells: list[str], says: str) -> None:
    found = column(*cells)
    assert found.kind is Kind.LEFT_OUT and says in found.why
    assert column("20200131", "20201301", "20191231").kind is Kind.NUMBER
