"""`inspect`: what a SavedModel is, as text or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from tfx_savedmodel.cli import exit_codes
from tfx_savedmodel.cli.output import write_document
from tfx_savedmodel.cli.page import Cell, Page, open_page
from tfx_savedmodel.operations.inspect import inspect
from tfx_savedmodel.operations.present import format_bytes, format_shape, format_value, one_line, render_json

_MOST_OPS = 10


@click.command("inspect")
@click.argument("model", metavar="MODEL")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(model: str, form: str) -> int:
    """Show what a SavedModel is: signatures, variables, ops, sizes. Nothing is loaded or run.

    MODEL is a SavedModel directory or a TFX Model artifact's. A graph that cannot be read is exit
    code 4; what else is known of it is shown.
    """
    facts = inspect(model)
    if form == "json":
        write_document(render_json(facts))
    else:
        page = open_page()
        show_facts(page, facts)
        page.close()
    if facts.get("fault"):
        click.echo(f"the graph cannot be read: {one_line(facts['fault'])}", err=True)
        return exit_codes.WRONG_USAGE
    return exit_codes.FINE


def show_facts(page: Page, facts: Mapping[str, Any]) -> None:
    """Write the facts that `operations.inspect` returns as text."""
    page.line((facts["uri"], "strong"))
    page.table(_overview(facts))
    for meta_graph in facts["meta_graphs"]:
        page.line()
        _show_meta_graph(page, meta_graph)


def _overview(facts: Mapping[str, Any]) -> list[list[Cell]]:
    sizes, variables = facts["sizes"], facts["variables"]
    parts = ", ".join(f"{name} {format_bytes(size)}" for name, size in sizes.items() if name != "total")
    rows: list[tuple[str, Cell]] = [
        ("format", facts["format"]),
        ("written by", f"TensorFlow {facts['tensorflow_version'] or '(no version recorded)'}"),
        ("fingerprint", (facts["fingerprint"] or "none", "code")),
        ("size", f"{format_bytes(sizes['total'])} ({parts})"),
        (
            "variables",
            f"{format_value(variables['count'])} with {format_value(variables['parameters'])} parameters, "
            f"{format_bytes(variables['bytes'])}",
        ),
        ("keras metadata", format_value(facts["keras_metadata"])),
        ("explanation", "described in explanation_metadata.json" if facts["explanation"] else "none described"),
    ]
    if facts.get("fault"):
        rows.insert(1, ("fault", (facts["fault"], "fail")))
    return [[(name, "dim"), text] for name, text in rows]


def _show_meta_graph(page: Page, meta_graph: Mapping[str, Any]) -> None:
    tags = ", ".join(meta_graph["tags"]) or "no tags"
    kind = "TF2" if meta_graph["is_tf2"] else "TF1"
    counts = f"  {kind}, {format_value(meta_graph['nodes'])} nodes, {format_value(meta_graph['functions'])} functions"
    page.line(("MetaGraph ", "dim"), (tags, "strong"), (counts, "dim"))
    for key, signature in sorted(meta_graph["signatures"].items()):
        page.line()
        page.line((key, "pass"), (f"  {signature['method_name'] or '(no method name)'}", "dim"), indent=2)
        page.table(_tensors(signature), indent=4)
    if not meta_graph["signatures"]:
        page.line("no signatures", indent=2)
    page.line()
    most = sorted(meta_graph["ops"].items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{op} {format_value(count)}" for op, count in most[:_MOST_OPS])
    rest = f", and {len(most) - _MOST_OPS} other kinds" if len(most) > _MOST_OPS else ""
    assets = sorted(set(meta_graph["assets"].values()))
    page.table(
        [
            [("ops", "dim"), named + rest or "none"],
            [("assets", "dim"), ", ".join(assets) or "none"],
            [("init ops", "dim"), ", ".join(meta_graph["init_ops"]) or "none"],
        ]
    )


def _tensors(signature: Mapping[str, Any]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for side in ("input", "output"):
        for name, spec in sorted(signature[f"{side}s"].items()):
            rows.append([(side, "dim"), (name, "code"), spec["dtype"], format_shape(spec["shape"])])
    return rows or [["no inputs and no outputs", "", "", ""]]
