"""A report written to a directory, in both of its forms."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from tfx_savedmodel.report import html, json_report
from tfx_savedmodel.report.files import write_text
from tfx_savedmodel.validation.result import Report


@dataclasses.dataclass(frozen=True)
class ReportPaths:
    """Where the two forms of a report were written."""

    json: Path
    html: Path


def write_reports(report: Report, directory: Path, pages: Mapping[str, Mapping[str, str]] | None = None) -> ReportPaths:
    """Write `report.json` and `report.html` into the directory and return their paths.

    Args:
      report: what validation said.
      directory: made where it is missing; files of these names in it are replaced.
      pages: for a check's code its page (`title`, `what`, `why`, `remedy`), shown in the HTML form.

    Raises:
      DestinationError: the directory cannot be made or written.
    """
    page = html.render_html(report, pages)
    json_path = json_report.write_report(report, Path(directory))
    return ReportPaths(json=json_path, html=write_text(Path(directory) / html.FILE_NAME, page))
