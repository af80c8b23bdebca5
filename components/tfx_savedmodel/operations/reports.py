"""Whole reports of a validation: written, and as the documents that other tools take."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from tfx_savedmodel.operations.checks import checks
from tfx_savedmodel.report import write
from tfx_savedmodel.report.embed import embed_page
from tfx_savedmodel.report.junit import render_junit
from tfx_savedmodel.report.markdown import render_markdown
from tfx_savedmodel.saved_model.local import is_remote, remote_uri
from tfx_savedmodel.saved_model.temporary import temporary_folder
from tfx_savedmodel.saved_model.upload import add_files
from tfx_savedmodel.validation.policy import Policy
from tfx_savedmodel.validation.result import Report

__all__ = ["ReportPaths", "embed_page", "render_junit", "render_markdown", "write_reports"]


@dataclasses.dataclass(frozen=True)
class ReportPaths:
    """Where the two forms of a report were written; text where that is remote."""

    json: Path | str
    html: Path | str


def write_reports(report: Report, directory: str | os.PathLike[str], policy: Policy | None = None) -> ReportPaths:
    """Write `report.json` and `report.html`, with each check's page, and return their paths.

    Args:
      report: what validation said.
      directory: local or remote; files of these names in it are replaced.
      policy: the one that was used; the pages of checks that it brings are shown, too.

    Raises:
      UsageError: a remote directory of a scheme that nothing here knows.
      DestinationError: the directory cannot be made or written.
    """
    pages = {page.code: page.texts() for page in checks(policy)}
    if not is_remote(directory):
        written = write.write_reports(report, Path(directory), pages)
        return ReportPaths(written.json, written.html)
    uri = remote_uri(directory)
    with temporary_folder() as folder:
        written = write.write_reports(report, Path(folder), pages)
        add_files(Path(folder), uri)
    return ReportPaths(f"{uri}/{written.json.name}", f"{uri}/{written.html.name}")
