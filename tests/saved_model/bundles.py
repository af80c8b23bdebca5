"""Checkpoints made by hand: an index in LevelDB's table format and its shards, whole or with a fault."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.saved_model import protos
from tfx_savedmodel.saved_model.crc32c import crc32c, masked

_MAGIC = 0xDB4775248B80FB57


def write_bundle(directory: Path, tensors: Mapping[str, bytes], **changed: Mapping[str, Any]) -> Path:
    """Write `variables.index` and one shard of float32 vectors; return the shard.

    Args:
      tensors: the bytes of each, in the order of their keys.
      changed: fields of an entry that are to say something else, by key.
    """
    directory.mkdir(parents=True, exist_ok=True)
    bundle = protos.tensor_bundle_pb2()
    rows = [(b"", bundle.BundleHeaderProto(num_shards=1).SerializeToString())]
    data = b""
    for key, content in sorted(tensors.items()):
        entry = bundle.BundleEntryProto(dtype=1, offset=len(data), size=len(content), crc32c=masked(crc32c(content)))
        entry.shape.dim.add(size=len(content) // 4)
        for name, value in changed.get(key, {}).items():
            setattr(entry, name, value)
        rows.append((key.encode(), entry.SerializeToString()))
        data += content
    (directory / "variables.index").write_bytes(_table(rows))
    shard = directory / "variables.data-00000-of-00001"
    shard.write_bytes(data)
    return shard


def _table(rows: list[tuple[bytes, bytes]]) -> bytes:
    block = _block(rows)
    handle = _varint(0) + _varint(len(block) - 5)
    meta = _block([])
    meta_handle = _varint(len(block)) + _varint(len(meta) - 5)
    index = _block([(b"\xff", handle)])
    index_handle = _varint(len(block) + len(meta)) + _varint(len(index) - 5)
    return block + meta + index + (meta_handle + index_handle).ljust(40, b"\0") + _MAGIC.to_bytes(8, "little")


def _block(rows: list[tuple[bytes, bytes]]) -> bytes:
    """Return a block whose keys are all whole, with its one restart point, compression type and checksum."""
    entries = b"".join(_varint(0) + _varint(len(key)) + _varint(len(value)) + key + value for key, value in rows)
    block = entries + (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\0"
    return block + masked(crc32c(block)).to_bytes(4, "little")


def _varint(value: int) -> bytes:
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])
