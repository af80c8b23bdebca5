"""What Examples artifacts hold, as their properties say it."""

from __future__ import annotations

from collections.abc import Sequence

from tfx import types
from tfx.components.util import examples_utils, tfxio_utils
from tfx.proto import example_gen_pb2

from tfx_savedmodel.errors import ExamplesError
from tfx_savedmodel.operations.examples_given import AUTO, EXAMPLE, PARQUET, PROTO, SEQUENCE_EXAMPLE, TENSOR

_PAYLOADS = {
    example_gen_pb2.FORMAT_TF_EXAMPLE: EXAMPLE,
    example_gen_pb2.FORMAT_TF_SEQUENCE_EXAMPLE: SEQUENCE_EXAMPLE,
    example_gen_pb2.FORMAT_PROTO: TENSOR,
    example_gen_pb2.FORMAT_PARQUET: PARQUET,
}
#: How TFX and its libraries name the files of a payload; TFRecords may have any compression, their content tells.
_FILES = {"parquet": PARQUET, "FILE_FORMAT_PARQUET": PARQUET, "tfrecords_gzip": "", "FORMAT_TFRECORDS_GZIP": ""}


def payload_of(examples: Sequence[types.Artifact]) -> tuple[str, str | None]:
    """Return the format that all the artifacts have, and the URI of the DataView that they are bound to, if any.

    Of several DataViews it is the latest one, as TFX has it. Without an artifact the format is of no account.

    Raises:
      ExamplesError: they differ, one has a format that is not known here, or only some have a DataView.
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
    form = next(iter(found.values()), AUTO)
    if form != TENSOR:
        return form, None
    try:
        _, view = tfxio_utils.resolve_payload_format_and_data_view_uri(list(examples))
    except ValueError as error:
        raise ExamplesError("only some of the examples have a DataView", where=", ".join(found)) from error
    return (form, None) if view is None else (PROTO, view)


def _format(artifact: types.Artifact) -> str:
    payload = examples_utils.get_payload_format(artifact)
    files = examples_utils.get_file_format(artifact)
    form = _PAYLOADS.get(payload)
    is_odd = files not in _FILES or (_FILES[files] == PARQUET and form != PARQUET)
    if form is None or is_odd:
        raise ExamplesError(
            "a payload of examples that is not known",
            where=artifact.uri,
            found=f"{example_gen_pb2.PayloadFormat.Name(payload)} in files of the format {files!r}",
            wanted=", ".join(example_gen_pb2.PayloadFormat.Name(each) for each in _PAYLOADS),
        )
    return form
