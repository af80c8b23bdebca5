"""A whole file: rows without a label, too few, nothing to learn from; and the copy that the pipeline gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.starting import data_set
from tfx_savedmodel.starting.data_set import DataSet, look_at_data
from tfx_savedmodel.starting.reading import read_table
from tfx_savedmodel.starting.writing import columns_of_readme

pytestmark = pytest.mark.unit

HEADER = "Row;Size (m);Town;Price\n"


def look(tmp_path: Path, content: str, label: str = "Price") -> DataSet:
    path = tmp_path / "houses.csv"
    path.write_text(content, encoding="utf-8")
    return look_at_data(path, label)


def rows(count: int) -> str:
    return "".join(f'{number};{number % 7},5;"a; {"bc"[number % 2]}";{1000.5 + number}\n' for number in range(count))


def test_file_becomes_what_csv_example_gen_reads(tmp_path: Path) -> None:
    found = look(tmp_path, f"{HEADER}{rows(40)}40;;NA;7\n41;1,5;x;\n42;1,5;x;-nan\n")
    assert [(column.name, column.describe) for column in found.features] == [
        ("Size_m", "number"),
        ("Town", "string, 2 values"),
    ]
    assert [(column.name, column.why) for column in found.left_out] == [("Row", "it numbers the rows")]
    assert (found.rows, found.total, found.output) == (41, 43, "prediction")
    assert found.notes == ("2 rows without a label were left out",)
    assert found.changes == ("the separator ';' became a comma",)
    found.write(tmp_path / "copy.csv")
    lines = (tmp_path / "copy.csv").read_text().splitlines()
    assert lines[:2] == ["Price,Size_m,Town", "1000.5,0.5,a; b"]
    assert lines[-1] == "7.0,,"
    assert read_table(tmp_path / "copy.csv").total == 41


def test_sample_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_set, "read_table", lambda path: read_table(path, most_rows=50))
    found = look(tmp_path, HEADER + rows(80))
    (note,) = found.notes
    assert note.startswith("a random sample of 50 of its 80 rows was looked at and copied; to train on all of them ")
    assert "put the whole file into data/ in place of data/examples.csv, in the form of that copy: its header" in note


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (rows(60) + "99;1,5;x;\n" * 60, " rows of the sample without a label were left out"),
        (rows(90), ""),
    ],
)
def test_rows_without_a_label_are_counted_in_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, said: str
) -> None:
    monkeypatch.setattr(data_set, "read_table", lambda path: read_table(path, most_rows=80))
    found = look(tmp_path, HEADER + content)
    assert found.notes[1:] == ((f"{80 - found.rows}{said}",) if said else ())


@pytest.mark.parametrize(
    ("content", "label", "said"),
    [
        (HEADER + rows(40), "Prize", "found: Row, Size (m), Town, Price"),
        (HEADER + rows(29), "Price", "found: 29 with a value of 'Price'"),
        (HEADER, "Price", "found: 0 with a value of 'Price'"),
        ("a;a\n" + "1;2\n" * 40, "a", "several columns of that name"),
        ("a;b\n" + "1;2.5\n1;3.5\n" * 20, "b", "a: it is constant: '1'"),
        ("b\n" + "2.5\n3.5\n" * 20, "b", "the label alone"),
    ],
)
def test_files_that_make_no_pipeline_are_refused(tmp_path: Path, content: str, label: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        look(tmp_path, content, label)
    assert said in str(caught.value)


def test_readme_tells_rare_classes_and_what_was_changed_of_the_label(tmp_path: Path) -> None:
    content = "Größe;Typ\n" + "".join(f"{number},5;Big|{number % 2}\n" for number in range(40)) + "7,5;Rare\n"
    text = columns_of_readme(look(tmp_path, content, "Typ"))
    assert "The model predicts `Typ`: a classification" in text
    assert "Classes with fewer than 10 rows, too few to judge: Rare (1)." in text
    assert "`Big\\|0`" in text
    assert "| `Grosse` (`Größe` in the file) | number | 0 |" in text
    prices = "a;Preis €\n" + "".join(f"x{number % 3};{number},5\n" for number in range(40))
    assert "- `Preis €`: decimal commas became points" in columns_of_readme(look(tmp_path, prices, "Preis €"))


def test_readme_tells_apart_the_rows_left_out_and_the_form_that_later_data_has_to_have(tmp_path: Path) -> None:
    told, form = columns_of_readme(look(tmp_path, f"{HEADER}{rows(40)}41;1,5;x;\n")).split("Changed in the copy")
    assert "1 rows without" not in form
    assert told.splitlines()[0].endswith("One row without a label was left out.")
    assert "- `Size (m)` in the file -> `Size_m` here\n- the separator ';' became a comma\n" in form
    assert "\n- `Size (m)`: decimal commas became points" in form
    assert "`Row`" not in form
    assert "form of `data/examples.csv`: the same header in the same order, commas, every row with a label." in told


def test_readme_lists_names_that_were_changed_where_nothing_else_was(tmp_path: Path) -> None:
    content = "a b,c,class\n" + "".join(f"{n % 7},{n % 5},{n}.5\n" for n in range(40))
    form = columns_of_readme(look(tmp_path, content, "class")).split("Changed in the copy")[1]
    assert form.split("\n\n")[1] == "- `class` in the file -> `x_class` here\n- `a b` in the file -> `a_b` here"


def test_readme_of_a_file_that_is_as_it_should_be_tells_of_no_change(tmp_path: Path) -> None:
    content = "a,y\n" + "".join(f"{n % 7},{n}.5\n" for n in range(40))
    text = columns_of_readme(look(tmp_path, content, "y"))
    assert "Changed in the copy" not in text and "the same header in the same order" in text


def test_readme_tells_of_columns_that_are_almost_empty(tmp_path: Path) -> None:
    content = "a,b,y\n" + "".join(f"{'pq'[n % 2] if n < 3 else ''},{n % 7},{n}.5\n" for n in range(40))
    text = columns_of_readme(look(tmp_path, content, "y"))
    assert "Worth a look:\n\n- `a`: 92 % empty (37 of 40)" in text
    assert "- `b`" not in text


def test_readme_tells_of_strings_that_are_mostly_numbers(tmp_path: Path) -> None:
    content = "a;y\n" + "".join(f"{number % 8 or '-'};{number}.5\n" for number in range(40))
    text = columns_of_readme(look(tmp_path, content, "y"))
    assert "Worth a look:\n\n- `a`: kept as strings, but most of its values are numbers, not 5 × '-'" in text
