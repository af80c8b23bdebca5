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

    monkeypatch.setattr(encoding, "_MOST_PADDED", 64)
    rows: list[list[Any]] = [[float(row)] * (200 if row == 5 else row % 3) for row in range(40)]
    found = encoding.encode_examples({"x": _column(rows, "float32")}, 40)
    assert [list(_parsed(record).features.feature["x"].float_list.value) for record in found] == rows


@pytest.mark.parametrize("count", [0, 3])
def test_no_column_and_no_row(count: int) -> None:
    from tfx_savedmodel.beam.reading.encoding import encode_examples

    assert list(encode_examples({}, count)) == [b""] * count
