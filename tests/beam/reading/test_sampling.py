"""Samples: the same whoever reads in whatever parts, of the size that was asked for, and spread."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.beam.models import good_rows, write_records, write_rows
from tests.beam.runs import read_all, run_files
from tests.conftest import require_module
from tfx_savedmodel.beam.reading.planning import plan_shards
from tfx_savedmodel.beam.reading.sampling import Sample, read_sample
from tfx_savedmodel.beam.reading.shards import Shard
from tfx_savedmodel.errors import UsageError

pytestmark = pytest.mark.tf


def _numbers(shards: list[Shard], form: str = "example", size: int = 200) -> set[tuple[str, int]]:
    found = [
        (batch.file, int(n)) for shard in shards for batch in read_all(shard, form, size=size)[0] for n in batch.numbers
    ]
    assert len(found) == len(set(found))
    return set(found)


def _files(folder: Path, *counts: int) -> list[str]:
    folder.mkdir(exist_ok=True)
    return [
        write_records(folder / f"part-{part}.gz", [f"{part}/{number}".encode() for number in range(count)])
        for part, count in enumerate(counts)
    ]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        (5, (5, None)),
        ("5", (5, None)),
        ("1_000", (1000, None)),
        (0.25, (None, 0.25)),
        ("1.0", (None, 1.0)),
    ],
)
def test_what_a_sample_may_be(value: Any, wanted: Any) -> None:
    found = read_sample(value, seed=3)
    assert found == (None if wanted is None else Sample(*wanted, seed=3))


@pytest.mark.parametrize("value", [0, -1, 0.0, 1.5, "many", "", True, float("nan"), "10%"])
def test_what_is_no_sample(value: Any) -> None:
    with pytest.raises(UsageError, match="not a sample") as caught:
        read_sample(value, where="--sample")
    assert caught.value.where == "--sample" and "0.1" in caught.value.wanted


def test_a_fraction_is_the_same_in_any_parts(tmp_path: Path) -> None:
    file = write_records(tmp_path / "file", [b"record" * 5] * 2000)
    sample = Sample(fraction=0.1)
    whole = _numbers(plan_shards([file], "example", sample))
    parts = plan_shards([file], "example", sample, split_bytes=10_000)
    assert len(parts) > 3
    assert _numbers(parts, size=50) == whole
    assert 120 < len(whole) < 280
    assert _numbers(plan_shards([file], "example", Sample(fraction=0.1, seed=1))) != whole
    shutil.copytree(tmp_path, tmp_path / "copy")
    again = _numbers(plan_shards([str(tmp_path / "copy" / "file")], "example", sample))
    assert {number for _, number in again} == {number for _, number in whole}
    assert len(_numbers(plan_shards([file], "example", Sample(fraction=1.0)))) == 2000


@pytest.mark.parametrize("number", [1, 7, 100, 999, 1000, 5000])
def test_a_number_is_met_exactly(tmp_path: Path, number: int) -> None:
    files = _files(tmp_path, 5, 300, 0, 45, 650)
    found = _numbers(plan_shards(files, "example", Sample(number=number)))
    assert len(found) == min(number, 1000)
    assert found == _numbers(plan_shards(list(reversed(files)), "example", Sample(number=number)))


def test_a_number_is_spread_over_the_files(tmp_path: Path) -> None:
    files = _files(tmp_path, *[400] * 10)
    found = _numbers(plan_shards(files, "example", Sample(number=200)))
    per_file = [sum(name == file for name, _ in found) for file in files]
    assert all(15 <= count <= 25 for count in per_file)
    assert len({number for _, number in found}) > 100


def test_a_number_reads_no_more_than_a_window_of_each_file(tmp_path: Path) -> None:
    files = _files(tmp_path, 20_000)
    (shard,) = plan_shards(files, "example", Sample(number=200))
    assert shard.records == 1600
    few = _files(tmp_path / "few", *[50] * 30)
    assert len(plan_shards(few, "example", Sample(number=3))) == 3


def test_json_lines_by_number(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_text("".join(json.dumps({"x": number}) + "\n" for number in range(3000)))
    assert len(_numbers(plan_shards([str(file)], "json", Sample(number=100)), "json")) == 100


def test_parquet_by_number_and_fraction(tmp_path: Path) -> None:
    pq = require_module("pyarrow.parquet", "pip install pyarrow: it comes with Apache Beam")
    import pyarrow as pa

    file = str(tmp_path / "file")
    pq.write_table(pa.table({"x": list(range(3000))}), file, row_group_size=500)
    found = _numbers(plan_shards([file], "parquet", Sample(number=90)), "parquet")
    assert len(found) == 90
    assert 200 < len(_numbers(plan_shards([file], "parquet", Sample(fraction=0.1)), "parquet")) < 400


def test_small_batches_are_put_together(tmp_path: Path) -> None:
    file = write_records(tmp_path / "file", [b"record"] * 2000)
    (shard,) = plan_shards([file], "example", Sample(fraction=0.05))
    batches, _ = read_all(shard, "example", size=32)
    assert all(len(batch.records) > 16 for batch in batches[:-1])
    assert all(batch.first + batch.span <= after.first for batch, after in itertools.pairwise(batches))
    bytes_of = {int(n): int(b) for batch in batches for n, b in zip(batch.numbers, batch.details["byte"], strict=True)}
    assert bytes_of == {number: number * (16 + 6) for number in bytes_of}


def test_faults_of_records_outside_of_the_sample_do_not_count(tmp_path: Path) -> None:
    path = Path(write_records(tmp_path / "file", [b"record"] * 30))
    data = bytearray(path.read_bytes())
    for number in range(0, 30, 2):
        data[number * 22 + 14] ^= 1
    path.write_bytes(data)
    (shard,) = plan_shards([str(path)], "example", Sample(fraction=0.5))
    assert shard.pick is not None
    import numpy as np

    chosen = set(np.flatnonzero(shard.pick.mask(np.arange(30))).tolist())
    batches, faults = read_all(shard, "example")
    assert {int(number) for batch in batches for number in batch.numbers} == {n for n in chosen if n % 2}
    assert {fault.record for fault in faults} == {n for n in chosen if not n % 2}


def test_a_part_of_a_batch_is_about_its_own_records(tmp_path: Path) -> None:
    file = write_records(tmp_path / "file", [b"record"] * 400)
    (shard,) = plan_shards([file], "example", Sample(fraction=0.25))
    batch = read_all(shard, "example", size=64)[0][0]
    first, second = batch.part(0, 20), batch.part(20, 100)
    assert (first.first, first.first + first.span) == (batch.first, int(batch.numbers[20]))
    assert (second.first, second.first + second.span) == (int(batch.numbers[20]), batch.first + batch.span)
    assert first.end_byte == int(batch.numbers[20]) * 22 and second.end_byte == batch.end_byte
    assert [*first.numbers, *second.numbers] == batch.numbers.tolist()
    assert batch.part(0, 64) is batch


def test_the_examples_of_a_sample_are_run(scorer: str, tmp_path: Path) -> None:
    files = [write_rows(tmp_path / f"{part}.gz", good_rows(60)) for part in range(3)]
    result = run_files(scorer, *files, sample=Sample(number=50))["SM301"]
    assert result.measurements["ran"]["serving_default"] == 50
