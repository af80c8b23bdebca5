"""The forms that examples come in, and how a file's form is told from its content."""

from __future__ import annotations

from collections.abc import Sequence

from tfx_savedmodel.errors import UsageError

#: TFRecords of tf.Examples, of tf.SequenceExamples, of serialized TensorProtos; Parquet; JSON lines of TensorFlow
#: Serving's REST form.
EXAMPLE, SEQUENCE_EXAMPLE, TENSOR, PARQUET, JSON = "example", "sequence-example", "tensor", "parquet", "json"
#: TFRecords of whatever a DataView decodes.
PROTO = "proto"
#: By the content of the first file.
AUTO = "auto"

FORMATS = (AUTO, EXAMPLE, SEQUENCE_EXAMPLE, TENSOR, PARQUET, JSON, PROTO)

#: Those whose files are TFRecords.
OF_RECORDS = frozenset({EXAMPLE, SEQUENCE_EXAMPLE, TENSOR, PROTO})
#: Those that are tf.Examples, or columns that tf.Examples are made of for whatever parses them.
PARSEABLE = frozenset({EXAMPLE, PARQUET, JSON})
#: Those whose columns have the names of a signature's inputs.
NAMES_INPUTS = frozenset({JSON, TENSOR, PROTO})

_PARQUET_MAGIC = b"PAR1"
#: Longer than the head of a TFRecord, whose first byte may well be a brace.
_HEAD_BYTES = 12


def check_format(name: str, where: str, *, has_view: bool = False) -> str:
    """Return the name of a format.

    Args:
      has_view: there is a DataView.

    Raises:
      UsageError: there is no such format, or a DataView is missing or too many.
    """
    if has_view and name in (AUTO, PROTO):
        return PROTO
    if has_view or name == PROTO:
        found = f"{name!r} {'with' if has_view else 'without'} a DataView"
        wanted = f"a DataView and the format {PROTO!r}, or neither"
        raise UsageError("a DataView decodes protos, and protos need one", where=where, found=found, wanted=wanted)
    if name not in FORMATS:
        raise UsageError("no such format of examples", where=where, found=repr(name), wanted=", ".join(FORMATS))
    return name


def format_of(files: Sequence[str]) -> str:
    """Return the format of the first file that is not empty; TFRecords are told apart by their first records.

    Nothing but a feature list tells a tf.SequenceExample from a tf.Example, so records without any are
    taken for tf.Examples. A file that cannot be opened is for whoever reads it.
    """
    for file in files:
        head = _head(file)
        if head.startswith(_PARQUET_MAGIC):
            return PARQUET
        if head.lstrip()[:1] in (b"{", b"[") and not _is_record(head):
            return JSON
        if head:
            return SEQUENCE_EXAMPLE if _has_feature_lists(file) else EXAMPLE
    return EXAMPLE


def _head(file: str) -> bytes:
    """Return the first bytes of a file, uncompressed; nothing where it cannot be read."""
    import gzip
    import zlib

    import tensorflow as tf

    try:
        with tf.io.gfile.GFile(file, "rb") as stream:
            head: bytes = stream.read(2)
            stream.seek(0)
            if head == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=stream) as data:
                    return data.read(_HEAD_BYTES)
            return bytes(stream.read(_HEAD_BYTES))
    except (tf.errors.OpError, EOFError, OSError, zlib.error):
        return b""


def _is_record(head: bytes) -> bool:
    from tfx_savedmodel.beam.reading.compression import begins_record

    return begins_record(head)


def _has_feature_lists(file: str) -> bool:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    from tfx_savedmodel.beam.reading.records import first_records

    for record in first_records([file], 16):
        try:
            if tf.train.SequenceExample.FromString(record).feature_lists.feature_list:
                return True
        except DecodeError:
            continue
    return False
