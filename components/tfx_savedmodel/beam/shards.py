"""Files of examples, and the shards of them that travel through Beam."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from tfx_savedmodel.errors import ExamplesError

#: An uncompressed local file larger than this is read as several shards.
SPLIT_BYTES = 256 << 20

_LENGTH = struct.Struct("<Q")
#: What frames a TFRecord's data: its length, the length's checksum, and the data's checksum.
FRAME_BYTES = 16


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file of TFRecords, or a range of its records.

    `first_record` is counted from 0, `first_byte` is where that record begins in the uncompressed
    data, -1 where that is not known; `records` is the number of records, None up to the end of the file.
    """

    file: str
    first_record: int = 0
    first_byte: int = 0
    records: int | None = None


def expand_files(globs: Sequence[str]) -> tuple[str, ...]:
    """Return the files that the patterns match, sorted and each once; a directory means its files.

    Patterns may be remote wherever Beam has the file system.

    Raises:
      ExamplesError: a pattern matches nothing, or cannot be looked up.
    """
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    found: set[str] = set()
    for pattern in globs:
        wanted = pattern
        if "://" not in pattern and Path(pattern).is_dir():
            wanted = str(Path(pattern) / "*")
        elif "://" not in pattern and "/" not in pattern:
            wanted = f"./{pattern}"  # Beam matches no pattern that names no directory
        try:
            matches = FileSystems.match([wanted])[0].metadata_list
        except (BeamIOError, ValueError) as error:
            raise ExamplesError("the examples cannot be looked up", where=pattern, found=str(error)) from error
        files = [match.path for match in matches if "://" in match.path or Path(match.path).is_file()]
        if not files:
            raise ExamplesError(
                "no examples match",
                where=pattern,
                found=_nearest(wanted),
                wanted="at least one TFRecord file",
                next_step="give files or a pattern such as 'examples/Split-eval/*.gz'",
            )
        found.update(files)
    return tuple(sorted(found))


def plan_shards(files: Sequence[str], split_bytes: int = SPLIT_BYTES) -> list[Shard]:
    """Return one shard for each file, and several for a large uncompressed file on a local disk."""
    return [shard for file in files for shard in _split(file, split_bytes)]


def _nearest(pattern: str) -> str:
    """Say what is there in the pattern's place: the nearest folder that exists and its entries."""
    if "://" in pattern:
        return "no file"
    folder = Path(pattern).parent
    if not folder.is_dir():
        return f"no folder {folder}"
    names = sorted(entry.name for entry in folder.iterdir())
    more = ", …" if len(names) > 5 else ""
    return f"in {folder}: {', '.join(names[:5]) or 'nothing'}{more}"


def _split(file: str, split_bytes: int) -> Iterator[Shard]:
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
