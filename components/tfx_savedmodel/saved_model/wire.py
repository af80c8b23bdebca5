"""Protobuf's wire format, for protos whose modules are not to be imported."""

from __future__ import annotations

from collections.abc import Iterator

_LARGEST_KEY = (1 << 32) - 1


def fields(data: bytes, *, strict: bool = False) -> Iterator[tuple[int, int | bytes]]:
    """Yield (field number, value) of a serialized proto, as far as it can be read.

    A varint is an int, what has a length or a fixed size are its bytes. A length that goes beyond the
    end, or a group, ends it.

    Args:
      strict: whether such an end is an error: for whom what comes after it would stay unseen, where another
        reader of protos goes on.

    Raises:
      ValueError: `strict`, and the proto cannot be read to its end.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if strict and not 8 <= key <= _LARGEST_KEY:
            raise ValueError(f"a field that no proto has, before byte {at}")
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            size = -1
        if size < 0 or at + size > len(data):
            if strict:
                raise ValueError(f"a field that cannot be read, before byte {at} of {len(data)}")
            return
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 or shift > 63:
            break
    return value, at
