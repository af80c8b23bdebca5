"""How tf.Examples are parsed, as the author writes it down: {"age": {"dtype": "float32", "shape": [1]}, …}."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfx_savedmodel.errors import SchemaError

#: What tf.Example holds.
_DTYPES = ("float32", "int64", "string")
_FIELDS = ("dtype", "shape", "default")
#: The classes of tf.io that say the same; the others parse several features into one, or lists of lists.
_OF_TENSORFLOW = ("FixedLenFeature", "VarLenFeature")

FeatureSpecLike = Mapping[str, Any] | str | os.PathLike[str]


def read_feature_spec(given: FeatureSpecLike, where: str = "the feature spec") -> dict[str, dict[str, Any]]:
    """Return a feature spec as plain data: of a mapping, JSON text, or the path of a JSON file.

    Each feature has a `dtype` of tf.Example, a `shape` without the batch (null: any number of values, perhaps
    none) and perhaps a `default` for examples that lack it: a list of the shape's size, or one value for each place.
    In a mapping tf.io.FixedLenFeature and VarLenFeature are taken too.

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
    if not isinstance(item, Mapping):
        item = _of_tensorflow(where, item)
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
        made["default"] = _default(where, item["default"], item["dtype"], list(shape))
    return made


def _of_tensorflow(where: str, item: Any) -> Mapping[str, Any]:
    """Return what a tf.io feature says, by the fields of ours."""
    kind = type(item).__name__
    if kind not in _OF_TENSORFLOW or not hasattr(item, "dtype"):
        found = kind if hasattr(item, "dtype") else repr(item)
        wanted = f"{' or '.join(f'tf.io.{name}' for name in _OF_TENSORFLOW)}, or an object with {', '.join(_FIELDS)}"
        raise _wrong(where, found, wanted)
    dtype = getattr(item.dtype, "name", None) or getattr(item.dtype, "__name__", item.dtype)
    if not hasattr(item, "shape"):
        return {"dtype": dtype, "shape": None}
    shape = item.shape
    try:
        sizes = [int(size) for size in ([shape] if isinstance(shape, int) else shape)]
    except (TypeError, ValueError):
        raise _wrong(where, f"shape {shape!r}", "sizes that are all known, without the batch") from None
    return {"dtype": dtype, "shape": sizes, "default": item.default_value}


def _default(where: str, given: Any, dtype: str, shape: list[int]) -> Any:
    """Return a default as JSON has it: a single value stands for each of the shape.

    Raises:
      SchemaError: values of another dtype, or of another number.
    """
    if hasattr(given, "tolist"):  # numpy's, and a tensor's
        given = given.tolist()
    if hasattr(given, "numpy"):
        given = given.numpy()
        given = given.tolist() if hasattr(given, "tolist") else given
    values = [_value(where, value, dtype) for value in _flat(given)]
    size = math.prod(shape)
    if isinstance(given, (list, tuple)) and len(values) != size:
        raise _wrong(where, f"a default of {len(values)} values", f"{size}, as the shape {shape} has, or a single one")
    return values[0] if not shape and values else values if isinstance(given, (list, tuple)) else values * size


def _flat(value: Any) -> list[Any]:
    return [each for item in value for each in _flat(item)] if isinstance(value, (list, tuple)) else [value]


def _value(where: str, value: Any, dtype: str) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if dtype == "float32" and is_number:
        return value
    if dtype == "int64" and is_number and isinstance(value, int) and -(2**63) <= value < 2**63:
        return value
    if dtype == "string" and isinstance(value, (str, bytes)):
        try:
            return value.decode("utf-8") if isinstance(value, bytes) else value
        except UnicodeDecodeError:
            raise _wrong(where, f"the default {value!r}", "bytes that are text in UTF-8") from None
    raise _wrong(where, f"the default {value!r}", f"a value of the dtype {dtype}")


def _is_size(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size >= 0


def _wrong(where: str, found: str, wanted: str) -> SchemaError:
    return SchemaError("the feature spec has a mistake", where=where, found=found, wanted=wanted)
