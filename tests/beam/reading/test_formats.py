"""What a file's content says of its format, and which files an artifact's directory means."""

from __future__ import annotations

import gzip
import json
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
