"""The variables index, read without TensorFlow.

`variables.index` is a table in LevelDB's format (blocks of prefix-compressed keys, a footer of 48
bytes), whose values are BundleEntryProto and, under the empty key, BundleHeaderProto.
Source: tensorflow/core/util/tensor_bundle/tensor_bundle.h, tensorflow/core/lib/io/format.cc.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tfx_savedmodel.saved_model import protos, snappy
from tfx_savedmodel.saved_model.crc32c import crc32c, masked
from tfx_savedmodel.saved_model.view import Shape, VariableEntry, VariablesView

_FOOTER = 48
_MAGIC = 0xDB4775248B80FB57
_SNAPPY = 1
_TRAILER = 5  # one byte of compression type, four of checksum
_SHARD = re.compile(r"\.data-(\d{5})-of-(\d{5})$")


class _Broken(Exception):
    """The bytes are no table."""


def read_bundle(prefix: Path) -> VariablesView:
    """Return what lies at a checkpoint prefix such as `<model>/variables/variables`.

    A missing or broken index is said in `problem`; the files found are listed in any case.
    """
    directory = prefix.parent
    files: dict[str, int] = {}
    if directory.is_dir():
        files = {child.name: child.stat().st_size for child in sorted(directory.iterdir()) if child.is_file()}
    index = prefix.parent / f"{prefix.name}.index"
    if not index.is_file():
        return VariablesView(files=files, problem="no index" if files else None)
    from google.protobuf.message import DecodeError

    try:
        shards, entries = _parse(index.read_bytes())
    except (_Broken, DecodeError, OSError, IndexError, ValueError) as error:
        return VariablesView(files=files, problem=f"the index cannot be read: {error}")
    return VariablesView(entries=tuple(entries), shards=shards, files=files)


def shard_name(prefix: str, shard: int, shards: int) -> str:
    """Return the file name of one shard: variables.data-00000-of-00001."""
    return f"{prefix}.data-{shard:05d}-of-{shards:05d}"


def is_shard(name: str) -> bool:
    """Tell whether a file name is a data shard's."""
    return _SHARD.search(name) is not None


def is_table(path: Path) -> bool:
    """Tell whether a file is a table: an index, or a whole checkpoint in the format of before TF 0.12."""
    if not path.is_file() or path.stat().st_size < _FOOTER:
        return False
    with path.open("rb") as file:
        file.seek(-8, 2)
        return int.from_bytes(file.read(), "little") == _MAGIC


def _parse(data: bytes) -> tuple[int, list[VariableEntry]]:
    header_type = protos.tensor_bundle_pb2().BundleHeaderProto
    entry_type = protos.tensor_bundle_pb2().BundleEntryProto
    shards = 0
    entries: list[VariableEntry] = []
    for key, value in _table(data):
        if key == b"":
            shards = header_type.FromString(value).num_shards
            continue
        entry = entry_type.FromString(value)
        entries.append(
            VariableEntry(
                key=key.decode("utf-8", "backslashreplace"),
                dtype=protos.dtype_name(entry.dtype),
                shape=_shape(entry.shape),
                shard=entry.shard_id,
                offset=entry.offset,
                size=entry.size,
                checksum=entry.crc32c,
                sliced=bool(entry.slices),
            )
        )
    return shards, entries


def _shape(proto: object) -> Shape:
    if getattr(proto, "unknown_rank"):  # noqa: B009 - a proto's field
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in getattr(proto, "dim"))  # noqa: B009


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(data) < _FOOTER:
        raise _Broken(f"{len(data)} bytes, less than a footer's {_FOOTER}")
    footer = data[-_FOOTER:]
    if int.from_bytes(footer[-8:], "little") != _MAGIC:
        raise _Broken("the last bytes are not a table's magic number")
    _, at = _varint(footer, 0)
    _, at = _varint(footer, at)
    offset, at = _varint(footer, at)
    size, at = _varint(footer, at)
    for _, handle in _block(data, offset, size):
        block_offset, at = _varint(handle, 0)
        block_size, at = _varint(handle, at)
        yield from _block(data, block_offset, block_size)


def _block(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    if offset + size + _TRAILER > len(data):
        raise _Broken(f"a block of {size} bytes at {offset} goes beyond the file's {len(data)}")
    block = data[offset : offset + size]
    kind = data[offset + size]
    # The loaders' own reader refuses a block whose checksum is another.
    stored = int.from_bytes(data[offset + size + 1 : offset + size + _TRAILER], "little")
    if masked(crc32c(data[offset : offset + size + 1])) != stored:
        raise _Broken(f"the checksum of the block of {size} bytes at {offset} is another")
    if kind == _SNAPPY:
        block = snappy.decompress(block)
        size = len(block)
    elif kind != 0:
        raise _Broken(f"a block of unknown compression {kind}")
    if size < 4:
        raise _Broken("a block without restart points")
    end = size - 4 - 4 * int.from_bytes(block[-4:], "little")
    if end < 0:
        raise _Broken("a block with more restart points than bytes")
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        unshared, at = _varint(block, at)
        length, at = _varint(block, at)
        if at + unshared + length > end or shared > len(key):
            raise _Broken("an entry goes beyond its block")
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise _Broken("a number of more than 64 bits")
