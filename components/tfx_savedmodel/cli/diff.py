"""`diff`: what changed from one model to another, as text, JSON, or Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Sequence

import click

from tfx_savedmodel.cli import exit_codes
from tfx_savedmodel.cli.output import write_document
from tfx_savedmodel.cli.page import Cell, open_page
from tfx_savedmodel.operations.diff import Change, Diff, diff
from tfx_savedmodel.operations.present import render_json, visible


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def command(old: str, new: str, form: str) -> int:
    """Show what changed from OLD to NEW; exit code 1 where a client of OLD may fail on NEW.

    Each is a SavedModel directory, a TFX Model artifact's, or the JSON that `inspect --format json`
    printed: a contract that lives beside the code and needs no weights.
    """
    found = diff(old, new)
    if form == "json":
        write_document(render_json(found.to_json()))
    elif form == "markdown":
        write_document(_markdown(found))
    else:
        _show(found)
    return exit_codes.BREAKING if found.breaking else exit_codes.FINE


def _rows(found: Diff) -> list[tuple[bool, str, str, str, str]]:
    """Return (breaking, kind, place, old, new) for each change."""
    rows: list[tuple[bool, str, str, str, str]] = []
    for item in found.meta_graphs:
        tags = "" if len(found.meta_graphs) == 1 else f"{{{', '.join(item.tags)}}} "
        if item.state != "both":
            rows.append((item.breaking, item.state, f"{tags}MetaGraph", "", ""))
        for change in item.changes:
            rows.append((change.breaking, change.kind, tags + _place(change), change.old, change.new))
    return rows


def _place(change: Change) -> str:
    side = next((side for side in ("input", "output") if side in change.where), None)
    tensor = "" if side is None else f", {side} {change.where[side]}"
    what = "" if change.what in ("signature", side) else f": {change.what}"
    return f"signature {change.where['signature']}{tensor}{what}"


def _show(found: Diff) -> None:
    page = open_page()
    rows = _rows(found)
    cells: list[list[Cell]] = [
        [("breaks", "fail") if breaking else ("fine", "pass"), kind, place, old, f"→ {new}" if old and new else new]
        for breaking, kind, place, old, new in rows
    ]
    if cells:
        page.table(cells)
        page.line()
    page.line((_verdict(rows), "fail" if found.breaking else "pass"))
    page.close()


def _markdown(found: Diff) -> str:
    rows = _rows(found)
    lines = [f"**{_verdict(rows)}**", ""]
    if rows:
        lines += ["| | change | where | old | new |", "|---|---|---|---|---|"]
        for breaking, kind, place, old, new in rows:
            cells = ["❌ breaks" if breaking else "✅ fine", kind, *map(_code, (place, old, new))]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _code(text: str) -> str:
    """Return text as code in a table's cell: names come from models, and must stay text."""
    plain = visible(text).replace("`", "'").replace("|", "\\|").replace("\n", " ")
    return f"`{plain}`" if plain else ""


def _verdict(rows: Sequence[tuple[bool, str, str, str, str]]) -> str:
    if not rows:
        return "No change that a client could see"
    changes, broken = f"{len(rows)} change{'s' if len(rows) > 1 else ''}", sum(row[0] for row in rows)
    if not broken:
        return f"Not breaking: {changes}"
    return f"Breaking: {changes}" if broken == len(rows) else f"Breaking: {broken} of {changes}"
