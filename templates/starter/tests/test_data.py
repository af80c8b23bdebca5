"""What is said of CSV files that the pipeline cannot be run on, before it is."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import pytest

import configs
from runners import data

LABEL = configs.CLASSES[0] if configs.CLASSES else "1.5"
ROW = {name: "" for name in data.COLUMNS} | {configs.LABEL: LABEL}


def write(path: Path, names: list[str], *labels: str, **form: object) -> str:
    """Write a file with a row for each label, and return its path."""
    with path.open("w", newline="", encoding="utf-8-sig" if form else "utf-8") as file:
        writer = csv.writer(file, lineterminator="\n", **form)
        writer.writerow(names)
        writer.writerows([[({**ROW, configs.LABEL: label}).get(name, "x") for name in names] for label in labels])
    return str(path)


FORMS = [
    ({"delimiter": ";"}, "separated by ';'"),
    ({"delimiter": "\t"}, "separated by '\\t'"),
    ({"quoting": csv.QUOTE_ALL}, "in quotes, or behind a byte order mark"),
]


@pytest.mark.parametrize(("form", "said"), FORMS)
def test_other_forms_of_csv_are_found_and_converted(tmp_path: Path, form: dict, said: str) -> None:
    given = write(tmp_path / "it's given.csv", list(data.COLUMNS), LABEL, **form)
    (problem,) = data.problems([given], open)
    assert f"its names are {said}, and TFX reads plain ones between commas only" in problem
    assert "Rename" not in problem
    command = problem.splitlines()[1]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert data.problems([str(tmp_path / "commas.csv")], open) == []


@pytest.mark.parametrize(("form", "said"), FORMS)
def test_other_forms_with_other_names_are_converted_too(tmp_path: Path, form: dict, said: str) -> None:
    given = write(tmp_path / "given.csv", ["The label", *data.COLUMNS[1:]], **form)
    (problem,) = data.problems([given], open)
    assert f"its names are {said}" in problem
    assert f"Rename its columns as well: line 1 names no column {configs.LABEL!r}, which configs.py does" in problem
    subprocess.run(problem.splitlines()[1], shell=True, cwd=tmp_path, check=True)
    assert (tmp_path / "commas.csv").read_text() == ",".join(["The label", *data.COLUMNS[1:]]) + "\n"


@pytest.mark.parametrize("content", ["other\n1\n", ""])
def test_column_that_is_missing_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "short.csv").write_text(content)
    (problem,) = data.problems([str(tmp_path / "short.csv")], open)
    assert f"short.csv: line 1 names no column {configs.LABEL!r}" in problem
    assert data.problems([], open) == ["there is no file *.csv"]


NAMES = [*data.COLUMNS, "extra"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (NAMES[:-1], "missing 'extra'"),
        ([*NAMES, "more", "yet more"], "additional 'more', 'yet more'"),
        ([*NAMES[:-1], "Extra"], "missing 'extra'; additional 'Extra'"),
        (["extra", *NAMES[:-1]], f"another order: column 1 is 'extra', there {configs.LABEL!r}"),
        ([*NAMES, "extra"], "a name stands there more than once"),
    ],
)
def test_file_whose_columns_differ_from_those_of_most_is_named(tmp_path: Path, names: list[str], said: str) -> None:
    others = [write(tmp_path / f"{name}.csv", NAMES, LABEL) for name in "bc"]
    (problem,) = data.problems([write(tmp_path / "a.csv", names, LABEL), *others], open)
    assert f"a.csv: its columns are not those of {others[0]}: {said}. TFX wants" in problem
    assert data.problems(others, open) == []


def test_labels_that_are_missing_or_wrong_are_named_with_their_lines(tmp_path: Path) -> None:
    wrong = ["?"] * 4 + ["", "nan"]
    path = write(tmp_path / "a.csv", NAMES, LABEL, "", *wrong, LABEL)
    label = f"{path}: the label {configs.LABEL!r}"
    missing, other = data.problems([path], open)
    assert missing == f"{label} is missing in 2 rows (lines 3, 8): give it, or leave these rows out"
    kind = "is not among CLASSES of configs.py" if configs.CLASSES else "is no finite number"
    assert other.startswith(f"{label} {kind}: '?' in 4 rows (lines 4, 5, 6, …); 'nan' in line 9: mend it, or ")


def test_labels_of_a_bucket_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", NAMES, "")
    assert data.problems(["gs://bucket/a.csv"], lambda _: open(path)) == []
