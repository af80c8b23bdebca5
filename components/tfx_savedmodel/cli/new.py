"""`new`: make a repository with a whole pipeline, and say what was found in the data."""

from __future__ import annotations

import shlex

import click

from tfx_savedmodel.cli import exit_codes
from tfx_savedmodel.cli.page import Cell, Page, open_page
from tfx_savedmodel.operations.new import STACKS, TASKS, Column, DataSet, changed, new

_MOST_CLASSES = 12


@click.command("new")
@click.argument("name", metavar="NAME")
@click.argument("destination", metavar="DEST")
@click.option("--data", metavar="CSV", help="A CSV file with a header: the pipeline is made for its columns.")
@click.option("--label", metavar="COLUMN", help="The column of the file that the model predicts.")
@click.option("--task", type=click.Choice(TASKS), help="What the label is, where its values mislead.")
@click.option("--stack", type=click.Choice(STACKS), help="What it is installed with by default; else tfx-1.15.")
def command(
    name: str, destination: str, data: str | None, label: str | None, task: str | None, stack: str | None
) -> int:
    """Make a repository at DEST for a pipeline called NAME: data, training, signatures, checks, runners, tests, CI.

    NAME has letters a-z, digits and hyphens. Without a CSV file the pipeline is about penguins. DEST is there whole
    afterwards, or not at all; nothing that is there already is replaced.
    """
    started = new(name, destination, data=data, label=label, task=task, stack=stack)
    page = open_page()
    if started.data is not None:
        _show_data(page, started.data)
        page.line()
    page.line(("Made  ", "dim"), (str(started.path), "strong"))
    page.line(("next  ", "dim"), (f"cd {shlex.quote(str(started.path))}", "code"), ", and read README.md")
    page.close()
    return exit_codes.FINE


def _show_data(page: Page, data: DataSet) -> None:
    label = data.label
    page.line((f"{data.source}: ", "strong"), f"{data.total:,} rows, {len(data.columns) + 1:,} columns")
    for note in (*data.notes, *data.changes):
        page.line((note, "warning"), indent=2)
    page.line()
    page.line(("label ", "dim"), (label.source, "strong"), f": {label.task}, because {label.reason}")
    if label.source != label.name:
        page.line(f"it is called {label.name} in the pipeline", indent=2)
    if label.classes:
        more = len(label.classes) - _MOST_CLASSES
        shown = ", ".join(label.classes[:_MOST_CLASSES]) + (f" and {more} more" if more > 0 else "")
        page.line(f"classes: {shown}", indent=2)
    for note in (*label.changes, *label.notes):
        page.line((note, "warning"), indent=2)
    if label.other:
        page.line((f"to have it otherwise: --task {label.other}", "dim"), indent=2)
    page.line()
    rows: list[list[Cell]] = [
        [
            column.source or "(no name)",
            column.describe,
            f"{column.missing:,} missing" if column.missing else "",
            ("; ".join([*_remarks(column)]), "warning"),
        ]
        for column in data.features
    ]
    page.table(rows)
    if data.left_out:
        page.line()
        page.line(("left out", "warning"))
        page.table([[column.source or "(no name)", column.why] for column in data.left_out])
    if data.changes or changed(data) or any(column.source != column.name for column in data.features):
        page.line()
        page.line("What was changed stands in README.md too: data that comes later has to have the same form.")


def _remarks(column: Column) -> list[str]:
    renamed = [] if column.source == column.name else [f"called {column.name}"]
    return [*renamed, *column.changes, *([column.note] if column.note else [])]
