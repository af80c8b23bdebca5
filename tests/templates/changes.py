"""Changes of a made repository that its README describes, as somebody makes them, and how they are taken back."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, str]]


@contextlib.contextmanager
def taken_back(made: Path, *names: str) -> Iterator[None]:
    """Write these files as they were, and which model was the last, when the tests of a change are through."""
    kept = {made / name: (made / name).read_text() for name in (*names, "build/model.txt")}
    try:
        yield
    finally:
        for path, text in kept.items():
            path.write_text(text)


def edit(path: Path, change: Callable[[Any], object]) -> None:
    """Change a JSON file."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def replace(path: Path, *changes: tuple[str, str]) -> None:
    """Change a text file; each of the old texts stands in it once."""
    text = path.read_text()
    for old, new in changes:
        assert text.count(old) == 1, (path.name, old)
        text = text.replace(old, new)
    path.write_text(text)


def edit_required(made: Path, change: Callable[[list[str]], object]) -> None:
    """Change both lists of policy.json."""
    edit(made / "policy.json", lambda policy: [change(check["required"]) for check in policy["parameters"].values()])


def remove_signature(made: Path) -> None:
    edit(made / "signatures.json", lambda plan: plan["signatures"].pop("serve_raw"))
    edit_required(made, lambda required: required.remove("serve_raw"))


def read_rows(path: Path) -> Rows:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: Rows) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
