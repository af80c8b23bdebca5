"""Lines of JSON as columns: by Arrow where all are alike, and then the same as row by row."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable
from typing import Any

import pytest

from tfx_savedmodel.beam.reading.json_columns import columns_of
from tfx_savedmodel.beam.reading.rest_rows import rows_of, table_of
from tfx_savedmodel.beam.reading.table import ColumnTable, Wanted

pytestmark = pytest.mark.tf

ALL = Wanted.all()


def _lines(*documents: Any) -> list[bytes]:
    return [(each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in documents]


def _by_rows(lines: list[bytes], wanted: Wanted) -> tuple[ColumnTable, dict[int, str]]:
    rows = [row for number, line in enumerate(lines) for row in rows_of(json.loads(line), number)]
    if not wanted.everything:
        kept = [{name: row.features[name] for name in row.features if name in wanted.kinds} for row in rows]
        rows = [type(row)(features, row.document) for row, features in zip(rows, kept, strict=True)]
    return table_of(rows, wanted.kinds)


def _facts(table: ColumnTable) -> dict[str, Any]:
    return {
        name: (str(column.values.dtype), repr(column.values.tolist()), column.lengths.tolist(), column.shapes.tolist())
        for name, column in table.columns.items()
        if column.shapes is not None
    }


@pytest.mark.parametrize(
    "documents",
    [
        [{"f": 0.5, "n": 1, "s": "é", "b": True}, {"f": 2, "n": 3, "s": "", "b": False}],
        [{"many": [1, 2]}, {"many": []}, {"many": None}, {}, {"many": [3]}],
        [{"late": None}, {"late": 1.5}],
        [{"text": ["a", "b"]}, {"text": ["2020-01-01"]}],
        [{"day": "2020-01-01"}, {"day": "12:30:00"}],
        [{"grid": [[1, 2, 3], [4, 5, 6]]}, {"grid": [[7, 8, 9]]}, {"grid": None}],
        [{"cube": [[[1.5], [2.5]]]}, {"cube": [[[3], [4]], [[5], [6]]]}],
        [{"x": 2**53 + 1}, {"x": -(2**63)}],
        [{"name with spaces": 1.0, "": 2.0}, {"": 3.0}],
        [b'{"x": -0.0, "y": 1E5}', b'{"x": NaN}'],
        [b'{"x": "\\u00e9\\ud83d\\ude00\\n"}\r', b'{"x": "\xc3\xa9"}'],
    ],
)
def test_it_is_what_the_rows_say(documents: list[Any]) -> None:
    lines = _lines(*documents)
    table = columns_of(lines, ALL)
    assert table is not None
    expected, bad = _by_rows(lines, ALL)
    assert bad == {} and len(table) == len(expected)
    assert _facts(table) == _facts(expected)


@pytest.mark.parametrize(
    "documents",
    [
        [{"instances": [{"x": 1}]}],
        [{"inputs": {"x": [1]}}],
        [b'{"\\u0069nstances": [1]}'],
        [{"x": {"b64": "AA=="}}],
        [{"x": {"y": 1}}],
        [[1.0]],
        [{"x": 1}, {"x": 0.5}],
        [{"x": 1}, {"x": "text"}],
        [{"x": 1}, {"x": [1]}],
        [{"x": True}, {"x": 1}],
        [{"x": [1, None]}],
        [{"x": [1, 2.5]}],
        [{"x": [[1, 2], [3]]}],
        [{"x": [[1, 2]]}, {"x": [[1]]}],
        [{"x": [[1]]}, {"x": []}],
        [{"x": []}],
        [{"x": None}],
        [{}],
        [{"x": 0.5}, {"x": 2**70}],
        [{"x": 2**63}],
        [*({"x": 1} for _ in range(20)), {"x": 1, "y": 2}],
        [b'{"x": 3}{"x": 4}', b'{"x": 1},{"x": 2}', b'{"x": 3}'],
        [b'{"x": 3}{"x": 4}', b'{"x": 1}\0 }'],
        [b'{"x": 1},', b'{"x": 2}'],
        [b'{"x": 1', b'{"x": 2}'],
        [b'{"x": "\xff"}'],
        [b'{"x": "\\ud800"}'],
        [b'{"x": 1, "x": 2}'],
        [b'{"x": 1e400}'],
        [b'{"x": 1}', b'{"x": ' + b"[[]," * 20_000 + b"[]" + b"]" * 20_000 + b"}"],
    ],
)
def test_what_is_not_all_alike_is_left_to_the_rows(documents: list[Any]) -> None:
    assert columns_of(_lines(*documents), ALL) is None


def test_only_wanted_features_are_looked_at() -> None:
    lines = _lines({"x": 1, "other": [[1], 2]}, {"x": 2, "other": "text"})
    wanted = Wanted({"x": "float", "never": "int64"})
    table = columns_of(lines, wanted)
    assert table is not None and list(table.columns) == ["x"]
    assert _facts(table) == _facts(_by_rows(lines, wanted)[0])
    # A feature whose type the first lines do not tell is not lost.
    assert (
        columns_of(_lines(*({"x": 1} for _ in range(20)), {"x": 1, "y": 2}), Wanted({"x": "int64", "y": "int64"}))
        is None
    )
    assert columns_of(lines, Wanted({"x": "bytes"})) is None


def test_random_lines_are_read_alike_both_ways() -> None:
    chosen = random.Random(7)
    compared = 0
    for _ in range(300):
        makers = {f"f{number}": chosen.choice(MAKERS) for number in range(chosen.randint(1, 4))}
        rows = [
            {name: make(chosen) for name, make in makers.items() if chosen.random() > 0.1}
            for _ in range(chosen.randint(1, 40))
        ]
        lines = _lines(*rows)
        table = columns_of(lines, ALL)
        if table is None:
            continue
        compared += 1
        expected, bad = _by_rows(lines, ALL)
        assert bad == {}
        assert _facts(table) == _facts(expected)
    assert compared > 100


def _text(chosen: random.Random) -> str:
    return "".join(chosen.choice(string.printable + "é漢😀") for _ in range(chosen.randint(0, 5)))


MAKERS: list[Callable[[random.Random], Any]] = [
    lambda chosen: chosen.randint(-(2**63), 2**63 - 1),
    lambda chosen: chosen.random() * 10 ** chosen.randint(-300, 17),
    lambda chosen: chosen.choice([True, False, None]),
    lambda chosen: [chosen.random() for _ in range(chosen.randint(0, 3))],
    lambda chosen: [[chosen.randint(0, 9) for _ in range(3)] for _ in range(chosen.randint(1, 3))],
    lambda chosen: [_text(chosen) for _ in range(chosen.randint(0, 2))],
    _text,
    lambda chosen: chosen.choice([1, 1, 1, 1, 1, 1, 1, 0.5]),
]
