"""The report as one HTML page: no script, nothing fetched, every name of the model escaped."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfx_savedmodel.report import summary, values
from tfx_savedmodel.report.check_parts import groups, left_open, shown_check
from tfx_savedmodel.report.model_parts import cut, meta_graphs
from tfx_savedmodel.report.plots import figures
from tfx_savedmodel.validation.result import Report

if TYPE_CHECKING:
    import jinja2
    import markupsafe

FILE_NAME = "report.html"

#: Upstream blessings shown, and notes.
_MAX_UPSTREAM, _MAX_NOTES = 40, 40


def render_html(report: Report, pages: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Return the page as text.

    Args:
      report: what validation said.
      pages: for a check's code its page (`title`, `what`, `why`, `remedy`); without it a check
        shows its title only.
    """
    checks = [shown_check(check, (pages or {}).get(check.code, {})) for check in report.checks]
    shown_graphs, graphs_left = meta_graphs(report.model)
    notes, notes_left = cut([values.clip(note) for note in report.notes], _MAX_NOTES)
    upstream, upstream_left = cut(report.upstream, _MAX_UPSTREAM)
    template = _environment().get_template("report.html.j2")
    return template.render(
        verdict=report.verdict.value.lower().replace("_", "-"),
        headline=summary.HEADLINES[report.verdict],
        because=summary.because(report),
        counts=summary.counts(report),
        facts=_facts(report),
        failed=[check for check in checks if check["outcome"] == "fail"],
        broken=[check for check in checks if check["outcome"] == "error"],
        left_open=left_open(report),
        remarks=[check for check in checks if check["outcome"] in ("warning", "info")],
        waived=[check for check in checks if check["waived"]],
        plots=list(figures(report.checks)),
        checks=checks,
        groups=groups(checks),
        meta_graphs=shown_graphs,
        meta_graphs_left=graphs_left,
        notes=notes,
        notes_left=notes_left,
        upstream=upstream,
        upstream_left=upstream_left,
        created=report.created,
        tool_version=report.tool_version,
    )


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tfx_savedmodel.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: values.visible(value) if type(value) is str else value,
    )
    environment.filters["prose"] = _prose
    environment.filters["seconds"] = values.format_seconds
    environment.filters["number"] = values.format_value
    environment.filters["drawing"] = _drawing
    return environment


def _prose(text: str) -> markupsafe.Markup:
    """Return a text of ours with what stands between backticks as code; all of it escaped."""
    import markupsafe

    parts = values.visible(text).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner is just a backtick
        return markupsafe.escape(values.visible(text))
    pieces = [markupsafe.Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts)]
    return markupsafe.Markup("").join(pieces)


def _drawing(svg: str) -> markupsafe.Markup:
    """Return a drawing of ours as it is: `drawing` builds it element by element, all texts escaped."""
    import markupsafe

    return markupsafe.Markup(svg)


def _facts(report: Report) -> list[tuple[str, str, bool]]:
    """Return (label, text, whether it is code) of what was validated and how; what is unknown is left out."""
    model = report.model
    sizes = model.get("sizes") or {}
    parts = [f"{name} {values.format_bytes(size)}" for name, size in sizes.items() if name != "total" and size]
    total = sizes.get("total")
    size = "" if total is None else values.format_bytes(total) + (f" ({', '.join(parts)})" if parts else "")
    facts = [
        ("Model", str(model.get("uri") or ""), True),
        ("Fingerprint", str(model.get("fingerprint") or "none"), True),
        ("Written by TensorFlow", str(model.get("tensorflow_version") or "unknown"), False),
        ("Size", size, False),
        ("Policy", report.policy, False),
        ("Validated", _readable_time(report.created), False),
        ("Took", summary.took_line(report), False),
    ]
    return [(label, values.clip(text), is_code) for label, text, is_code in facts if text]


def _readable_time(created: str) -> str:
    """Return an ISO 8601 time as "2025-03-04 10:31 UTC", or the text itself where it is none."""
    try:
        moment = datetime.datetime.fromisoformat(created.replace("Z", "+00:00"))
    except ValueError:
        return created
    return moment.strftime("%Y-%m-%d %H:%M %Z").strip()
