"""NumPy arrays as TensorFlow's C tensors and back, strings included.

Source: tensorflow/c/tf_tensor.h, tf_tstring.h and, for TF_TString's size, tsl/platform/ctstring_internal.h.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from tfx_savedmodel.saved_model.dtypes import numpy_dtype
from tfx_savedmodel.saved_model.protos import dtype_name, dtype_number

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

#: Bytes of a TF_TString: three words; short texts lie in it, others on the heap.
TSTRING_BYTES = 24

_Deallocator = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)

PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "TF_AllocateTensor": (
        ctypes.c_void_p,
        (ctypes.c_int, ctypes.POINTER(ctypes.c_int64), ctypes.c_int, ctypes.c_size_t),
    ),
    "TF_NewTensor": (
        ctypes.c_void_p,
        (
            *(ctypes.c_int, ctypes.POINTER(ctypes.c_int64), ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t),
            *(_Deallocator, ctypes.c_void_p),
        ),
    ),
    "TF_DeleteTensor": (None, (ctypes.c_void_p,)),
    "TF_TensorData": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "TF_TensorType": (ctypes.c_int, (ctypes.c_void_p,)),
    "TF_TensorByteSize": (ctypes.c_size_t, (ctypes.c_void_p,)),
    "TF_NumDims": (ctypes.c_int, (ctypes.c_void_p,)),
    "TF_Dim": (ctypes.c_int64, (ctypes.c_void_p, ctypes.c_int)),
    "TF_StringInit": (None, (ctypes.c_void_p,)),
    "TF_StringCopy": (None, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)),
    "TF_StringDealloc": (None, (ctypes.c_void_p,)),
    "TF_StringGetDataPointer": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "TF_StringGetSize": (ctypes.c_size_t, (ctypes.c_void_p,)),
}

#: The memory of string tensors that TensorFlow still holds, and what frees it, by address.
_held: dict[int, tuple[Any, Any]] = {}


def to_tensor(api: ctypes.CDLL, array: Array, dtype: str) -> ctypes.c_void_p:
    """Return a new TF_Tensor of an array, to be freed with TF_DeleteTensor.

    Args:
      array: any shape; for dtype "string" an array of bytes or str.
      dtype: TensorFlow's short name; numbers are converted to it.

    Raises:
      ValueError: the dtype has no NumPy form, or the numbers cannot be converted.
    """
    import numpy as np

    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    if dtype == "string":
        return _string_tensor(api, array, shape)
    plain = np.asarray(array, dtype=numpy_dtype(dtype), order="C")
    tensor = ctypes.c_void_p(api.TF_AllocateTensor(dtype_number(dtype), shape, array.ndim, plain.nbytes))
    ctypes.memmove(api.TF_TensorData(tensor), plain.ctypes.data, plain.nbytes)
    return tensor


def from_tensor(api: ctypes.CDLL, tensor: ctypes.c_void_p) -> Array:
    """Return a copy of a TF_Tensor; strings as objects of type bytes.

    Raises:
      ValueError: the dtype has no NumPy form.
    """
    import numpy as np

    shape = tuple(api.TF_Dim(tensor, axis) for axis in range(api.TF_NumDims(tensor)))
    name, data = dtype_name(api.TF_TensorType(tensor)), api.TF_TensorData(tensor)
    if name != "string":
        dtype, size = numpy_dtype(name), api.TF_TensorByteSize(tensor)
        return np.frombuffer(ctypes.string_at(data, size) if size else b"", dtype=dtype).reshape(shape).copy()
    texts = np.empty(int(np.prod(shape, dtype=np.int64)), dtype=object)
    for index in range(texts.size):
        place = data + index * TSTRING_BYTES
        texts[index] = ctypes.string_at(api.TF_StringGetDataPointer(place), api.TF_StringGetSize(place))
    return texts.reshape(shape)


def _string_tensor(api: ctypes.CDLL, array: Array, shape: Any) -> ctypes.c_void_p:
    """TensorFlow frees no string of a tensor that C made: a deallocator does, when the last reference goes."""
    texts = [text.encode() if isinstance(text, str) else bytes(text) for text in array.reshape(-1).tolist()]
    length = len(texts) * TSTRING_BYTES
    memory = ctypes.create_string_buffer(max(length, TSTRING_BYTES))
    start = ctypes.addressof(memory)
    for index, text in enumerate(texts):
        api.TF_StringInit(start + index * TSTRING_BYTES)
        api.TF_StringCopy(start + index * TSTRING_BYTES, text, len(text))

    def free(data: int, size: int, _: object) -> None:
        for place in range(start, start + length, TSTRING_BYTES):
            api.TF_StringDealloc(place)
        _held.pop(start, None)

    deallocator = _Deallocator(free)
    _held[start] = (memory, deallocator)
    return ctypes.c_void_p(
        api.TF_NewTensor(dtype_number("string"), shape, array.ndim, start, length, deallocator, None)
    )
