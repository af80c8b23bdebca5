"""Serialized tf.Examples for a comparison: read from TFRecord files, or generated from a parsing spec or inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.sources.examples import find_example_files, read_batches

if TYPE_CHECKING:
    import numpy as np

    from tfx_savedmodel.estimators.keras_model import ModelInput

__all__ = ["find_example_files", "generate_examples", "generate_features", "read_batches"]

#: A size that stands for an open dimension of a generated input, wide enough for a few convolutions.
_OPEN_SIZE = 32
_SEED = 20240229
_WORDS = (b"a", b"b", b"")


def generate_examples(spec: Mapping[str, Any], count: int, *, whole: bool = False) -> np.ndarray[Any, Any]:
    """Return `count` serialized examples that a parsing spec can read, the same at each call.

    Every third example lacks the features that may be missing. With `whole` floats are such as an embedding takes.
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
            values = _values(random, feature.dtype, getattr(feature, "shape", None) or (), whole=whole)
            _set(example.features.feature[name], values.ravel())
        examples.append(example.SerializeToString(deterministic=True))
    return np.array(examples, dtype=object)


def generate_features(
    inputs: Sequence[ModelInput], count: int, *, whole: bool = False
) -> dict[str, np.ndarray[Any, Any]]:
    """Return `count` values of each input, arrays [count, …], the same at each call; `whole` as above."""
    import numpy as np

    random = np.random.default_rng(_SEED)
    sizes = {each.name: [_OPEN_SIZE if size is None else size for size in each.shape] for each in inputs}
    return {
        each.name: _values(random, each.dtype, [count, *sizes[each.name]], whole=whole).astype(
            each.dtype.as_numpy_dtype
        )
        for each in inputs
    }


def _values(random: np.random.Generator, dtype: Any, shape: Sequence[int], *, whole: bool) -> np.ndarray[Any, Any]:
    """Return words, normally distributed numbers, or integers that any embedding takes (0 and 1)."""
    import numpy as np

    size = tuple(int(each) for each in shape)
    if dtype.name == "string":
        words = np.array(_WORDS, dtype=object)
        return np.asarray(words[random.integers(0, len(_WORDS), size)], dtype=object)
    if dtype.is_floating and whole:
        return np.asarray(random.integers(0, 2, size), dtype=np.float32)
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
