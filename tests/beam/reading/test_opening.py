"""Files behind a file system that Beam knows and Python does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem

from tests.beam.runs import read_all, values_of
from tfx_savedmodel.beam.reading.opening import opened, size_of
from tfx_savedmodel.beam.reading.shards import Shard, expand_files
from tfx_savedmodel.errors import ExamplesError

pytestmark = pytest.mark.tfx


class Kept(FileSystem):  # type: ignore[misc]
    """`kept://`: a local folder; Beam finds the class by its scheme."""

    folder: ClassVar[Path]

    @classmethod
    def scheme(cls) -> str:
        return "kept"

    def _local(self, path: str) -> Path:
        return self.folder / path.removeprefix("kept://")

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath, *paths])

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def has_dirs(self) -> bool:
        return True

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        for path in sorted(self.folder.rglob("*")):
            name = f"kept://{path.relative_to(self.folder).as_posix()}"
            if path.is_file() and name.startswith(dir_or_prefix):
                yield FileMetadata(name, path.stat().st_size)

    def open(self, path: str, mime_type: str = "", compression_type: str = "") -> Any:
        try:
            return self._local(path).open("rb")
        except OSError as error:
            raise BeamIOError(str(error)) from error

    def exists(self, path: str) -> bool:
        return self._local(path).is_file()

    def _refused(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, self._local(path).stat().st_size)

    mkdirs = create = copy = rename = delete = size = last_updated = checksum = _refused


@pytest.fixture(autouse=True)
def kept(tmp_path: Path) -> Path:
    Kept.folder = tmp_path
    return tmp_path


def test_tables_and_lines_are_read_where_they_are(kept: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": list(range(40))}), str(kept / "rows.parquet"), row_group_size=10)
    (kept / "rows.jsonl").write_text("".join(json.dumps({"x": number}) + "\n" for number in range(40)))
    for name, form in (("kept://rows.parquet", "parquet"), ("kept://rows.jsonl", "json")):
        batches, faults = read_all(Shard(name, 12, -1, 9), form)
        assert values_of(batches, "x") == {number: [number] for number in range(12, 21)} and faults == []
        assert size_of(name) == (kept / name.removeprefix("kept://")).stat().st_size
    with pytest.raises(OSError, match="none"), opened("kept://none"):
        pass
    assert size_of("kept://none") == 0
    (fault,) = read_all(Shard("kept://none"), "json")[1]
    assert fault.rest_lost


def test_patterns_and_splits(kept: Path) -> None:
    for split in ("eval", "train"):
        (kept / f"a/Split-{split}").mkdir(parents=True)
        (kept / f"a/Split-{split}/data.gz").write_bytes(b"")
    assert expand_files(["kept://a/Split-*/*.gz"]) == ("kept://a/Split-eval/data.gz", "kept://a/Split-train/data.gz")
    assert expand_files(["kept://a"]) == ("kept://a/Split-eval/data.gz",)
    assert expand_files(["kept://a/Split-train"]) == ("kept://a/Split-train/data.gz",)
    assert expand_files(["kept://a/"], ["train"]) == ("kept://a/Split-train/data.gz",)
    with pytest.raises(ExamplesError, match="no examples match"):
        expand_files(["kept://a"], ["test"])
