"""What a file is, by its first bytes."""

from __future__ import annotations

import gzip
import zlib

from tfx_savedmodel.beam.reading.compression import begins_record

__all__ = ["begins_json", "begins_record", "head_of", "known_look", "look_of", "mismatch"]

#: What files of examples are.
TFRECORDS, TABLES, LINES = "TFRecords", "Parquet", "JSON lines"

#: Longer than the head of a TFRecord, whose first byte may well be a brace.
HEAD_BYTES = 64
_COMPRESSED_BYTES = 4096
_BOM = b"\xef\xbb\xbf"
_SHOWN = 40
_MAGIC = (
    (b"PAR1", TABLES),
    (b"Obj\x01", "Avro"),
    (b"ORC", "ORC"),
    (b"ARROW1", "an Arrow file"),
    (b"\x89HDF\r\n", "HDF5"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
    (b"version https://git-lfs", "a pointer of Git LFS: fetch the file itself with `git lfs pull`"),
)


def head_of(file: str) -> bytes:
    """Return the first bytes of a file, of a gzip or zlib file uncompressed; nothing where it cannot be read."""
    import tensorflow as tf

    try:
        with tf.io.gfile.GFile(file, "rb") as stream:
            head: bytes = stream.read(HEAD_BYTES)
            if begins_record(head):
                return head
            stream.seek(0)
            if head.startswith(b"\x1f\x8b"):
                with gzip.GzipFile(fileobj=stream) as data:
                    return data.read(HEAD_BYTES)
            if _is_zlib(head):
                return zlib.decompressobj().decompress(stream.read(_COMPRESSED_BYTES), HEAD_BYTES)
            return head
    except (tf.errors.OpError, EOFError, OSError, zlib.error):
        return b""


def begins_json(head: bytes) -> bool:
    """Tell whether these are the first bytes of JSON lines."""
    return head.removeprefix(_BOM).lstrip()[:1] in (b"{", b"[") and not begins_record(head)


def look_of(head: bytes) -> str | None:
    """Say what a file with these first bytes holds, None where they tell nothing."""
    return known_look(head) or _text_look(head)


def known_look(head: bytes) -> str | None:
    """Say what a file with these first bytes holds where its form has a sign of its own, as plain text has not."""
    if begins_record(head):
        return TFRECORDS
    if begins_json(head):
        return LINES
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def mismatch(file: str, wanted: str) -> str | None:
    """Say what a file holds where that is known to be something else than TFRECORDS or TABLES, else None."""
    said = look_of(head_of(file))
    return None if said in (None, wanted) else f"the file holds {said}; it is read as {wanted}"


def _text_look(head: bytes) -> str | None:
    try:
        text = head.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(head):  # else a letter is cut in two
            return None
        text = head[: error.start].decode("utf-8")
    line = text.partition("\n")[0].rstrip("\r")
    is_text = bool(text.strip()) and all(letter.isprintable() or letter in "\t\r\n" for letter in text)
    return f"text that begins with {line[:_SHOWN]!r}" if is_text else None


def _is_zlib(head: bytes) -> bool:
    return len(head) > 1 and head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
