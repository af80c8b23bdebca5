"""How results are shown: what the command line and the components need of the report room."""

from __future__ import annotations

from pathlib import Path

from tfx_savedmodel.operations.checks import checks
from tfx_savedmodel.report import write
from tfx_savedmodel.report.json_report import render_json, report_document
from tfx_savedmodel.report.summary import HEADLINES, because, outcome, summary_line
from tfx_savedmodel.report.values import (
    format_bytes,
    format_place,
    format_seconds,
    format_shape,
    format_value,
    one_line,
    visible,
)
from tfx_savedmodel.report.write import ReportPaths
from tfx_savedmodel.validation.result import Report

__all__ = [
    "HEADLINES",
    "ReportPaths",
    "because",
    "format_bytes",
    "format_place",
    "format_seconds",
    "format_shape",
    "format_value",
    "one_line",
    "outcome",
    "render_json",
    "report_document",
    "summary_line",
    "visible",
    "write_reports",
]


def write_reports(report: Report, directory: Path) -> ReportPaths:
    """Write `report.json` and `report.html`, with each check's page, and return their paths.

    Raises:
      DestinationError: the directory cannot be made or written.
    """
    return write.write_reports(report, directory, {page.code: page.texts() for page in checks()})
