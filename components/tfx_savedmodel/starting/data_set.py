"""The data of a new pipeline: the columns that it uses, its label, and its rows as CsvExampleGen reads them."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

from tfx_savedmodel.errors import UsageError
from tfx_savedmodel.starting.columns import Column, Kind, is_missing, look
from tfx_savedmodel.starting.label import CLASSIFICATION, Label, look_at_label
from tfx_savedmodel.starting.names import column_names
from tfx_savedmodel.starting.reading import Table, duplicates, read_table

#: TFX splits rows by their hash, two to one: with fewer rows a part may be empty.
FEWEST_ROWS = 30


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A file after it was looked at.

    Attributes:
      source: the file's name.
      columns: all but the label, in the file's order.
      rows: how many rows the pipeline gets.
      total: how many the file has.
      notes: which rows the pipeline does not get, in words.
      changes: what was changed in all rows, in words: data that comes later has to have the new form.
    """

    source: str
    label: Label
    columns: tuple[Column, ...]
    rows: int
    total: int
    notes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.kind is not Kind.LEFT_OUT)

    @property
    def left_out(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.kind is Kind.LEFT_OUT)

    @property
    def is_classification(self) -> bool:
        return self.label.task == CLASSIFICATION

    @property
    def output(self) -> str:
        """The name of the model's output."""
        return "probabilities" if self.is_classification else "prediction"

    def named(self, kind: Kind) -> list[Column]:
        return [column for column in self.features if column.kind is kind]

    def write(self, path: Path) -> None:
        """Write the rows as CSV: commas, a missing value is an empty cell, what is left out is not there."""
        used: tuple[Label | Column, ...] = (self.label, *self.features)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([column.name for column in used])
            writer.writerows(zip(*(column.cells for column in used), strict=True))


def look_at_data(path: Path, label: str, *, task: str | None = None) -> DataSet:
    """Return what a CSV file holds for a pipeline that predicts the column `label`.

    Raises:
      UsageError: a file that cannot be read, no such label or one that says nothing, too few rows, no feature.
    """
    table = read_table(path)
    place = _place(table, label)
    names = column_names(table.header)
    kept = [row for row in table.rows if row[place] and not is_missing(row[place])]
    if len(kept) < FEWEST_ROWS:
        raise UsageError(
            "too few rows",
            where=str(path),
            found=f"{len(kept)} with a value of {label!r}",
            wanted=f"{FEWEST_ROWS} or more; a model that is worth serving wants hundreds",
        )
    comma_is_decimal = table.separator != ","
    cells = list(zip(*kept, strict=True))
    looked = look_at_label(label, names[place], cells[place], task=task, comma_is_decimal=comma_is_decimal)
    columns = tuple(
        look(source, name, values, comma_is_decimal=comma_is_decimal)
        for number, (source, name, values) in enumerate(zip(table.header, names, cells, strict=True))
        if number != place
    )
    found = DataSet(
        path.name, looked, columns, len(kept), table.total, tuple(_notes(table, len(kept))), tuple(_changes(table))
    )
    if not found.features:
        why = "; ".join(f"{column.source}: {column.why}" for column in columns[:5])
        raise UsageError("no column that a model could use", where=str(path), found=why or "the label alone")
    return found


def _place(table: Table, label: str) -> int:
    if label not in table.header:
        raise UsageError(
            "no such column",
            where=f"--label {label}",
            found=", ".join(table.header[:30]) + (", …" if len(table.header) > 30 else ""),
            wanted="the name of one of the columns, as the first line has it",
        )
    if label in duplicates(table.header):
        raise UsageError(
            "several columns of that name", where=f"--label {label}", wanted="one", next_step="rename the others"
        )
    return table.header.index(label)


def _notes(table: Table, kept: int) -> list[str]:
    notes = []
    if table.is_sample:
        notes.append(
            f"a random sample of {len(table.rows):,} of its {table.total:,} rows was looked at and copied; "
            "to train on all of them put the whole file into data/ in place of data/examples.csv, "
            "in the form of that copy: its header, commas, empty cells where a value is missing, a label in every row"
        )
    if kept < len(table.rows):
        left = len(table.rows) - kept
        of = " of the sample" if table.is_sample else ""
        notes.append(
            f"one row{of} without a label was left out"
            if left == 1
            else f"{left:,} rows{of} without a label were left out"
        )
    return notes


def _changes(table: Table) -> list[str]:
    changes = []
    if table.had_blanks:
        changes.append("blanks around cells were taken away")
    if table.separator != ",":
        changes.append(f"the separator {table.separator!r} became a comma")
    return changes
