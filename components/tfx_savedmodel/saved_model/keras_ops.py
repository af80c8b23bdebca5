"""TensorFlow's functions that a Keras 2 configuration calls by name, and which of them it may.

A functional model that applies tf.… to its tensors is saved with the function's name and arguments; loading
calls it. So names are judged before: what computes passes, what touches files, the network or Python does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tfx_savedmodel.saved_model.unsafe_ops import UNSAFE_OPS

_CALLERS = {
    "TFOpLambda": ("function",),
    "SlicingOpLambda": ("function",),
    "ClassMethod": ("cls_symbol", "method_name"),
    "InstanceMethod": ("cls_symbol", "method_name"),
    "InstanceProperty": ("attr_name",),
}

#: Modules of tf whose functions compute and nothing more.
_COMPUTING = (
    "__operators__.",
    "audio.",
    "bitwise.",
    "debugging.assert_",
    "dtypes.",
    "image.",
    "io.decode_",
    "io.parse_",
    "keras.activations.",
    "keras.backend.",
    "keras.losses.",
    "keras.metrics.",
    "linalg.",
    "math.",
    "nest.",
    "nn.",
    "quantization.",
    "ragged.",
    "random.",
    "RaggedTensor.",
    "sets.",
    "signal.",
    "sparse.",
    "SparseTensor.",
    "strings.",
)
_NOT_COMPUTING = {"load_library", "load_op_library", "numpy_function", "print", "py_func", "py_function"}


def touching_calls(config: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield (layer, function) for each function of a Keras 2 configuration that may do more than compute."""
    if isinstance(config, list):
        for value in config:
            yield from touching_calls(value, place)
    if not isinstance(config, Mapping):
        return
    inner = config.get("config")
    if isinstance(inner, Mapping):
        place = str(inner.get("name") or place)
        function = _function(str(config.get("class_name")), inner)
        if function is not None and not _computes(function):
            yield place, f"tf.{function}"
    for value in config.values():
        yield from touching_calls(value, place)


def _function(class_name: str, inner: Mapping[str, Any]) -> str | None:
    if class_name == "TensorFlowOpLayer":
        node = inner.get("node_def")
        op = node.get("op") if isinstance(node, Mapping) else None
        return f"raw_ops.{op}"
    if class_name in _CALLERS:
        return ".".join(str(inner.get(key)) for key in _CALLERS[class_name])
    return None


def _computes(function: str) -> bool:
    for prefix in ("compat.v1.", "compat.v2."):
        function = function.removeprefix(prefix)
    if function.startswith("raw_ops."):
        op = function.removeprefix("raw_ops.")
        return op.isidentifier() and op != "None" and op not in UNSAFE_OPS
    if "." in function:
        return function.startswith(_COMPUTING)
    return function.isidentifier() and function not in _NOT_COMPUTING
