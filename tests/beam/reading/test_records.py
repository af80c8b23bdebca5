"""Records in batches, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.beam.models import cut, write_records
from tfx_savedmodel.beam.reading.planning import plan_shards
from tfx_savedmodel.beam.reading.records import ReadFault, RecordBatch, read_batches
from tfx_savedmodel.beam.reading.shards import Shard

pytestmark = pytest.mark.tf

RECORDS = [f"record {index}".encode() * 3 for index in range(20)]
LENGTHS = [len(record) + 16 for record in RECORDS]


def _read(shard: Shard, size: int = 6) -> tuple[dict[int, bytes], list[ReadFault]]:
    records: dict[int, bytes] = {}
    faults = []
    for item in read_batches(shard, size):
        if isinstance(item, RecordBatch):
            records.update(enumerate(item.records, item.first))
        else:
            faults.append(item)
    return records, faults


@pytest.mark.parametrize("name", ["plain", "zipped.gz"])
def test_every_record_is_read_with_its_number(tmp_path: Path, name: str) -> None:
    path = write_records(tmp_path / name, RECORDS)
    assert _read(Shard(path)) == (dict(enumerate(RECORDS)), [])


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    path = write_records(tmp_path / "zipped.gz", RECORDS)
    renamed = Path(path).rename(tmp_path / "no-suffix")
    assert _read(Shard(str(renamed)))[0] == dict(enumerate(RECORDS))


def test_corrupt_data_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "corrupt"
    write_records(path, RECORDS)
    data = bytearray(path.read_bytes())
    for number in (7, 8):
        data[sum(LENGTHS[:number]) + 14] ^= 1
    path.write_bytes(data)
    records, faults = _read(Shard(str(path)))
    assert records == {number: record for number, record in enumerate(RECORDS) if number not in (7, 8)}
    assert [(fault.record, fault.rest_lost) for fault in faults] == [(7, False), (8, False)]


def test_a_corrupt_length_loses_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "corrupt"
    write_records(path, RECORDS)
    data = bytearray(path.read_bytes())
    data[sum(LENGTHS[:7])] ^= 1
    path.write_bytes(data)
    records, faults = _read(Shard(str(path)))
    assert records == dict(enumerate(RECORDS[:7]))
    assert [(fault.record, fault.rest_lost) for fault in faults] == [(7, True)]


@pytest.mark.parametrize("left", [5, 13, 20])
def test_a_file_cut_in_a_record(tmp_path: Path, left: int) -> None:
    # TensorFlow itself takes a file cut within a record's header (5 bytes) for a complete one.
    path = cut(write_records(tmp_path / "whole", RECORDS), tmp_path / "cut", sum(LENGTHS[:9]) + left)
    records, faults = _read(Shard(path))
    assert records == dict(enumerate(RECORDS[:9]))
    assert [(fault.record, fault.rest_lost) for fault in faults] == [(9, True)]


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_gzip_file_cut_anywhere(tmp_path: Path, share: float) -> None:
    whole = write_records(tmp_path / "whole.gz", RECORDS)
    path = cut(whole, tmp_path / "cut.gz", int(Path(whole).stat().st_size * share) + 3)
    records, faults = _read(Shard(path))
    assert records == dict(enumerate(RECORDS[: len(records)]))
    assert len(records) < len(RECORDS)
    assert [fault.rest_lost for fault in faults] == [True]


def _zlib(path: Path, keep: float = 1.0) -> str:
    import zlib

    data = zlib.compress(Path(write_records(path.with_suffix(".plain"), RECORDS)).read_bytes())
    path.write_bytes(data[: int(len(data) * keep)])
    return str(path)


def test_zlib_is_known_by_its_content(tmp_path: Path) -> None:
    assert _read(Shard(_zlib(tmp_path / "file"))) == (dict(enumerate(RECORDS)), [])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_zlib_file_cut_anywhere(tmp_path: Path, share: float) -> None:
    records, faults = _read(Shard(_zlib(tmp_path / "cut", share)))
    assert records == dict(enumerate(RECORDS[: len(records)]))
    assert [fault.rest_lost for fault in faults] == [True]


def test_places_are_bytes_of_the_uncompressed_data(tmp_path: Path) -> None:
    path = Path(write_records(tmp_path / "plain", RECORDS))
    data = bytearray(path.read_bytes())
    data[sum(LENGTHS[:11]) + 14] ^= 1
    path.write_bytes(data)
    for file in (str(path), str(tmp_path / "zipped")):
        if file != str(path):
            import gzip

            Path(file).write_bytes(gzip.compress(bytes(data)))
        items = list(read_batches(Shard(file), 4))
        (fault,) = (item for item in items if isinstance(item, ReadFault))
        assert (fault.record, fault.at) == (11, f"byte {sum(LENGTHS[:11])}")
        first = next(item for item in items if isinstance(item, RecordBatch) and item.first == 4)
        assert first.details["byte"].tolist() == [sum(LENGTHS[:number]) for number in range(4, 8)]


def test_concatenated_gzip_members_are_whole(tmp_path: Path) -> None:
    first = Path(write_records(tmp_path / "first.gz", RECORDS[:5]))
    second = Path(write_records(tmp_path / "second.gz", RECORDS[5:]))
    both = tmp_path / "both.gz"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    assert _read(Shard(str(both))) == (dict(enumerate(RECORDS)), [])


@pytest.mark.parametrize("name", ["plain", "zipped.gz"])
def test_reading_begins_at_a_byte(tmp_path: Path, name: str) -> None:
    path = write_records(tmp_path / name, RECORDS)
    begin = Shard(path, 7, sum(LENGTHS[:7]))
    assert _read(begin) == ({number: RECORDS[number] for number in range(7, 20)}, [])
    # Bytes that are not those of the number are taken at their word: nothing before them is read.
    assert _read(Shard(path, 70, sum(LENGTHS[:7]), records=2))[0] == {70: RECORDS[7], 71: RECORDS[8]}


def test_many_corrupt_records_are_each_named_with_their_byte(tmp_path: Path) -> None:
    path = Path(write_records(tmp_path / "plain", RECORDS))
    data = bytearray(path.read_bytes())
    for number in range(1, 20, 2):
        data[sum(LENGTHS[:number]) + 14] ^= 1
    path.write_bytes(data)
    records, faults = _read(Shard(str(path)))
    assert records == {number: RECORDS[number] for number in range(0, 20, 2)}
    wanted = [(number, f"byte {sum(LENGTHS[:number]):,}", False) for number in range(1, 20, 2)]
    assert [(fault.record, fault.at, fault.rest_lost) for fault in faults] == wanted


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"PAR1", "holds Parquet"), (b"x,n\n1,2\n", "holds text"), (b'{"x": 1}\n', "holds JSON lines")],
)
def test_a_file_of_another_form_says_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content * 40)
    _, (fault,) = _read(Shard(str(path)))
    assert said in fault.reason and "read as TFRecords" in fault.reason and fault.rest_lost


@pytest.mark.parametrize("content", [None, b"this is a text, and no file of records"])
def test_what_is_no_record_file_is_a_fault(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    records, faults = _read(Shard(str(path)))
    assert records == {}
    assert [(fault.record, fault.rest_lost) for fault in faults] == [(0, True)]


def test_ranges_of_a_large_file_cover_it_once(tmp_path: Path) -> None:
    path = write_records(tmp_path / "large", RECORDS)
    shards = plan_shards([path], "example", split_bytes=200)
    parts = [_read(shard) for shard in shards]
    assert len(shards) > 2
    assert sum(len(records) for records, _ in parts) == len(RECORDS)
    assert {number: record for records, _ in parts for number, record in records.items()} == dict(enumerate(RECORDS))
    assert [fault for _, faults in parts for fault in faults] == []


def test_a_compressed_file_is_not_split(tmp_path: Path) -> None:
    path = write_records(tmp_path / "large.gz", RECORDS)
    assert plan_shards([path], "example", split_bytes=10) == [Shard(path)]
