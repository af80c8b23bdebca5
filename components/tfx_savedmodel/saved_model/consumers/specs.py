"""Declarations of functions that a version's TF2 loader in Python cannot read; it refuses the whole model for one.

Read in nested_structure_coder.py of TensorFlow 1.15.5, 2.4.4, 2.7.4, 2.10.1 and 2.15.1: of a version between them the
older one is assumed. C++ and TF1's loader do not look at declarations.
"""

from __future__ import annotations

from collections.abc import Iterable

from tfx_savedmodel.saved_model.op_tables import versions

#: The first version that reads a kind; all read what is not here.
_SINCE = {
    "bounded_tensor_spec_value": "2.4",
    "VARIABLE_SPEC": "2.4",
    "ROW_PARTITION_SPEC": "2.4",
    "REGISTERED_TYPE_SPEC": "2.7",
    "EXTENSION_TYPE_SPEC": "2.7",
    # A kind of object, and not in the SavedObject of TensorFlow 2.4: of 2.5 and 2.6 the worst is assumed.
    "captured_tensor": "2.7",
    "tensor_value": "2.15",
    "numpy_value": "2.15",
    # Fields that came later: a RaggedTensorSpec's flat_values_spec, a VariableSpec's alias_id.
    "RAGGED_TENSOR_SPEC/5": "2.4",
    "VARIABLE_SPEC/4": "2.15",
}
#: Reads four fields as others than are meant, and does nothing with them.
_ALSO = {"VARIABLE_SPEC/4": ("2.7",)}
_NOBODY = ("TYPE_", "NDARRAY_SPEC", "UNKNOWN")


def unreadable(kinds: Iterable[str], version: str) -> list[str]:
    """Return those of the kinds that a version, "2.7", cannot read."""
    return sorted(kind for kind in kinds if not _reads(kind, version))


def _reads(kind: str, version: str) -> bool:
    if kind.startswith(_NOBODY):
        return False
    known = versions()
    since = [_SINCE[name] for name in (kind, kind.partition("/")[0]) if name in _SINCE]
    return version in _ALSO.get(kind, ()) or all(known.index(first) <= known.index(version) for first in since)
