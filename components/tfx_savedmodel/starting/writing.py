"""What of a repository follows from its data: the columns in configs.py and README.md, the plan, the policy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfx_savedmodel.starting.columns import MOST_VALUES, Column, Kind
from tfx_savedmodel.starting.data_set import DataSet
from tfx_savedmodel.starting.label import Label

_WIDTH = 120
_FORM = (
    "Other data has to come in the form of `data/examples.csv`: the same header in the same order, commas, "
    "every row with a label."
)
_REQUIRED = ["SM10", "SM120", "SM2", "SM301", "SM302", "SM303", "SM305"]


def literal(text: str) -> str:
    """Return a string as Python, in the quotes that a formatter would choose."""
    if '"' in text and "'" not in text:
        return repr(text)
    return json.dumps(text, ensure_ascii=False)


def columns_of_configs(data: DataSet) -> str:
    """Return the lines of configs.py that say what the columns are."""
    categories = [(column.name, str(min(column.values, MOST_VALUES))) for column in data.named(Kind.CATEGORY)]
    lines = [
        "#: What the model predicts; never an input.",
        f"LABEL = {literal(data.label.name)}",
        "#: The values of the label, in the order of the model's scores; empty for a regression.",
        *_tuple("CLASSES", data.label.classes),
        "#: Numbers: z-scores, a missing one is the mean.",
        *_tuple("NUMBERS", [column.name for column in data.named(Kind.NUMBER)]),
        "#: Dates that begin YYYY-MM-DD, YYYY/MM/DD or YYYY.MM.DD: z-scores of their days.",
        *_tuple("DATES", [column.name for column in data.named(Kind.DATE)]),
        "#: Strings, each with so many values that get a place of their own; "
        "one more place is for all others and a missing one.",
        *_lines("CATEGORIES: dict[str, int] = {", [f"{literal(name)}: {size}" for name, size in categories], "}"),
    ]
    return "\n".join(lines)


def _tuple(name: str, values: Iterable[str]) -> list[str]:
    items = [literal(value) for value in values]
    # As a formatter writes it: a tuple of one stays on its line.
    one = f"{name}: tuple[str, ...] = ({items[0]},)" if len(items) == 1 else ""
    return [one] if 0 < len(one) <= _WIDTH else _lines(f"{name}: tuple[str, ...] = (", items, ")")


def _lines(start: str, items: Sequence[str], end: str) -> list[str]:
    return [start, *(f"    {item}," for item in items), end] if items else [start + end]


def plan(data: DataSet) -> dict[str, Any]:
    """Return the signature plan: for batches, for REST clients, for explainers, and Serving's own requests."""
    signatures: dict[str, Any] = {
        "serving_default": {"kind": "serve_examples"},
        "serve_raw": {"kind": "serve_features"},
        "xai_preprocess": {"kind": "preprocess"},
        "xai_model": {"kind": "model"},
    }
    if data.is_classification:
        classes = {"labels": list(data.label.classes)}
        signatures["classify"] = {
            "kind": "classify",
            "of": "serving_default",
            "scores": data.output,
            "classes": classes,
        }
    else:
        signatures["regress"] = {"kind": "regress", "of": "serving_default", "value": data.output}
    return {
        "version": 1,
        "exclude_features": [data.label.name],
        "signatures": signatures,
        "explanation": {"signature": "xai_model", "output": data.output},
        "warmup": {"requests": 10},
    }


def policy(name: str, signatures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy: every signature has to be there, load, and run on the examples."""
    required = {"required": list(signatures)}
    return {"name": name, "required": _REQUIRED, "parameters": {"SM103": required, "SM301": required}}


def columns_of_readme(data: DataSet) -> str:
    """Return the part of README.md that tells the data."""
    label = data.label
    lines = [
        f"{data.rows:,} rows. The model predicts {_name(label)}: a {label.task}, because {label.reason}."
        + (f" Classes: {_classes(data)}." if data.is_classification else "")
        + "".join(f" {_text(note[:1].upper() + note[1:])}." for note in (*label.notes, *data.notes)),
        "",
        "| column | is | missing |",
        "|---|---|---|",
        *(f"| {_name(column)} | {column.describe} | {column.missing:,} |" for column in data.features),
    ]
    if data.left_out:
        lines += ["", "Left out:", "", *(f"- {_code(column.source)}: {_text(column.why)}" for column in data.left_out)]
    noted = [column for column in data.features if column.note]
    if noted:
        lines += ["", "Worth a look:", "", *(f"- `{column.name}`: {_text(column.note)}" for column in noted)]
    changes = [
        *(f"{_code(column.source)} in the file -> `{column.name}` here" for column in renamed(data)),
        *data.changes,
        *(f"{_code(column.source)}: {_text('; '.join(column.changes))}" for column in changed(data)),
    ]
    lines += ["", _FORM]
    if changes:
        lines += ["", "Changed in the copy, so that TFX reads what was meant, and to be changed in other data too:", ""]
        lines += [f"- {change}" for change in changes]
    return "\n".join(lines)


def renamed(data: DataSet) -> list[Column | Label]:
    """Return the columns that have another name in the pipeline than in the file."""
    columns: tuple[Column | Label, ...] = (data.label, *data.features)
    return [column for column in columns if column.source != column.name]


def changed(data: DataSet) -> list[Column | Label]:
    """Return the columns whose cells were changed."""
    columns: tuple[Column | Label, ...] = (data.label, *data.features)
    return [column for column in columns if column.changes]


def _classes(data: DataSet) -> str:
    shown = [_code(name) for name in data.label.classes[:12]]
    return ", ".join([*shown, f"and {len(data.label.classes) - 12} more"] if len(data.label.classes) > 12 else shown)


def _name(column: Column | Label) -> str:
    return f"`{column.name}`" + (f" ({_code(column.source)} in the file)" if column.source != column.name else "")


def _code(text: str) -> str:
    """Return a text of the file as code in Markdown: it may hold anything."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text).replace("`", "'").replace("|", "\\|")
    return f"`{plain[:80].strip()}`" if plain.strip() else "(no name)"


def _text(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text).replace("|", "\\|").replace("<", "&lt;")


def origin(data: DataSet) -> str:
    """Return data/README.md: where the rows come from."""
    rows = f"{data.rows:,} rows" if data.rows == data.total else f"{data.rows:,} of its {data.total:,} rows"
    return (
        f"# The data\n\n`examples.csv` holds {rows} of {_code(data.source)}, the label first. "
        "The README of the repository\nsays what was left out and changed. "
        "Say here where the file comes from and who may use it.\n"
    )
