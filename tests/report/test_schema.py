"""Reports against docs/report.schema.json.

In the `tfx` tier because importing jsonschema, which comes with that stack, takes seconds there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.models import write_model
from tests.conftest import ROOT
from tests.report import measured, samples
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.report.json_report import render_json, report_document
from tfx_savedmodel.validation.result import SCHEMA_VERSION

pytestmark = pytest.mark.tfx

REPORTS = (samples.failing, samples.blessed, samples.undecided, samples.hostile, measured.serving, measured.distrusted)


@pytest.fixture(scope="module")
def validator() -> Any:
    import jsonschema

    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("make", REPORTS, ids=lambda make: make.__name__)
def test_reports_keep_to_the_schema(validator: Any, make: Any) -> None:
    validator.validate(json.loads(render_json(report_document(make()))))


def test_a_real_report_keeps_to_the_schema_and_its_model_to_every_key(validator: Any, tmp_path: Path) -> None:
    report = validate(write_model(tmp_path), select=["SM1"])
    document = json.loads(render_json(report_document(report)))
    definitions = validator.schema["$defs"]

    validator.validate(document)
    assert definitions["model"]["properties"].keys() == document["model"].keys()
    (meta_graph,) = document["model"]["meta_graphs"]
    assert definitions["meta_graph"]["properties"].keys() == meta_graph.keys()
    assert definitions["reach"]["properties"].keys() == meta_graph["reaches"][0].keys()


def test_what_is_no_report_is_refused(validator: Any) -> None:
    document = report_document(samples.failing())

    assert not validator.is_valid({**document, "schema_version": SCHEMA_VERSION + 1})
    assert not validator.is_valid({**document, "verdict": "FINE"})
    assert not validator.is_valid({key: value for key, value in document.items() if key != "upstream"})
