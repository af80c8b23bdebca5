"""Whether the bytes of a checkpoint's tensors are those that were written, by the checksums in its index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tfx_savedmodel.saved_model.bundle import shard_name
from tfx_savedmodel.saved_model.crc32c import crc32c, masked
from tfx_savedmodel.saved_model.view import VariableEntry, VariablesView

#: Bytes read at once.
_PIECE = 16 << 20
_UINT32 = 1 << 32

#: Of which there is no checksum that can be made without TensorFlow.
UNCHECKED = ("variant",)


def wrong_checksums(prefix: Path, variables: VariablesView) -> Iterator[VariableEntry]:
    """Yield each tensor whose bytes have another checksum than the index says; all bytes are read.

    Shards that are missing or too short are left out, and tensors of the dtypes UNCHECKED. A remote model must have
    been fetched whole.
    Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc.

    Args:
      prefix: the checkpoint's, such as `<model>/variables/variables`.
    """
    entries = [entry for entry in variables.entries if not entry.sliced and entry.dtype not in UNCHECKED]
    for shard in sorted({entry.shard for entry in entries}):
        name = shard_name(prefix.name, shard, variables.shards)
        size = variables.files.get(name)
        if size is None:
            continue
        with (prefix.parent / name).open("rb") as file:
            for entry in sorted((item for item in entries if item.shard == shard), key=lambda item: item.offset):
                if 0 <= entry.offset <= entry.offset + entry.size <= size and not _is_right(file, entry):
                    yield entry


def _is_right(file: BinaryIO, entry: VariableEntry) -> bool:
    file.seek(entry.offset)
    crc = _of_strings(file, entry) if entry.dtype == "string" else _of_bytes(file, entry.size)
    return crc is not None and masked(crc) == entry.checksum


def _of_bytes(file: BinaryIO, size: int, crc: int = 0) -> int:
    while size > 0:
        piece = file.read(min(size, _PIECE))
        if not piece:
            break
        crc, size = crc32c(piece, crc), size - len(piece)
    return crc


def _of_strings(file: BinaryIO, entry: VariableEntry) -> int | None:
    """Return the checksum of lengths, their own checksum, and texts; None where the bytes are none of that.

    The lengths are stored as varints but count as 32 bits each, as 64 where they need them.
    """
    count = 1
    for size in entry.shape or ():
        count *= size or 0
    if count > entry.size:
        return None
    crc = at = total = 0
    pieces = bytearray()
    for _ in range(count):
        length, used = _varint(file)
        pieces += length.to_bytes(4 if length < _UINT32 else 8, "little")
        at, total = at + used, total + length
    if at + 4 + total != entry.size:
        return None
    crc = crc32c(bytes(pieces))
    stored = file.read(4)
    if int.from_bytes(stored, "little") != masked(crc):
        return None
    return _of_bytes(file, total, crc32c(stored, crc))


def _varint(file: BinaryIO) -> tuple[int, int]:
    """Return a number, and how many bytes it takes."""
    value = used = 0
    while used < 10 and (byte := file.read(1)):
        value |= (byte[0] & 0x7F) << (7 * used)
        used += 1
        if byte[0] < 0x80:
            break
    return value, used
