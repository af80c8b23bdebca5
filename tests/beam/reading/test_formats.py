"""What a file's content says of its format, and which files an artifact's directory means."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import pytest

from tests.beam.models import good_rows, write_records, write_rows
from tests.conftest import require_module
from tfx_savedmodel.beam.reading.formats import check_format, format_of
from tfx_savedmodel.beam.reading.shards import expand_files
from tfx_savedmodel.errors import ExamplesError, UsageError

pytestmark = pytest.mark.tf


def test_the_first_file_that_says_something_decides(tmp_path: Path) -> None:
    import tensorflow as tf

    pq = require_module("pyarrow.parquet", "pip install pyarrow: it comes with Apache Beam")
    import pyarrow as pa

    examples = write_rows(tmp_path / "examples.gz", good_rows(3))
    lists = tf.train.SequenceExample()
    lists.feature_lists.feature_list["steps"].feature.add().int64_list.value.append(1)
    sequences = write_records(tmp_path / "sequences", [b"", lists.SerializeToString()])
    table = str(tmp_path / "table")
    pq.write_table(pa.table({"x": [1.0]}), table)
    lines, zipped, empty = tmp_path / "lines", tmp_path / "lines.gz", tmp_path / "empty"
    lines.write_text(json.dumps({"x": 1.0}) + "\n")
    zipped.write_bytes(gzip.compress(b"\n  [1.0]\n"))
    empty.write_bytes(b"")
    # The length of its first record is the byte that JSON begins with.
    brace = write_records(tmp_path / "brace", [b"r" * ord("{")])
    found = [format_of([file]) for file in (examples, sequences, table, str(lines), str(zipped), brace, str(empty))]
    assert found == ["example", "sequence-example", "parquet", "json", "json", "example", "example"]
    assert format_of([str(empty), str(tmp_path / "none"), table]) == "parquet"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"x,n\r\n1.0,2\r\n", "text that begins with 'x,n'"),
        (gzip.compress(b"x,n\n1.0,2\n"), "text that begins with 'x,n'"),
        (zlib.compress(b"x,n\n1.0,2\n"), "text that begins with 'x,n'"),
        ("é".encode() * 40, "text that begins with"),
        (b"Obj\x01" + bytes(100), "Avro"),
        (b"PK\x03\x04" + bytes(100), "a zip archive"),
        ('{"x": 1}\n'.encode("utf-16"), "text in UTF-16"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_what_is_no_file_of_examples_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ExamplesError, match="no examples that can be read") as caught:
        format_of([str(tmp_path / "file")])
    assert found in caught.value.found and caught.value.where == str(tmp_path / "file")
    assert format_of([str(tmp_path / "file"), write_rows(tmp_path / "examples.gz", good_rows(1))]) == "example"


def test_bytes_that_tell_nothing_are_for_whoever_reads_them(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(128, 228)))
    assert format_of([str(tmp_path / "file")]) == "example"


def test_a_byte_order_mark_does_not_hide_json(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text('{"x": 1.0}\n', encoding="utf-8-sig")
    assert format_of([str(tmp_path / "lines")]) == "json"


def test_what_spark_leaves_beside_its_files_is_no_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    for name in ("part-0", "_SUCCESS", ".part-0.crc"):
        (tmp_path / "data" / name).touch()
    part = str(tmp_path / "data" / "part-0")
    assert expand_files([f"{tmp_path}/data"]) == expand_files([f"{tmp_path}/data/*"]) == (part,)
    assert expand_files([f"{tmp_path}/data/_*"]) == (str(tmp_path / "data" / "_SUCCESS"),)
    monkeypatch.chdir(tmp_path / "data")
    assert expand_files(["_SUCCESS"]) == ("_SUCCESS",)
    assert expand_files(["./part*"]) == ("./part-0",)


@pytest.mark.parametrize(("name", "has_view", "wanted"), [("auto", True, "proto"), ("proto", True, "proto")])
def test_a_view_is_for_protos(name: str, has_view: bool, wanted: str) -> None:
    assert check_format(name, "here", has_view=has_view) == wanted


@pytest.mark.parametrize(("name", "has_view"), [("csv", False), ("proto", False), ("json", True)])
def test_formats_that_cannot_be(name: str, has_view: bool) -> None:
    with pytest.raises(UsageError) as caught:
        check_format(name, "--examples-format", has_view=has_view)
    assert caught.value.where == "--examples-format" and name in caught.value.found


def test_the_splits_of_an_artifact(tmp_path: Path) -> None:
    files = {}
    for split in ("train", "eval"):
        (tmp_path / f"Split-{split}").mkdir()
        files[split] = write_rows(tmp_path / f"Split-{split}" / "data.gz", good_rows(1))
    assert expand_files([str(tmp_path)]) == (files["eval"],)
    assert expand_files([f"{tmp_path}/"], ["train", "eval"]) == (files["eval"], files["train"])
    with pytest.raises(ExamplesError, match="no split 'test'") as caught:
        expand_files([str(tmp_path)], ["test"])
    assert caught.value.found == "eval, train"
    with pytest.raises(ExamplesError, match="no split 'eval'") as caught:
        expand_files([files["eval"]], ["eval"])
    assert "no directory of an Examples artifact" in caught.value.found
