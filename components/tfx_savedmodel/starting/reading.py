"""A CSV file as rows of texts: its encoding, its separator and its header found out; of a large one a sample."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import random
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from tfx_savedmodel.errors import UsageError

SEPARATORS = ",;\t|"
#: Of a larger file so many rows are looked at, and fewer where there are many columns.
MOST_ROWS = 100_000
MOST_CELLS = 5_000_000
_WHERE_NO_HEADER = "where line 1 is no line of names, put one in its place; else "
_LOOKED_AT = 64 * 1024
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip", b"PK\x03\x04": "a zip file"}


@dataclasses.dataclass(frozen=True)
class Table:
    """The rows of a file, each with as many cells as the header.

    Attributes:
      total: how many rows the whole file has.
      had_blanks: cells had blanks around them.
    """

    path: Path
    separator: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    had_blanks: bool = False

    @property
    def is_sample(self) -> bool:
        return len(self.rows) < self.total


def read_table(path: Path, *, most_rows: int = MOST_ROWS) -> Table:
    """Return the file's rows, or a random sample of a large file's, the same each time, in the file's order.

    The file is read as a stream; only the sample is held. Cells lose the blanks around them; empty lines are left out.

    Raises:
      UsageError: no such file, no UTF-8, no header, a row with another number of cells, with the line.
    """
    with _opened(path) as file:
        start = _start(path)
        separator = _separator(start)
        records = _records(path, file, separator)
        try:
            _, header = next(records)
        except StopIteration:
            raise _unusable(path, "the file is empty", wanted="a header line, then rows") from None
        header = tuple(name.strip() for name in header)
        _check_header(path, header)
        rows, total = _sample(records, min(most_rows, max(1, MOST_CELLS // len(header))))
    rows, had_blanks = _stripped(rows)
    return Table(path, separator, header, rows, total, had_blanks or _has_leading_blanks(start, separator))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """Yield the file as text, a byte order mark skipped; bytes that are no UTF-8 are an error that says where."""
    try:
        with path.open("rb") as raw:
            mark = next((kind for bytes_, kind in _MARKS.items() if raw.read(4).startswith(bytes_) or raw.seek(0)), "")
    except OSError as error:
        raise _unusable(
            path, "the file cannot be read", found=error.strerror or str(error), wanted="a CSV file on this machine"
        ) from error
    if mark == "UTF-16":
        step = f"iconv -f utf-16 -t utf-8 {shlex.quote(str(path))} > utf-8.csv"
        raise _unusable(path, "the file is not UTF-8", found=mark, wanted="UTF-8", next_step=step)
    if mark:
        raise _unusable(path, "the file is compressed", found=mark, wanted="CSV as text", next_step="unpack it")
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield file


def _start(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LOOKED_AT).decode("utf-8-sig", "replace")


def _stripped(rows: tuple[tuple[str, ...], ...]) -> tuple[tuple[tuple[str, ...], ...], bool]:
    """Return the rows without the blanks around their cells, and whether there were any."""
    bare = tuple(tuple(cell.strip() for cell in row) for row in rows)
    return bare, bare != rows


def _has_leading_blanks(start: str, separator: str) -> bool:
    """Tell whether cells begin with blanks: `_records` does not see them, lest one before a quote be taken for text."""
    with contextlib.suppress(csv.Error):
        rows = csv.reader(start.splitlines(keepends=True), delimiter=separator)
        return any(cell[:1].isspace() for row in rows for cell in row)
    return False


def _separator(start: str) -> str:
    """Return the separator that cuts the first lines into most cells, the same number in each; a comma else."""
    best, most = ",", 1
    for separator in SEPARATORS:
        with contextlib.suppress(csv.Error):
            # The last line of what was read may be cut off.
            rows = [row for row in csv.reader(start.splitlines(keepends=True), delimiter=separator) if row]
            rows = rows[: max(1, len(rows) - 1)]
            if rows and len(rows[0]) > most and all(len(row) == len(rows[0]) for row in rows):
                best, most = separator, len(rows[0])
    return best


def _records(path: Path, file: TextIO, separator: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield (line, cells) of each row that is not empty."""
    reader = csv.reader(file, delimiter=separator, skipinitialspace=True)
    width = None
    try:
        for cells in reader:
            row = tuple(cells)
            if not any(row) and len(row) <= 1:
                continue
            width = width or len(row)
            if len(row) != width:
                raise _unusable(
                    path,
                    "a row that does not fit the header",
                    line=reader.line_num,
                    found=f"{len(row)} cells",
                    wanted=f"{width}, separated by {separator!r}",
                    next_step=_WHERE_NO_HEADER * (reader.line_num == 2)
                    + 'mend the line; a cell with a separator in it stands in quotes: "a, b"',
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise _unusable(path, "the file is no CSV", line=reader.line_num, found=str(error), wanted="CSV") from error
    except UnicodeDecodeError as error:
        step = f"if it is Latin-1: iconv -f latin1 -t utf-8 {shlex.quote(str(path))} > utf-8.csv"
        line, found = _bad_byte(path)
        raise _unusable(
            path, "the file is not UTF-8", line=line, found=found, wanted="UTF-8", next_step=step
        ) from error


def _bad_byte(path: Path) -> tuple[int | None, str]:
    """Return the line of the first byte that is no UTF-8, and what it is: text is read in blocks, not in lines."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return number, f"byte 0x{line[error.start]:02x}"
    return None, ""


def _check_header(path: Path, header: Sequence[str]) -> None:
    """Refuse a first line that is data: names are no numbers."""
    numbers = [cell for cell in header if _is_number(cell)]
    empty = sum(not cell for cell in header)
    # One name may be a number (a year in a pivot table) or empty (the index that pandas writes); half of them are data.
    if len(numbers) * 2 >= len(header) or empty * 2 > len(header):
        raise _unusable(
            path,
            "the file has no header",
            line=1,
            found=", ".join(map(repr, header[:5])),
            wanted="the names of the columns in the first line",
            next_step="put a line of names above the data",
        )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _sample(records: Iterator[tuple[int, tuple[str, ...]]], size: int) -> tuple[tuple[tuple[str, ...], ...], int]:
    """Return `size` rows, each with the same chance, in their order, and how many there were."""
    chance = random.Random(0)
    kept: list[tuple[int, tuple[str, ...]]] = []
    total = 0
    for total, (_, row) in enumerate(records, start=1):
        if total <= size:
            kept.append((total, row))
        else:
            place = chance.randrange(total)
            if place < size:
                kept[place] = (total, row)
    kept.sort()
    return tuple(row for _, row in kept), total


def duplicates(header: Sequence[str]) -> list[str]:
    """Return the names that more than one column has."""
    return [name for name, count in Counter(header).items() if count > 1]


def _unusable(
    path: Path, message: str, *, line: int | None = None, found: str = "", wanted: str = "", next_step: str = ""
) -> UsageError:
    where = str(path) if line is None else f"{path}, line {line}"
    return UsageError(message, where=where, found=found, wanted=wanted, next_step=next_step)
