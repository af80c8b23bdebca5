"""What is written down in several places says the same: configs.py, the data, the plan and the policy."""

from __future__ import annotations

import csv
import json

import pytest

import configs

PLAN = json.loads(configs.PLAN.read_text(encoding="utf-8"))
POLICY = json.loads(configs.POLICY.read_text(encoding="utf-8"))
FEATURES = [*configs.NUMBERS, *configs.DATES, *configs.CATEGORIES]


def test_no_column_is_named_twice() -> None:
    named = [configs.LABEL, *FEATURES]
    assert sorted(set(named)) == sorted(named)


@pytest.mark.parametrize("path", sorted(configs.DATA.glob("*.csv")), ids=lambda path: path.name)
def test_data_has_every_column(path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        assert {configs.LABEL, *FEATURES} <= set(rows.fieldnames or ())
        labels = {row[configs.LABEL] for row in rows}
    if configs.CLASSES:
        assert labels <= set(configs.CLASSES)
    else:
        assert all(float(label) == float(label) for label in labels)


def test_there_is_data() -> None:
    assert list(configs.DATA.glob("*.csv"))


def test_plan_takes_no_label_and_names_the_classes_in_order() -> None:
    assert configs.LABEL in PLAN["exclude_features"]
    assert not set(PLAN["exclude_features"]) & set(FEATURES)
    for signature in PLAN["signatures"].values():
        if signature["kind"] == "classify" and "labels" in signature.get("classes", {}):
            assert signature["classes"]["labels"] == list(configs.CLASSES)


def test_policy_requires_only_what_the_plan_makes() -> None:
    for parameters in POLICY["parameters"].values():
        assert set(parameters.get("required", ())) <= set(PLAN["signatures"])
