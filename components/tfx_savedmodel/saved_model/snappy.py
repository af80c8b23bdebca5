"""Snappy's block format, decompressed: some TensorFlow builds compress the variables index.

Source: google/snappy, format_description.txt. Written here because an index has a few kB and a
dependency with compiled code would be all that the format needs it for.
"""

from __future__ import annotations


def decompress(data: bytes) -> bytes:
    """Return the decompressed block.

    Raises:
      ValueError: the bytes are no Snappy block.
    """
    length, at = _length(data)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        kind = tag & 3
        if kind == 0:
            size, at = _literal_size(data, tag >> 2, at)
            out += data[at : at + size]
            at += size
            continue
        if kind == 1:
            size, offset = 4 + ((tag >> 2) & 7), ((tag >> 5) << 8) | data[at]
            at += 1
        else:
            width = 2 if kind == 2 else 4
            size, offset = 1 + (tag >> 2), int.from_bytes(data[at : at + width], "little")
            at += width
        _copy(out, offset, size)
        if len(out) > length:
            break
    if len(out) != length:
        raise ValueError(f"{len(out)} bytes decompressed, {length} declared")
    return bytes(out)


def _length(data: bytes) -> tuple[int, int]:
    value = 0
    for at, byte in enumerate(data[:5]):
        value |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            return value, at + 1
    raise ValueError("no length")


def _literal_size(data: bytes, code: int, at: int) -> tuple[int, int]:
    if code < 60:
        return code + 1, at
    width = code - 59
    return int.from_bytes(data[at : at + width], "little") + 1, at + width


def _copy(out: bytearray, offset: int, size: int) -> None:
    if not 0 < offset <= len(out):
        raise ValueError("a copy from before the start")
    start = len(out) - offset
    for step in range(size):  # the ranges may overlap: byte by byte
        out.append(out[start + step])
