"""What is written down in several places says the same: configs.py, the data, the plan and the policy."""

from __future__ import annotations

import csv
import json
import subprocess

import pytest

import configs
from runners import data

CSV_FILES = sorted(configs.DATA.glob("*.csv"))
PLAN = json.loads(configs.PLAN.read_text(encoding="utf-8"))
POLICY = json.loads(configs.POLICY.read_text(encoding="utf-8"))
FEATURES = [*configs.NUMBERS, *configs.DATES, *configs.CATEGORIES]


def test_no_column_is_named_twice() -> None:
    named = [configs.LABEL, *FEATURES]
    assert sorted(set(named)) == sorted(named)


def test_data_is_what_csv_example_gen_reads() -> None:
    assert data.problems(map(str, CSV_FILES), open) == []


@pytest.mark.parametrize("path", CSV_FILES, ids=lambda path: path.name)
def test_labels_are_what_is_predicted(path) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        labels = {row[configs.LABEL] for row in csv.DictReader(file)}
    if configs.CLASSES:
        assert labels <= set(configs.CLASSES)
    else:
        assert all(float(label) == float(label) for label in labels)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"delimiter": ";"}, "separated by ';'"),
        ({"delimiter": "\t"}, "separated by '\\t'"),
        ({"quoting": csv.QUOTE_ALL}, "in quotes, or behind a byte order mark"),
    ],
)
def test_other_forms_of_csv_are_found_and_converted(tmp_path, form: dict, said: str) -> None:
    given = tmp_path / "it's given.csv"
    with given.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, **form).writerow(data.COLUMNS)
    (problem,) = data.problems([str(given)], open)
    assert f"its names are {said}, and TFX reads plain ones between commas only" in problem
    command = problem.splitlines()[1]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert data.problems([str(tmp_path / "commas.csv")], open) == []


def test_column_that_is_missing_is_named(tmp_path) -> None:
    (tmp_path / "short.csv").write_text(f"{FEATURES[0]}\n1\n")
    (problem,) = data.problems([str(tmp_path / "short.csv")], open)
    assert f"line 1 names no column {configs.LABEL!r}" in problem
    assert data.problems([], open) == ["there is no file *.csv"]


def test_plan_takes_no_label_and_names_the_classes_in_order() -> None:
    assert configs.LABEL in PLAN["exclude_features"]
    assert not set(PLAN["exclude_features"]) & set(FEATURES)
    for signature in PLAN["signatures"].values():
        if signature["kind"] == "classify" and "labels" in signature.get("classes", {}):
            assert signature["classes"]["labels"] == list(configs.CLASSES)


def test_policy_requires_only_what_the_plan_makes() -> None:
    for parameters in POLICY["parameters"].values():
        assert set(parameters.get("required", ())) <= set(PLAN["signatures"])
