"""Text for people: through rich on a terminal, else plain, unwrapped lines that grep and diff like.

Standard output that is no terminal is the fast path, and it does not import rich. Every text goes
through `visible`, so that a name in a model cannot drive the terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from tfx_savedmodel.cli.output import write_document
from tfx_savedmodel.operations.present import one_line

if TYPE_CHECKING:
    import rich.text

#: A text and its style's name.
Span = tuple[str, str]
Cell = str | Span

STYLES = {
    "": "",
    "pass": "green",
    "fail": "bold red",
    "error": "bold magenta",
    "warning": "yellow",
    "info": "blue",
    "skip": "dim",
    "dim": "dim",
    "strong": "bold",
    "code": "cyan",
}


class Page(Protocol):
    """What a verb writes its text form to."""

    def line(self, *spans: Cell, indent: int = 0) -> None:
        """Write one line, indented by that many characters."""

    def table(self, rows: Sequence[Sequence[Cell]], *, head: Sequence[str] = (), indent: int = 2) -> None:
        """Write rows with aligned columns, under a head where there is one."""

    def close(self) -> None:
        """Write out what is left."""


def open_page() -> Page:
    """Return the page for this standard output."""
    if sys.stdout.isatty() or os.environ.get("FORCE_COLOR"):
        return RichPage()
    return PlainPage()


def _span(cell: Cell) -> Span:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return one_line(text) if text.strip() else text, style


class PlainPage:
    """Plain text, written in one go at the end."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def line(self, *spans: Cell, indent: int = 0) -> None:
        text = "".join(_joinable(span) for span in spans)
        self._lines.append((" " * indent + text).rstrip())

    def table(self, rows: Sequence[Sequence[Cell]], *, head: Sequence[str] = (), indent: int = 2) -> None:
        texts = [[_span(cell)[0] for cell in row] for row in ([head, *rows] if head else rows)]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        for row in texts:
            cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
            self._lines.append((" " * indent + "  ".join(cells)).rstrip())

    def close(self) -> None:
        write_document("".join(f"{line}\n" for line in self._lines))


class RichPage:
    """The same with colour, wrapped to the terminal."""

    def __init__(self) -> None:
        import rich.console

        self._console = rich.console.Console(highlight=False, markup=False, emoji=False)

    def line(self, *spans: Cell, indent: int = 0) -> None:
        import rich.padding
        import rich.text

        text = rich.text.Text.assemble(*((_joinable(span), STYLES[_style(span)]) for span in spans))
        self._console.print(rich.padding.Padding(text, (0, 0, 0, indent)) if indent else text)

    def table(self, rows: Sequence[Sequence[Cell]], *, head: Sequence[str] = (), indent: int = 2) -> None:
        import rich.padding
        import rich.table

        if not rows:
            return
        table = rich.table.Table(box=None, show_header=bool(head), header_style="dim", padding=(0, 2, 0, 0))
        columns = len(rows[0])
        for number in range(columns):
            short = columns > 2 and number < columns - 1
            table.add_column(head[number] if head else "", overflow="fold", no_wrap=short)
        for row in rows:
            table.add_row(*map(self._cell, row))
        self._console.print(rich.padding.Padding(table, (0, 0, 0, indent), expand=False))

    def _cell(self, cell: Cell) -> rich.text.Text:
        import rich.text

        text, style = _span(cell)
        return rich.text.Text(text, style=STYLES[style])

    def close(self) -> None:
        self._console.file.flush()


def _style(cell: Cell) -> str:
    return "" if isinstance(cell, str) else cell[1]


def _joinable(cell: Cell) -> str:
    """Return a span's text with the spaces around it kept, since spans of a line are joined."""
    text = cell if isinstance(cell, str) else cell[0]
    inner = one_line(text)
    if not inner:
        return " " * len(text)
    return " " * (len(text) - len(text.lstrip())) + inner + " " * (len(text) - len(text.rstrip()))
