"""`checks`: the catalogue as a table, or the page of one check."""

from __future__ import annotations

import dataclasses

import click

from tfx_savedmodel.cli import codes
from tfx_savedmodel.cli.page import Cell, Page, open_page
from tfx_savedmodel.cli.policies import given_policy
from tfx_savedmodel.operations.checks import CheckPage, checks, find_pages
from tfx_savedmodel.operations.policies import Policy


@click.command("checks")
@click.argument("code", required=False)
@click.option("--policy", metavar="POLICY.json", help="Show the checks that this policy brings, too.")
def command(code: str | None, policy: str | None) -> None:
    """List the checks, or those that CODE begins; show the page of CODE.

    CODE is SM103 or required-signatures for one check, SM1 for several; of a check of others its code
    beside the policy that brings it, or the dotted path of its class.
    """
    named = None if code is None else code.strip()
    if named is not None and "." in named:
        page = open_page()
        _show_page(page, _page_of_class(named, Policy() if policy is None else given_policy(policy)))
        page.close()
        return
    pages = checks() if policy is None else checks(given_policy(policy))
    chosen = pages if named is None else find_pages(named, pages) if named else ()
    if not chosen:
        raise codes.unknown_code("checks", named or "", pages)
    page = open_page()
    if named is not None and named.lower() in (chosen[0].code.lower(), chosen[0].name):
        _show_page(page, chosen[0])
    else:
        rows: list[list[Cell]] = [
            [(check.code, "code"), (check.name, "strong"), _weight(check), check.title] for check in chosen
        ]
        page.table(rows, head=("code", "name", "a failure is", "what must hold"), indent=0)
    page.close()


def _page_of_class(path: str, policy: Policy) -> CheckPage:
    """Return the page of the check at a dotted path, in a policy or not."""
    there = [page for page in checks(policy) if f"{page.kind.__module__}.{page.kind.__qualname__}" == path]
    return there[0] if there else checks(dataclasses.replace(policy, checks=(*policy.checks, path)))[-1]


def _weight(check: CheckPage) -> Cell:
    weight = check.severity["default"]
    return weight, {"error": "", "warning": "warning", "info": "info"}[weight]


def _show_page(page: Page, check: CheckPage) -> None:
    page.line((f"{check.code} ", "code"), (check.name, "strong"))
    page.line(check.title)
    for section in check.sections():
        page.line()
        page.line((section.heading, "strong"))
        page.line(section.text, indent=2)
        if section.rows:
            rows: list[list[Cell]] = [[(row[0], "code"), *row[1:]] for row in section.rows]
            page.table(rows, head=section.head)
