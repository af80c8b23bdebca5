"""`checks`: the catalogue as a table, or the page of one check."""

from __future__ import annotations

import json

import click

from tfx_savedmodel.cli import codes
from tfx_savedmodel.cli.page import Cell, Page, open_page
from tfx_savedmodel.operations.checks import CheckPage

ALL = "SM"


@click.command("checks")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """List the checks, or those that CODE begins; show the page of CODE.

    CODE is SM103 or required-signatures for one check, SM1 for several.
    """
    named = ALL if code is None else code.strip()
    chosen = [check for check in codes.matching(named) if named]
    if not chosen:
        raise codes.unknown_code("checks", named)
    page = open_page()
    if named.lower() in (chosen[0].code.lower(), chosen[0].name):
        _show_page(page, chosen[0])
    else:
        rows: list[list[Cell]] = [[(check.code, "code"), (check.name, "strong"), check.title] for check in chosen]
        page.table(rows, head=("code", "name", "what must hold"), indent=0)
    page.close()


def _show_page(page: Page, check: CheckPage) -> None:
    page.line((f"{check.code} ", "code"), (check.name, "strong"))
    page.line(check.title)
    for heading, text in (("What", check.what), ("Why", check.why), ("Remedy", check.remedy)):
        if text:
            page.line()
            page.line((heading, "strong"))
            page.line(text, indent=2)
    if check.parameters:
        page.line()
        page.line(("Parameters", "strong"), (f" (in a policy: parameters.{check.code})", "dim"))
        rows: list[list[Cell]] = [
            [(name, "code"), json.dumps(default, default=str)] for name, default in check.parameters.items()
        ]
        page.table(rows, head=("name", "default"))
