"""How tf.Examples are parsed, as the author writes it down: {"age": {"dtype": "float32", "shape": [1]}, …}."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import SchemaError

#: What tf.Example holds.
_DTYPES = ("float32", "int64", "string")
_FIELDS = ("dtype", "shape", "default")

FeatureSpecLike = Mapping[str, Any] | str | os.PathLike[str]


def read_feature_spec(given: FeatureSpecLike, where: str = "the feature spec") -> dict[str, dict[str, Any]]:
    """Return a feature spec as plain data: of a mapping, JSON text, or the path of a JSON file.

    Each feature has a `dtype` of tf.Example, a `shape` without the batch (null: any number of values, perhaps
    none) and perhaps a `default` for examples that lack it: a value, or a list of the shape's size. In a mapping
    tf.io.FixedLenFeature and VarLenFeature are taken too.

    Raises:
      SchemaError: it cannot be read; the feature is named.
    """
    document: Any = given
    if isinstance(given, (str, os.PathLike)):
        try:
            is_text = isinstance(given, str) and given.lstrip().startswith("{")
            text = str(given) if is_text else Path(given).read_text(encoding="utf-8")
            document = json.loads(text)
        except (OSError, ValueError) as error:
            raise SchemaError("the feature spec cannot be read", where=where, found=str(error)) from error
    if not isinstance(document, Mapping) or not document:
        raise SchemaError(
            "no feature spec", where=where, found=type(document).__name__, wanted="a JSON object of features by name"
        )
    return {str(name): _feature(f"{where}: feature {name!r}", item) for name, item in document.items()}


def parsing_spec_of(features: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the features as tf.io.parse_example takes them."""
    import tensorflow as tf

    spec: dict[str, Any] = {}
    for name, item in features.items():
        dtype = tf.as_dtype(item["dtype"])
        if item["shape"] is None:
            spec[name] = tf.io.VarLenFeature(dtype)
        else:
            spec[name] = tf.io.FixedLenFeature(item["shape"], dtype, item.get("default"))
    return spec


def _feature(where: str, item: Any) -> dict[str, Any]:
    if hasattr(item, "dtype") and not isinstance(item, Mapping):  # a tf.io feature
        shape = getattr(item, "shape", None)
        item = {
            "dtype": getattr(item.dtype, "name", item.dtype),
            "shape": None if shape is None else list(shape),
            "default": getattr(item, "default_value", None),
        }
    if not isinstance(item, Mapping):
        raise _wrong(where, repr(item), f"an object with {', '.join(_FIELDS)}")
    unknown = sorted(set(item) - set(_FIELDS))
    if unknown:
        raise _wrong(where, f"the field {unknown[0]!r}", ", ".join(_FIELDS))
    if item.get("dtype") not in _DTYPES:
        raise _wrong(where, f"dtype {item.get('dtype')!r}", " or ".join(_DTYPES))
    shape = item.get("shape", [])
    if shape is not None and not (isinstance(shape, (list, tuple)) and all(_is_size(size) for size in shape)):
        raise _wrong(where, f"shape {shape!r}", "a list of sizes without the batch, or null for any number of values")
    made = {"dtype": item["dtype"], "shape": None if shape is None else list(shape)}
    if item.get("default") is not None:
        if shape is None:
            raise _wrong(where, "a default for any number of values", "a default beside a shape")
        made["default"] = item["default"]
    return made


def _is_size(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size >= 0


def _wrong(where: str, found: str, wanted: str) -> SchemaError:
    return SchemaError("the feature spec has a mistake", where=where, found=found, wanted=wanted)
