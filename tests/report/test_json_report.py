"""report.json: the published contract."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.report import samples
from tfx_savedmodel.errors import DestinationError
from tfx_savedmodel.report.json_report import render_json, report_document, write_report
from tfx_savedmodel.validation.result import SCHEMA_VERSION, CheckVerdict, Report, Severity, Verdict

pytestmark = pytest.mark.unit

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))


def _read(report: Report, directory: Path) -> Any:
    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(write_report(report, directory).read_text(encoding="utf-8"), parse_constant=refuse)


def test_round_trip(tmp_path: Path) -> None:
    document = _read(samples.failing(), tmp_path / "made" / "on the way")

    assert document["verdict"] == "NOT_BLESSED"
    assert list(document["model"]["meta_graphs"][0]["signatures"]) == sorted(
        samples.model()["meta_graphs"][0]["signatures"]
    )
    (failed,) = (check for check in document["checks"] if check["code"] == "SM302")
    assert failed["findings"][0]["where"]["example"] == {"file": "eval-00000", "record": 0}
    assert failed["measurements"]["outputs"]["serve_raw"]["probabilities"]["mean"] == "NaN"
    assert failed["measurements"]["outputs"]["serve_raw"]["probabilities"]["maximum"] == "Infinity"


def test_hostile_names_come_back_unchanged(tmp_path: Path) -> None:
    document = _read(samples.hostile(), tmp_path)

    assert document["policy"] == samples.HOSTILE
    assert document["checks"][0]["measurements"][samples.HOSTILE] == samples.HOSTILE


def test_a_lone_surrogate_is_written_as_json_reads_it(tmp_path: Path) -> None:
    document = _read(dataclasses.replace(samples.blessed(), policy="\udcff"), tmp_path)

    assert document["policy"] == "\udcff"


def test_the_order_of_merged_measurements_does_not_show() -> None:
    first = samples.failing()
    turned = tuple(
        dataclasses.replace(check, measurements=dict(reversed(check.measurements.items()))) for check in first.checks
    )

    assert render_json(report_document(first)) == render_json(
        report_document(dataclasses.replace(first, checks=turned))
    )


def test_the_schema_names_every_key_and_value_that_there_is() -> None:
    document = report_document(samples.failing())
    check, finding = document["checks"][5], document["checks"][5]["findings"][0]
    definitions = SCHEMA["$defs"]

    assert SCHEMA["properties"].keys() == document.keys() == set(SCHEMA["required"])
    assert definitions["check"]["properties"].keys() == check.keys() == set(definitions["check"]["required"])
    assert definitions["finding"]["properties"].keys() == finding.keys() == set(definitions["finding"]["required"])
    assert definitions["upstream"]["properties"].keys() == document["upstream"][0].keys()
    assert definitions["model"]["properties"].keys() >= document["model"].keys()
    assert SCHEMA["properties"]["schema_version"] == {"const": SCHEMA_VERSION}
    assert SCHEMA["properties"]["verdict"]["enum"] == [verdict.value for verdict in Verdict]
    assert definitions["check"]["properties"]["verdict"]["enum"] == [verdict.value for verdict in CheckVerdict]
    assert definitions["check"]["properties"]["severity"]["enum"] == [severity.value for severity in Severity]


def test_a_directory_that_cannot_be_made_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here first")

    with pytest.raises(DestinationError) as caught:
        write_report(samples.blessed(), tmp_path / "file")

    assert str(tmp_path / "file") in caught.value.where
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_report_is_replaced_whole(tmp_path: Path) -> None:
    write_report(samples.failing(), tmp_path)
    write_report(samples.blessed(), tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["verdict"] == "BLESSED"


def test_infinite_seconds_are_no_reason_to_write_broken_json() -> None:
    assert json.loads(render_json({"seconds": math.inf})) == {"seconds": "Infinity"}
