"""Parquet: by row group, only the columns that are needed, and what cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.beam.models import cut, good_rows
from tests.beam.runs import read_all, run_files, values_of
from tests.conftest import require_module
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.beam.reading.table import Wanted
from tfx_savedmodel.validation.result import CheckVerdict

pytestmark = pytest.mark.tf

FED = ("serve_raw", "serving_default", "xai_model", "xai_preprocess")


@pytest.fixture(autouse=True)
def _pyarrow() -> None:
    require_module("pyarrow.parquet", "pip install pyarrow: it comes with Apache Beam")


def _write(path: Path, columns: dict[str, Any], **options: Any) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(columns)
    pq.write_table(table, str(path), **options)
    return str(path)


def _rows(path: Path, count: int, **options: Any) -> str:
    rows = good_rows(count)
    return _write(path, {name: [row[name] for row in rows] for name in ("x", "n")}, **options)


def test_every_type_that_a_feature_holds(tmp_path: Path) -> None:
    import pyarrow as pa

    texts = pa.array(["a", None, "c"])
    columns = {
        "float": pa.array([1.5, None, 2.5], pa.float32()),
        "double": pa.array([0.1, 0.2, None]),
        "small": pa.array([1, -2, None], pa.int8()),
        "large": pa.array([1, 2**63 + 5, 3], pa.uint64()),
        "flag": pa.array([True, None, False]),
        "text": texts,
        "wide_text": texts.cast(pa.large_string()),
        "bytes": pa.array([b"\xff", b"", None]),
        "word": texts.dictionary_encode(),
        "floats": pa.array([[1.0, 2.0], [], None]),
        "fixed": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.int64(), 2)),
        "texts": pa.array([["a", "b"], None, ["c"]], pa.large_list(pa.string())),
    }
    batches, faults = read_all(Shard(_write(tmp_path / "file", columns)), "parquet")
    assert faults == []
    found = {name: list(values_of(batches, name).values()) for name in columns}
    assert found == {
        "float": [[1.5], [], [2.5]],
        "double": [[0.1], [0.2], []],
        "small": [[1], [-2], []],
        "large": [[1], [2**63 + 5], [3]],
        "flag": [[True], [], [False]],
        "text": [[b"a"], [], [b"c"]],
        "wide_text": [[b"a"], [], [b"c"]],
        "bytes": [[b"\xff"], [b""], []],
        "word": [[b"a"], [], [b"c"]],
        "floats": [[1.0, 2.0], [], []],
        "fixed": [[1, 2], [3, 4], [5, 6]],
        "texts": [[b"a", b"b"], [], [b"c"]],
    }


def test_a_range_of_rows_is_read_across_row_groups(tmp_path: Path) -> None:
    file = _rows(tmp_path / "file", 50, row_group_size=15)
    batches, faults = read_all(Shard(file, 10, -1, 25), "parquet")
    assert values_of(batches, "n") == {number: [number] for number in range(10, 35)}
    assert faults == []
    assert {int(group) for batch in batches for group in batch.details["row_group"]} == {0, 1, 2}
    assert all(len(batch.records) <= 6 for batch in batches)


def test_row_groups_become_shards_and_small_ones_share_one(tmp_path: Path) -> None:
    from tfx_savedmodel.beam.reading.parquet import parquet_shards

    file = _rows(tmp_path / "file", 50, row_group_size=10)
    apart = [shard for shard, _ in parquet_shards(file, group_bytes=1)]
    assert apart == [Shard(file, first, -1, 10) for first in range(0, 50, 10)]
    together = [shard for shard, _ in parquet_shards(file)]
    assert together == [Shard(file, 0, -1, 50)]


def test_a_table_runs_through_every_signature(scorer: str, tmp_path: Path) -> None:
    result = run_files(scorer, _rows(tmp_path / "file", 50, row_group_size=20))["SM301"]
    assert result.verdict is CheckVerdict.PASS
    assert result.measurements["ran"] == dict.fromkeys(FED, 50)


def test_whole_numbers_for_a_parser_of_floats(scorer: str, tmp_path: Path) -> None:
    file = _write(tmp_path / "file", {"x": [1, 2, 3], "n": [1.0, 2.0, 3.0]})
    ran = run_files(scorer, file)["SM301"].measurements["ran"]
    assert ran["serving_default"] == 3


def test_an_example_that_is_refused_is_kept_with_its_row_group(scorer: str, tmp_path: Path) -> None:
    rows = good_rows(40)
    columns = {"x": [row["x"] for row in rows], "n": [row["n"] for row in rows]}
    columns["x"][33] = None
    result = run_files(scorer, _write(tmp_path / "file", columns, row_group_size=10))["SM301"]
    kept = result.measurements["refused"]["serve_raw"]["first"]
    assert [(each["record"], each["at"]) for each in kept] == [(33, "row group 3")]
    assert result.measurements["ran"]["serving_default"] == 39


def test_only_the_columns_that_are_needed_are_read(scorer: str, tmp_path: Path) -> None:
    rows = good_rows(2000)
    columns = {"x": [row["x"] for row in rows], "junk": ["junk" * 20] * 2000, "n": [row["n"] for row in rows]}
    file = Path(_write(tmp_path / "file", columns, use_dictionary=False, compression="none"))
    data = bytearray(file.read_bytes())
    start = data.index(b"junk")
    data[start : start + 100_000] = b"\xee" * 100_000  # whoever reads the column fails
    file.write_bytes(data)
    batches, faults = read_all(Shard(str(file)), "parquet", Wanted({"n": "int64"}), size=512)
    assert [sorted(batch.records.columns) for batch in batches] == [["n"]] * 4 and faults == []
    assert run_files(scorer, str(file))["SM301"].measurements["ran"] == dict.fromkeys(FED, 2000)
    assert read_all(Shard(str(file)), "parquet")[1] != []


def test_a_column_that_no_feature_holds_is_named_where_it_is_wanted(scorer: str, tmp_path: Path) -> None:
    import datetime

    day = datetime.datetime(2026, 1, 1)
    result = run_files(scorer, _write(tmp_path / "a", {"x": [1.0], "n": [1], "day": [day]}))["SM301"]
    assert result.measurements["ran"] == dict.fromkeys(FED, 1)
    result = run_files(scorer, _write(tmp_path / "b", {"x": [day], "n": [1]}))["SM301"]
    assert result.verdict is CheckVerdict.SKIP
    for key, way in (("serve_raw", "its input 'x' cannot be fed"), ("serving_default", "it parses 'x'")):
        assert f"{key}: {way}: the column 'x' holds timestamp[" in (result.reason or "")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 and no more"])
def test_a_file_without_a_footer_is_a_fault(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    batches, faults = read_all(Shard(str(file)), "parquet")
    assert batches == [] and [(fault.record, fault.rest_lost) for fault in faults] == [(0, True)]


def test_a_file_that_is_cut_off_is_a_fault_and_the_others_are_run(scorer: str, tmp_path: Path) -> None:
    whole = _rows(tmp_path / "whole", 20)
    short = cut(whole, tmp_path / "z-short", Path(whole).stat().st_size // 2)
    result = run_files(scorer, whole, short)["SM301"]
    assert result.measurements["ran"]["serve_raw"] == 20
    assert result.measurements["files_cut_short"] == [short]


def test_a_corrupt_row_group_is_given_up_and_the_next_is_read(scorer: str, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    file = Path(_rows(tmp_path / "file", 60, row_group_size=20, compression="gzip", use_dictionary=False))
    chunk = pq.ParquetFile(str(file)).metadata.row_group(1).column(0)
    data = bytearray(file.read_bytes())
    end = chunk.data_page_offset + chunk.total_compressed_size
    data[end - 60 : end] = b"\x00" * 60
    file.write_bytes(data)
    batches, faults = read_all(Shard(str(file)), "parquet")
    assert sorted(values_of(batches, "n")) == [*range(20), *range(40, 60)]
    assert [(fault.record, fault.at, fault.records) for fault in faults] == [(20, "row group 1", 20)]
    result = run_files(scorer, str(file))["SM301"]
    assert result.measurements["ran"]["serve_raw"] == 40
    assert result.measurements["unreadable_records"] == 20
    assert "row group 1" in result.findings[0].found


def test_a_list_with_a_hole_is_one_bad_row(tmp_path: Path) -> None:
    file = _write(tmp_path / "file", {"x": [[1.0], [2.0, None], [3.0, 4.0]], "n": [1, 2, 3]})
    batches, faults = read_all(Shard(file), "parquet")
    assert values_of(batches, "x") == {0: [1.0], 2: [3.0, 4.0]}
    assert values_of(batches, "n") == {0: [1], 2: [3]}
    assert [(fault.record, fault.reason) for fault in faults] == [(1, "the column 'x' has a list that holds a null")]


def test_two_columns_of_one_name(scorer: str, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tfx_savedmodel.beam.reading.planning import look_at
    from tfx_savedmodel.errors import ExamplesError

    table = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["x", "x"])
    pq.write_table(table, str(tmp_path / "file"))
    with pytest.raises(ExamplesError, match="same name"):
        look_at((str(tmp_path / "file"),))
