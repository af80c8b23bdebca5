"""What is written down in several places says the same: configs.py, the data, the plan and the policy."""

from __future__ import annotations

import json

import configs
from runners import data

PLAN = json.loads(configs.PLAN.read_text(encoding="utf-8"))
POLICY = json.loads(configs.POLICY.read_text(encoding="utf-8"))
FEATURES = [*configs.NUMBERS, *configs.DATES, *configs.CATEGORIES]


def test_no_column_is_named_twice() -> None:
    named = [configs.LABEL, *FEATURES]
    assert sorted(set(named)) == sorted(named)


def test_data_is_what_csv_example_gen_reads() -> None:
    assert data.problems(map(str, sorted(configs.DATA.glob("*.csv"))), open) == []


def test_plan_takes_no_label_and_names_the_classes_in_order() -> None:
    assert configs.LABEL in PLAN["exclude_features"]
    assert not set(PLAN["exclude_features"]) & set(FEATURES)
    for signature in PLAN["signatures"].values():
        if signature["kind"] == "classify" and "labels" in signature.get("classes", {}):
            assert signature["classes"]["labels"] == list(configs.CLASSES)


def test_policy_requires_only_what_the_plan_makes() -> None:
    for parameters in POLICY["parameters"].values():
        assert set(parameters.get("required", ())) <= set(PLAN["signatures"])
