"""Files of examples, and the shards of them that travel through Beam."""

from __future__ import annotations

import dataclasses
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from tfx_savedmodel.beam.reading.sampling import Pick
from tfx_savedmodel.errors import ExamplesError

#: An uncompressed local file larger than this is read as several shards.
SPLIT_BYTES = 256 << 20

#: What the folders of an Examples artifact's splits begin with, and the split that is run.
SPLIT_PREFIX, DEFAULT_SPLIT = "Split-", "eval"

#: So many entries of a folder are named where a pattern matches none.
_SHOWN = 5
_LENGTH = struct.Struct("<Q")
_MAGIC = re.compile(r"[*?\[{]")
#: What the names of files begin with that hold no data: those that Hadoop and Spark leave beside it.
_BESIDE = ("_", ".")
#: What frames a TFRecord's data: its length, the length's checksum, and the data's checksum.
FRAME_BYTES = 16


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file of examples, or a range of its records: TFRecords, rows of a Parquet file, lines of JSON.

    `first_record` is counted from 0, `first_byte` is where that record begins in the uncompressed
    data, -1 where that is not known; `records` is the number of records, None up to the end of the file.
    `pick` says which of them are run, None for all.
    """

    file: str
    first_record: int = 0
    first_byte: int = 0
    records: int | None = None
    pick: Pick | None = None

    def first_example(self) -> int:
        """Return the number of the first record that is run, or the first's where that is not known."""
        import numpy as np

        if self.records is None or self.pick is None:
            return self.first_record
        numbers = np.arange(self.first_record, self.first_record + self.records)
        chosen = numbers[self.pick.mask(numbers)]
        return int(chosen[0]) if len(chosen) else self.first_record

    def examples(self) -> int:
        """Return how many records are run, 0 where the number of records is not known."""
        if self.records is None or self.pick is None:
            return self.records or 0
        return self.pick.count(self.first_record, self.records)


def expand_files(globs: Sequence[str], splits: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the files that the patterns match, sorted and each once; a directory means its files.

    A pattern matches no file whose name begins with "_" or ".", unless it begins so itself: such files say how the
    others were written (`_SUCCESS`, `.part-0.crc`). Patterns may be remote wherever Beam has the file system.

    Args:
      splits: of an Examples artifact's directory; by default `eval`.

    Raises:
      ExamplesError: a pattern matches nothing, or cannot be looked up; a split that is not there.
    """
    found: set[str] = set()
    for pattern in globs:
        folders = _split_folders(pattern, splits)
        wanted = [f"{folder}/*" for folder in folders] or [_pattern(pattern)]
        files = [file for each in wanted for file in _match(each, pattern)]
        if not files and not folders and "://" in pattern and not _MAGIC.search(pattern):
            files = _in_remote_folder(pattern)
        if not files:
            raise no_examples(wanted[0], given=pattern)
        found.update(files)
    return tuple(sorted(found))


def _in_remote_folder(given: str) -> list[str]:
    """Return the files of a remote directory, of an Examples artifact's those of its split `eval`."""
    root = given.rstrip("/")
    split = _match(f"{root}/{SPLIT_PREFIX}{DEFAULT_SPLIT}/*", given)
    return split or _match(f"{root}/*", given)


def _pattern(given: str) -> str:
    if "://" not in given and Path(given).is_dir():
        return str(Path(given) / "*")
    # Beam matches no pattern that names no directory.
    return f"./{given}" if "://" not in given and "/" not in given else given


def _match(pattern: str, given: str) -> list[str]:
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    try:
        matches = FileSystems.match([pattern])[0].metadata_list
    except (BeamIOError, ValueError) as error:
        raise ExamplesError("the examples cannot be looked up", where=given, found=str(error)) from error
    found = [match.path for match in matches if "://" in match.path or Path(match.path).is_file()]
    if _MAGIC.search(pattern) and not PurePosixPath(pattern).name.startswith(_BESIDE):
        found = [path for path in found if not PurePosixPath(path).name.startswith(_BESIDE)]
    return found if given.startswith("./") else [path.removeprefix("./") for path in found]


def _split_folders(given: str, splits: Sequence[str]) -> list[str]:
    """Return the folders of the splits of an Examples artifact, nothing where `given` is no artifact's directory.

    Raises:
      ExamplesError: a split is not there, or is asked for of something else.
    """
    root = given.rstrip("/")
    if "://" in given:  # only who asks for a split says that it is a directory
        return [f"{root}/{SPLIT_PREFIX}{name}" for name in splits]
    there = sorted(path.name for path in Path(root).glob(f"{SPLIT_PREFIX}*") if path.is_dir())
    if not there and not splits:
        return []
    known = [name.removeprefix(SPLIT_PREFIX) for name in there]
    missing = [name for name in splits or (DEFAULT_SPLIT,) if name not in known]
    if missing:
        raise ExamplesError(
            f"no split {', '.join(map(repr, missing))} in the examples",
            where=given,
            found=", ".join(known) or "no directory of an Examples artifact",
            wanted=f"a directory with {SPLIT_PREFIX}{missing[0]}",
            next_step=f"name splits that are there: {', '.join(known)}" if known else "name the files by a pattern",
        )
    return [f"{root}/{SPLIT_PREFIX}{name}" for name in splits or (DEFAULT_SPLIT,)]


def no_examples(pattern: str, *, given: str | None = None) -> ExamplesError:
    """Return the error of a pattern that matches nothing; `given` is what the user wrote, if that differs."""
    return ExamplesError(
        "no examples match",
        where=given or pattern,
        found=_nearest(pattern),
        wanted="at least one file of examples",
        next_step="give files or a pattern such as 'examples/Split-eval/*.gz'",
    )


def _nearest(pattern: str) -> str:
    """Say what is there in the pattern's place: the nearest folder that exists and its entries."""
    if "://" in pattern:
        return "no file"
    folder, missing = Path(pattern).parent, ""
    while not folder.is_dir():
        missing, folder = f"no folder {folder}; ", folder.parent
    names = sorted(entry.name for entry in folder.iterdir())
    more = ", …" if len(names) > _SHOWN else ""
    return f"{missing}in {folder}: {', '.join(names[:_SHOWN]) or 'nothing'}{more}"


def record_shards(file: str, split_bytes: int = SPLIT_BYTES) -> Iterator[Shard]:
    """Yield one shard for a file of TFRecords, and several for a large uncompressed one on a local disk."""
    path = Path(file)
    if "://" in file or not path.is_file() or path.stat().st_size <= split_bytes:
        yield Shard(file)
        return
    shard = Shard(file)
    for record, start in _boundaries(path, split_bytes):
        yield dataclasses.replace(shard, records=record - shard.first_record)
        shard = Shard(file, record, start)
    yield shard


def _boundaries(path: Path, split_bytes: int) -> list[tuple[int, int]]:
    """Return (record, byte) about every `split_bytes`, walking from length to length.

    A walk that does not end with the file is no walk over TFRecords (compressed, corrupt): then
    there are no boundaries, and the file is read whole.
    """
    import mmap

    found: list[tuple[int, int]] = []
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position, record, begun, size = 0, 0, 0, len(data)
        while position + FRAME_BYTES <= size:
            if position - begun >= split_bytes:
                found.append((record, position))
                begun = position
            position += FRAME_BYTES + _LENGTH.unpack_from(data, position)[0]
            record += 1
    return found if position == size else []
