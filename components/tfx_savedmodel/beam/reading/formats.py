"""The forms that examples come in, and how a file's form is told from its content."""

from __future__ import annotations

from collections.abc import Sequence

from tfx_savedmodel.beam.reading.heads import begins_json, begins_record, head_of, look_of
from tfx_savedmodel.errors import ExamplesError, UsageError

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
    """Return the format of the first file whose content tells; TFRecords are told apart by their first records.

    Nothing but a feature list tells a tf.SequenceExample from a tf.Example, so records without any are
    taken for tf.Examples. A file that cannot be opened is for whoever reads it.

    Raises:
      ExamplesError: no file's content tells, and one's is known to be something else: CSV, Avro, an archive.
    """
    other: tuple[str, str] | None = None
    for file in files:
        head = head_of(file)
        if head.startswith(_PARQUET_MAGIC):
            return PARQUET
        if begins_json(head):
            return JSON
        if begins_record(head):
            return SEQUENCE_EXAMPLE if _has_feature_lists(file) else EXAMPLE
        said = look_of(head)
        other = other or ((file, said) if said else None)
    if other is not None:
        raise ExamplesError(
            "no examples that can be read",
            where=other[0],
            found=other[1],
            wanted="TFRecords (plain, gzip or zlib), Parquet, or JSON lines",
            next_step="write them in one of these forms, or give files that are",
        )
    return EXAMPLE


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
