"""The checks' pages as Markdown: docs/checks, and the table of presets in docs/policy.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfx_savedmodel.operations.checks import CheckPage, Section, checks, show_value
from tfx_savedmodel.validation.presets import ABOUT, PRESETS

#: What stands between these two lines of docs/policy.md is generated.
BEGIN = "<!-- presets: written by make check-pages -->"
END = "<!-- end of presets -->"

_WRITTEN = "<!-- Written by `make check-pages` from the check itself. -->"


def page_files() -> Mapping[str, str]:
    """Return the files of docs/checks by name: README.md, and one for each check."""
    pages = checks()
    return {"README.md": _index(pages), **{f"{page.code}.md": page_markdown(page) for page in pages}}


def page_markdown(page: CheckPage) -> str:
    """Return one check's page, ending in a newline."""
    lines = [f"# {page.code} {page.name}", "", _WRITTEN, "", f"**{page.title}**", ""]
    for section in page.sections():
        lines += [f"## {section.heading}", "", section.text, "", *_table(section)]
    example = {item.name: item.default for item in page.parameters}
    if example:
        lines += ["```json", f'{{"parameters": {{"{page.code}": {show_value(example)}}}}}', "```", ""]
    lines += ["[All checks](README.md) · [Policies](../policy.md)", ""]
    return "\n".join(lines)


def presets_markdown() -> str:
    """Return what docs/policy.md says of the presets: what each is for, and how it weighs each check."""
    lines = [f"- `{name}`: {ABOUT[name]}" for name in PRESETS]
    lines += ["", "**R** is required, `–` is not made.", "", f"| check | {' | '.join(PRESETS)} |"]
    lines.append("|---" * (len(PRESETS) + 1) + "|")
    for page in checks():
        cells = [_weight(page, name) for name in PRESETS]
        lines.append(f"| [{page.code}](checks/{page.code}.md) {page.name} | {' | '.join(cells)} |")
    changed = [
        f"- `{name}` sets {code} `{parameter}` to `{show_value(value)}`."
        for name, policy in PRESETS.items()
        for code, parameters in policy.parameters.items()
        for parameter, value in parameters.items()
    ]
    return "\n".join([*lines, "", *changed, ""])


def with_presets(text: str) -> str:
    """Return the text of docs/policy.md with the generated part as it is now."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page wants the lines {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n\n{presets_markdown()}\n{end}{after}"


def _index(pages: Sequence[CheckPage]) -> str:
    lines = ["# The checks", "", _WRITTEN, ""]
    lines += [
        "The code says the cost: SM1xx reads the graph only, SM2xx loads the model, SM3xx runs it on examples.",
        "[Policies](../policy.md) say how much each weighs and which are required.",
        "",
        "| code | name | what must hold | a failure is |",
        "|---|---|---|---|",
    ]
    for page in pages:
        cells = (f"[{page.code}]({page.code}.md)", page.name, _cell(page.title), page.severity["default"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _table(section: Section) -> list[str]:
    if not section.rows:
        return []
    rule = "|---" * len(section.head) + "|"
    # Names and defaults are code; the type and the remark are words.
    rows = [(f"`{name}`", kind, f"`{default}`", about) for name, kind, default, about in section.rows]
    return [_row(section.head), rule, *map(_row, rows), ""]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _weight(page: CheckPage, preset: str) -> str:
    found = page.severity[preset] or "–"
    return f"{found} **R**" if preset in page.required_by else found
