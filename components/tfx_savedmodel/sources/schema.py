"""A TensorFlow Metadata schema, and the parsing spec that it stands for."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import SchemaError, UnsupportedStackError

_FILE = "schema.pbtxt"


def read_schema(path: str | os.PathLike[str]) -> Any:
    """Return the `Schema` proto in a text file, or in `schema.pbtxt` of a directory (an artifact).

    Raises:
      SchemaError: no such file, or not a schema in text form.
      UnsupportedStackError: tensorflow-metadata is not installed.
    """
    file = Path(path)
    if file.is_dir():
        file = file / _FILE
    if not file.is_file():
        raise SchemaError(
            "no schema here", where=str(path), wanted=f"a schema in text form, or a directory with {_FILE}"
        )
    from google.protobuf import text_format

    schema = _schema_pb2().Schema()
    try:
        text_format.Parse(file.read_text(encoding="utf-8"), schema)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise SchemaError("the schema cannot be read", where=str(file), found=str(error)) from error
    return schema


def feature_spec(schema: Any, exclude: Collection[str] = ()) -> dict[str, Any]:
    """Return the tf.io parsing spec of a schema, by feature name, without those in `exclude`.

    A feature that is in every example with a fixed shape is a FixedLenFeature, any other a
    VarLenFeature, as tensorflow_metadata and TensorFlow Transform read a schema.

    Raises:
      SchemaError: a feature has no type, or a structured one.
    """
    import tensorflow as tf

    types = _schema_pb2()
    dtypes = {types.BYTES: tf.string, types.INT: tf.int64, types.FLOAT: tf.float32}
    spec: dict[str, Any] = {}
    for feature in schema.feature:
        if feature.name in exclude:
            continue
        if feature.type not in dtypes:
            raise SchemaError(
                "a feature has no type that tf.Example can hold",
                where=f"feature {feature.name!r}",
                found=types.FeatureType.Name(feature.type),
                wanted="BYTES, INT or FLOAT",
                next_step="mend the schema, or leave the feature out with exclude_features",
            )
        dtype = dtypes[feature.type]
        if _always_there(feature):
            spec[feature.name] = tf.io.FixedLenFeature([dim.size for dim in feature.shape.dim], dtype)
        else:
            spec[feature.name] = tf.io.VarLenFeature(dtype)
    return spec


def _always_there(feature: Any) -> bool:
    return bool(feature.HasField("shape") and feature.presence.min_fraction == 1)


def _schema_pb2() -> Any:
    try:
        from tensorflow_metadata.proto.v0 import schema_pb2
    except ImportError as error:
        raise UnsupportedStackError(
            "tensorflow-metadata is not installed",
            wanted="it, to read a schema",
            next_step="install tfx-savedmodel[tfx]",
        ) from error
    return schema_pb2
