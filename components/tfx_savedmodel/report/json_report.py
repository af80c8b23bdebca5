"""The report as JSON: the published contract, docs/report.schema.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.report.files import write_text
from tfx_savedmodel.report.values import plain
from tfx_savedmodel.validation.result import Report

FILE_NAME = "report.json"


def render_json(document: Mapping[str, Any]) -> str:
    """Return any JSON-like document as text: indented, numbers finite, ending in a newline."""
    return json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def report_document(report: Report) -> dict[str, Any]:
    """Return the report as its JSON document.

    What Beam merged in no certain order (measurements) and what a model orders (signatures) is
    sorted, so that equal reports give equal text; checks and findings keep the order of the run.
    """
    document = report.to_json()
    document["model"] = {key: plain(value, sort=True) for key, value in report.model.items()}
    for check in document["checks"]:
        check["measurements"] = plain(check["measurements"], sort=True)
    return document


def write_report(report: Report, directory: Path) -> Path:
    """Write `report.json` into the directory, made where it is missing, and return its path.

    Raises:
      DestinationError: the directory cannot be made or written.
    """
    return write_text(Path(directory) / FILE_NAME, render_json(report_document(report)))
