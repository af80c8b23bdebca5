"""Serialized tf.Examples for a comparison: read from TFRecord files, or generated from a parsing spec."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.errors import ExamplesError

if TYPE_CHECKING:
    import numpy as np

    from tfx_savedmodel.estimators.keras_model import ModelInput

#: A size that stands for an open dimension of a generated input, wide enough for a few convolutions.
_OPEN_SIZE = 32
_SEED = 20240229
_WORDS = (b"a", b"b", b"")


def find_example_files(patterns: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Return the TFRecord files that paths, directories or globs name, in order.

    Raises:
      ExamplesError: one of them names no file.
    """
    files: list[str] = []
    for pattern in patterns:
        text = os.fspath(pattern)
        path = Path(text)
        found = sorted(map(str, path.iterdir())) if path.is_dir() else sorted(glob.glob(text))  # noqa: PTH207
        found = [name for name in found if Path(name).is_file()]
        if not found:
            raise ExamplesError(
                "no examples here",
                where=text,
                found="no file",
                wanted="TFRecord files",
                next_step="check the path or glob",
            )
        files += found
    return files


def read_batches(files: Sequence[str], *, batch: int, limit: int) -> Iterator[np.ndarray[Any, Any]]:
    """Yield serialized examples, object arrays [batch], from plain and gzip TFRecord files, `limit` at most.

    Raises:
      ExamplesError: a file is no TFRecord file, or there is no example in any.
    """
    import numpy as np
    import tensorflow as tf

    waiting: list[bytes] = []
    seen = 0
    for name in files:
        try:
            for record in tf.data.TFRecordDataset(name, compression_type=_compression(name)):
                waiting.append(record.numpy())
                seen += 1
                if len(waiting) == batch or seen == limit:
                    yield np.array(waiting, dtype=object)
                    waiting = []
                if seen == limit:
                    return
        except tf.errors.OpError as error:
            raise ExamplesError(
                "not readable as TFRecords", where=name, found=str(error.message), wanted="plain or gzip TFRecords"
            ) from error
    if not seen:
        raise ExamplesError("the files hold no example", where=", ".join(files), found="0 records")
    if waiting:
        yield np.array(waiting, dtype=object)


def generate_examples(spec: Mapping[str, Any], count: int) -> np.ndarray[Any, Any]:
    """Return `count` serialized examples that a parsing spec can read, the same at each call.

    Every third example lacks the features that may be missing.
    """
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(_SEED)
    examples = []
    for index in range(count):
        example = tf.train.Example()
        for name, feature in sorted(spec.items()):
            if isinstance(feature, tf.io.VarLenFeature) and index % 3 == 2:
                continue
            values = _values(random, feature.dtype, getattr(feature, "shape", None) or ())
            _set(example.features.feature[name], values.ravel())
        examples.append(example.SerializeToString(deterministic=True))
    return np.array(examples, dtype=object)


def generate_features(inputs: Sequence[ModelInput], count: int) -> dict[str, np.ndarray[Any, Any]]:
    """Return `count` values of each input, arrays [count, …], the same at each call."""
    import numpy as np

    random = np.random.default_rng(_SEED)
    sizes = {each.name: [_OPEN_SIZE if size is None else size for size in each.shape] for each in inputs}
    return {
        each.name: _values(random, each.dtype, [count, *sizes[each.name]]).astype(each.dtype.as_numpy_dtype)
        for each in inputs
    }


def _values(random: np.random.Generator, dtype: Any, shape: Sequence[int]) -> np.ndarray[Any, Any]:
    """Return words, normally distributed numbers, or integers that any embedding takes (0 and 1)."""
    import numpy as np

    size = tuple(int(each) for each in shape)
    if dtype.name == "string":
        words = np.array(_WORDS, dtype=object)
        return np.asarray(words[random.integers(0, len(_WORDS), size)], dtype=object)
    if dtype.is_floating:
        return np.asarray(random.standard_normal(size), dtype=np.float32)
    return np.asarray(random.integers(0, 2, size), dtype=np.int64)


def _set(feature: Any, values: np.ndarray[Any, Any]) -> None:
    if values.dtype == object:
        feature.bytes_list.value.extend(values.tolist())
    elif values.dtype.kind == "f":
        feature.float_list.value.extend(values.tolist())
    else:
        feature.int64_list.value.extend(values.tolist())


def _compression(name: str) -> str:
    with Path(name).open("rb") as file:
        return "GZIP" if file.read(2) == b"\x1f\x8b" else ""
