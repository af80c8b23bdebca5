"""How results are shown in words and as JSON: what the whole command line needs of the report room."""

from __future__ import annotations

from tfx_savedmodel.report.json_report import render_json, report_document
from tfx_savedmodel.report.summary import HEADLINES, because, outcome, summary_line, took_line, waived_count
from tfx_savedmodel.report.values import (
    format_bytes,
    format_place,
    format_seconds,
    format_shape,
    format_value,
    one_line,
    visible,
)
from tfx_savedmodel.saved_model.local import is_remote, local_path, remote_uri

__all__ = [
    "HEADLINES",
    "because",
    "format_bytes",
    "format_place",
    "format_seconds",
    "format_shape",
    "format_value",
    "is_remote",
    "local_path",
    "one_line",
    "outcome",
    "remote_uri",
    "render_json",
    "report_document",
    "summary_line",
    "took_line",
    "visible",
    "waived_count",
]
