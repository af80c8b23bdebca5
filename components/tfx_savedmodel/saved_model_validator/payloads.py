"""What Examples artifacts hold, as their properties say it."""

from __future__ import annotations

from collections.abc import Sequence

from tfx import types
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2

from tfx_savedmodel.errors import ExamplesError
from tfx_savedmodel.operations.examples_given import AUTO, EXAMPLE, PARQUET, SEQUENCE_EXAMPLE, TENSOR

_PAYLOADS = {
    example_gen_pb2.FORMAT_TF_EXAMPLE: EXAMPLE,
    example_gen_pb2.FORMAT_TF_SEQUENCE_EXAMPLE: SEQUENCE_EXAMPLE,
    example_gen_pb2.FORMAT_PROTO: TENSOR,
    example_gen_pb2.FORMAT_PARQUET: PARQUET,
}
#: How TFX and its libraries name the files of a payload; TFRecords may have any compression, their content tells.
_FILES = {"parquet": PARQUET, "FILE_FORMAT_PARQUET": PARQUET, "tfrecords_gzip": "", "FORMAT_TFRECORDS_GZIP": ""}


def payload_format(examples: Sequence[types.Artifact]) -> str:
    """Return the format that all the artifacts have; without an artifact it is of no account.

    Raises:
      ExamplesError: they differ, or one has a format that is not known here.
    """
    found = {artifact.uri: _format(artifact) for artifact in examples}
    if len(set(found.values())) > 1:
        raise ExamplesError(
            "the examples have different payload formats",
            where=", ".join(found),
            found=", ".join(found.values()),
            wanted="spans of one format",
            next_step="validate on the spans of one format",
        )
    return next(iter(found.values()), AUTO)


def _format(artifact: types.Artifact) -> str:
    payload = examples_utils.get_payload_format(artifact)
    files = examples_utils.get_file_format(artifact)
    form = _PAYLOADS.get(payload)
    if form is None or files not in _FILES or (_FILES[files] == PARQUET) > (form == PARQUET):
        raise ExamplesError(
            "a payload of examples that is not known",
            where=artifact.uri,
            found=f"{example_gen_pb2.PayloadFormat.Name(payload)} in files of the format {files!r}",
            wanted=", ".join(example_gen_pb2.PayloadFormat.Name(each) for each in _PAYLOADS),
        )
    return form
