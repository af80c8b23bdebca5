"""Columns become the tf.Examples that Python's protobuf would have made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.beam.models import serialized

pytestmark = pytest.mark.tf


def _column(rows: list[list[Any]], dtype: Any) -> Any:
    import numpy as np

    from tfx_savedmodel.beam.reading.columns import Column

    values = np.array([value for row in rows for value in row], dtype)
    return Column(values, np.array([len(row) for row in rows]))


def _parsed(record: bytes) -> Any:
    import tensorflow as tf

    return tf.train.Example.FromString(record)


def test_every_kind_with_missing_values() -> None:
    from tfx_savedmodel.beam.reading.encoding import encode_examples

    floats: list[list[Any]] = [[0.5], [], [1.0, -2.5, 3.0], []]
    whole: list[list[Any]] = [[1, 2], [-3], [], []]
    texts: list[list[Any]] = [[b""], [b"a", b"\xff\x00"], [], []]
    columns = {"f": _column(floats, "float64"), "n": _column(whole, "int64"), "s": _column(texts, object)}
    found = encode_examples(columns, 4)
    rows = [dict(zip("fns", row, strict=True)) for row in zip(floats, whole, texts, strict=True)]
    wanted = [_parsed(serialized({name: value or None for name, value in row.items()})) for row in rows]
    assert [_parsed(record) for record in found] == wanted
    assert not _parsed(found[3]).features.feature


def test_bool_and_unsigned_become_integers() -> None:
    from tfx_savedmodel.beam.reading.encoding import encode_examples

    columns = {"b": _column([[True], [False]], bool), "u": _column([[3], [4]], "uint64")}
    features = _parsed(encode_examples(columns, 2)[0]).features.feature
    assert (features["b"].int64_list.value, features["u"].int64_list.value) == ([1], [3])


def test_a_long_row_does_not_make_all_long(monkeypatch: pytest.MonkeyPatch) -> None:
    from tfx_savedmodel.beam.reading import encoding

    monkeypatch.setattr(encoding, "_AT_ONCE", 64)
    rows: list[list[Any]] = [[float(row)] * (200 if row == 5 else row % 3) for row in range(40)]
    found = encoding.encode_examples({"x": _column(rows, "float32")}, 40)
    assert [list(_parsed(record).features.feature["x"].float_list.value) for record in found] == rows


@pytest.mark.parametrize("count", [0, 3])
def test_no_column_and_no_row(count: int) -> None:
    from tfx_savedmodel.beam.reading.encoding import encode_examples

    assert list(encode_examples({}, count)) == [b""] * count


def test_random_columns_are_what_tensorflow_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    import tensorflow as tf

    from tfx_savedmodel.beam.reading import encoding

    chosen = np.random.default_rng(11)
    makers: list[Any] = [
        (lambda n: chosen.normal(size=n), "float64"),
        (lambda n: chosen.normal(size=n), "float16"),
        (lambda n: chosen.integers(-(2**63), 2**63 - 1, n), "int64"),
        (lambda n: chosen.integers(-5, 300, n), "int32"),
        (lambda n: chosen.integers(0, 2, n), "bool"),
        (lambda n: chosen.integers(0, 2**64 - 1, n, np.uint64), "uint64"),
        (lambda n: [bytes(chosen.integers(0, 256, chosen.integers(0, 300), np.uint8)) for _ in range(n)], object),
    ]
    for at_once in (encoding._AT_ONCE, 500):
        monkeypatch.setattr(encoding, "_AT_ONCE", at_once)
        for count in (1, 7, 40):
            columns = {}
            for number, (make, dtype) in enumerate(makers):
                most = (1, 3, 40, 0)[chosen.integers(4)]
                rows = [list(np.array(make(length), dtype)) for length in chosen.integers(0, most + 1, count)]
                columns[f"{'é' * (number * 15)}{number}"] = _column(rows, dtype)
            found = encoding.encode_examples(columns, count)
            starts = {name: np.cumsum(column.lengths) - column.lengths for name, column in columns.items()}
            for row, record in enumerate(found):
                wanted = tf.train.Features()
                for name, column in columns.items():
                    start, length = starts[name][row], column.lengths[row]
                    values = column.values[start : start + length]
                    if not length:
                        continue
                    if values.dtype == object:
                        wanted.feature[name].bytes_list.value.extend(values)
                    elif values.dtype.kind == "f":
                        wanted.feature[name].float_list.value.extend(values.astype(np.float32).tolist())
                    else:
                        wanted.feature[name].int64_list.value.extend(values.astype(np.int64).tolist())
                assert _parsed(record).features == wanted
