"""NumPy's dtypes for TensorFlow's, without importing TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

#: What NumPy calls as TensorFlow does.
_SAME = frozenset(
    "float16 float32 float64 complex64 complex128 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool".split()
)
#: What TensorFlow itself takes from ml_dtypes.
_SMALL = frozenset({"bfloat16", "float8_e5m2", "float8_e4m3fn", "int4", "uint4"})
#: Quantized numbers: TensorFlow's NumPy form of them has one field of the dtype's own name.
_QUANTIZED = {"qint8": "int8", "quint8": "uint8", "qint16": "int16", "quint16": "uint16", "qint32": "int32"}


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return the NumPy dtype of a TensorFlow dtype by its short name; strings are objects.

    Raises:
      ValueError: the dtype has no NumPy form (resource, variant, or one that is not known here).
    """
    import numpy as np

    if name in _SAME:
        return np.dtype(name)
    if name == "string":
        return np.dtype(object)
    if name in _QUANTIZED:
        return np.dtype([(name, _QUANTIZED[name])])
    if name in _SMALL:
        import ml_dtypes

        return np.dtype(getattr(ml_dtypes, name))
    raise ValueError(f"{name} has no NumPy form")
