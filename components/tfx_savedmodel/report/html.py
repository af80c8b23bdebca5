"""The report as one HTML page: no script, nothing fetched, every name of the model escaped."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.report import summary, values
from tfx_savedmodel.report.tables import measurement_tables
from tfx_savedmodel.validation.result import CheckResult, Finding, Report, Verdict

if TYPE_CHECKING:
    import jinja2
    import markupsafe

FILE_NAME = "report.html"

#: Findings shown for one check; a broken model can have thousands, and report.json has them all.
MAX_FINDINGS = 25

_GROUPS = {
    "SM1": ("The graph", "read as data, without loading the model"),
    "SM2": ("Loading", "loaded and run on made-up inputs, in a process of its own"),
    "SM3": ("Examples", "run on real examples"),
}


def render_html(report: Report, pages: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Return the page as text.

    Args:
      report: what validation said.
      pages: for a check's code its page (`title`, `what`, `why`, `remedy`); without it a check
        shows its title only.
    """
    checks = [_check(check, (pages or {}).get(check.code, {})) for check in report.checks]
    template = _environment().get_template("report.html.j2")
    return template.render(
        verdict=report.verdict.value.lower().replace("_", "-"),
        headline=summary.HEADLINES[report.verdict],
        because=summary.because(report),
        counts=summary.counts(report),
        facts=_facts(report),
        failed=any(check["outcome"] == "fail" for check in checks),
        problems=[check for check in checks if check["outcome"] in ("fail", "error")],
        remarks=[check for check in checks if check["outcome"] in ("warning", "info")],
        open_ends=_open_ends(report, checks),
        checks=checks,
        groups=_groups(checks),
        meta_graphs=[_meta_graph(item) for item in report.model.get("meta_graphs") or ()],
        upstream=report.upstream,
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
    return environment


def _prose(text: str) -> markupsafe.Markup:
    """Return a text of ours with what stands between backticks as code; all of it escaped."""
    import markupsafe

    parts = values.visible(text).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner is just a backtick
        return markupsafe.escape(values.visible(text))
    pieces = [markupsafe.Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts)]
    return markupsafe.Markup("").join(pieces)


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
        ("Took", values.format_seconds(report.seconds) if report.seconds else "", False),
    ]
    return [fact for fact in facts if fact[1]]


def _readable_time(created: str) -> str:
    """Return an ISO 8601 time as "2025-03-04 10:31 UTC", or the text itself where it is none."""
    try:
        moment = datetime.datetime.fromisoformat(created.replace("Z", "+00:00"))
    except ValueError:
        return created
    return moment.strftime("%Y-%m-%d %H:%M %Z").strip()


def _check(check: CheckResult, page: Mapping[str, str]) -> dict[str, Any]:
    return {
        "code": check.code,
        "name": check.name,
        "title": check.title or page.get("title", ""),
        "what": page.get("what", ""),
        "why": page.get("why", ""),
        "remedy": page.get("remedy", ""),
        "outcome": summary.outcome(check),
        "word": _WORDS[summary.outcome(check)],
        "reason": check.reason or "",
        "findings": [_finding(finding) for finding in check.findings[:MAX_FINDINGS]],
        "findings_left": max(0, len(check.findings) - MAX_FINDINGS),
        "findings_count": len(check.findings),
        "waived": [{**_finding(item.finding), "reason": item.reason} for item in check.waived[:MAX_FINDINGS]],
        "waived_left": max(0, len(check.waived) - MAX_FINDINGS),
        "tables": measurement_tables(check.measurements),
        "seconds": check.seconds,
    }


_WORDS = {
    "pass": "passed",
    "fail": "failed",
    "error": "not made",
    "warning": "warning",
    "info": "remark",
    "skip": "skipped",
}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "message": finding.message,
        "place": values.format_place(finding.where),
        "found": finding.found,
        "wanted": finding.wanted,
        "next": finding.next,
    }


def _open_ends(report: Report, checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the skipped checks where they, and not a failure, decide the verdict."""
    if report.verdict not in (Verdict.UNDECIDED, Verdict.NOTHING_CHECKED):
        return []
    return [check for check in checks if check["outcome"] == "skip"]


def _groups(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for check in checks:
        prefix = check["code"][:3]
        title, note = _GROUPS.get(prefix, ("Other checks", "brought by the policy"))
        group = groups.setdefault(title, {"title": title, "note": note, "checks": []})
        group["checks"].append(check)
    return list(groups.values())


def _meta_graph(meta_graph: Mapping[str, Any]) -> dict[str, Any]:
    signatures = []
    for key, signature in sorted((meta_graph.get("signatures") or {}).items()):
        sides = []
        for side in ("inputs", "outputs"):
            tensors = signature.get(side) or {}
            rows = [
                (name, str(spec.get("dtype", "")), values.format_shape(spec.get("shape")))
                for name, spec in sorted(tensors.items())
            ]
            sides.append((side.capitalize(), rows))
        signatures.append({"key": key, "method_name": signature.get("method_name") or "none", "sides": sides})
    return {"tags": list(meta_graph.get("tags") or ()), "signatures": signatures}
