"""How results are shown: what the command line and the components need of the report room."""

from __future__ import annotations

import os

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
from tfx_savedmodel.saved_model.local import local_path
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
    "local_path",
    "one_line",
    "outcome",
    "render_json",
    "report_document",
    "summary_line",
    "visible",
    "write_reports",
]


def write_reports(report: Report, directory: str | os.PathLike[str]) -> ReportPaths:
    """Write `report.json` and `report.html`, with each check's page, and return their paths.

    Raises:
      UsageError: a remote directory.
      DestinationError: the directory cannot be made or written.
    """
    pages = {page.code: page.texts() for page in checks()}
    return write.write_reports(report, local_path(directory, "the report"), pages)
