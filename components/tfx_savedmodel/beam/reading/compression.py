"""How a file of TFRecords is compressed, and whether it is all there: names and readers do not tell."""

from __future__ import annotations

import gzip
import struct
import zlib

from tfx_savedmodel.beam.reading.shards import FRAME_BYTES

_GZIP = b"\x1f\x8b"
#: Length (8 bytes) and its masked CRC-32C, at the head of each record.
_HEADER = struct.Struct("<QI")
_CHUNK_BYTES = 1 << 20


def compression_of(file: str) -> str:
    """Return "GZIP", "ZLIB" or "" as tf.data names them, by the file's first bytes.

    Raises:
      tf.errors.OpError: the file cannot be opened.
    """
    import tensorflow as tf

    with tf.io.gfile.GFile(file, "rb") as stream:
        head = stream.read(_HEADER.size)
    if len(head) < 2 or begins_record(head):
        return ""
    if head.startswith(_GZIP):
        return "GZIP"
    is_deflate = head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
    return "ZLIB" if is_deflate else ""


def is_cut_off(file: str, compression: str, consumed: int) -> bool:
    """Tell whether bytes are missing at the file's end, of whose records `consumed` bytes were read.

    TensorFlow takes a file that ends within a record's header, or a compressed stream that ends between
    two blocks, for the end of the data. Of a zlib stream only reading it again can tell.
    """
    import tensorflow as tf

    if compression == "":
        return bool(tf.io.gfile.stat(file).length > consumed)
    if compression == "ZLIB":
        return not _inflates_to(file, consumed)
    with tf.io.gfile.GFile(file, "rb") as stream:
        stream.seek(max(0, stream.size() - 4))
        claimed = int.from_bytes(stream.read(4), "little")
    # The last four bytes are the length (modulo 2**32) of the only member; of several, the last one's.
    # Where nothing was read they may as well be zeros of a header that is cut off.
    is_likely = consumed > 0 and claimed == consumed & 0xFFFFFFFF
    return not is_likely and not _decompresses_to(file, consumed)


def _decompresses_to(file: str, size: int) -> bool:
    import tensorflow as tf

    total = 0
    try:
        with tf.io.gfile.GFile(file, "rb") as stream, gzip.GzipFile(fileobj=stream) as data:
            while chunk := data.read(_CHUNK_BYTES):
                total += len(chunk)
    except (EOFError, OSError, zlib.error):
        return False
    return total == size


def _inflates_to(file: str, size: int) -> bool:
    import tensorflow as tf

    total, stream_end = 0, zlib.decompressobj()
    try:
        with tf.io.gfile.GFile(file, "rb") as stream:
            while not stream_end.eof and (chunk := stream.read(_CHUNK_BYTES)):
                total += len(stream_end.decompress(chunk))
    except zlib.error:
        return False
    return stream_end.eof and total == size


def end_of_record(file: str, byte: int) -> int | None:
    """Return where the record ends that begins at a byte of an uncompressed file, None where its length is corrupt."""
    import tensorflow as tf

    with tf.io.gfile.GFile(file, "rb") as stream:
        stream.seek(byte)
        head = stream.read(_HEADER.size)
        size = stream.size()
    if not begins_record(head):
        return None
    end: int = byte + _HEADER.unpack(head)[0] + FRAME_BYTES
    return end if end <= size else None


def begins_record(head: bytes) -> bool:
    """Tell whether these are the first bytes of an uncompressed TFRecord: they hold a checksum."""
    if len(head) < _HEADER.size:
        return False
    return bool(_masked_crc32c(head[:8]) == _HEADER.unpack_from(head)[1])


def _masked_crc32c(data: bytes) -> int:
    """Return the checksum of the TFRecord format: CRC-32C (Castagnoli), rotated, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
