"""TensorFlow's functions that a Keras 2 configuration calls by name, and which of them it may.

A functional model that applies tf.… to its tensors is saved with the function's name and arguments; loading
calls it. So names are judged before: what is listed as computing passes, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tfx_savedmodel.saved_model.keras_functions import (
    COMPUTING,
    COMPUTING_CLASS_METHODS,
    COMPUTING_METHODS,
    COMPUTING_PROPERTIES,
    COMPUTING_V1,
)
from tfx_savedmodel.saved_model.keras_node_ops import COMPUTING_OPS

#: The layers that call by name, and the keys of their configurations that name what.
_CALLERS = {
    "TFOpLambda": ("function",),
    "SlicingOpLambda": ("function",),
    "ClassMethod": ("cls_symbol", "method_name"),
    "InstanceMethod": ("attr_name",),
    "InstanceProperty": ("attr_name",),
}

#: Parameters that name files or streams in TensorFlow. No listed function has one: this is a second lock.
_FILE_PARAMETERS = frozenset(
    """
    cache_dir descriptor_source dirname fname file file_name file_pattern filename filenames filepath
    init_fname library_filename library_location memory_region_name output_stream path pattern_file shared_library
    vocab_file vocabulary_file
    """.split()
)


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
        yield from ((place, found) for found in _of_layer(config, inner))
    for value in config.values():
        yield from touching_calls(value, place)


def _of_layer(config: Mapping[str, Any], inner: Mapping[str, Any]) -> Iterator[str]:
    """Yield the function that a layer calls, if it is not known to compute, and each file that it is given."""
    class_name = str(config.get("class_name"))
    if class_name == "TensorFlowOpLayer":
        op = _op(inner.get("node_def"))
        function, computes = f"raw_ops.{op}", op in COMPUTING_OPS
    elif class_name in _CALLERS:
        function = ".".join(str(inner.get(key)) for key in _CALLERS[class_name])
        computes = _computes(class_name, function)
    else:
        return
    described = f"tf.{function}" if not class_name.startswith("Instance") else f"Tensor.{function}"
    if not computes:
        yield described
        return
    nodes = [config.get(key) for key in ("inbound_nodes", "arguments")]
    for name in sorted(set(_file_arguments(nodes))):
        yield f"{described} with {name}"


def _computes(class_name: str, function: str) -> bool:
    if class_name == "ClassMethod":
        return function in COMPUTING_CLASS_METHODS
    if class_name == "InstanceMethod":
        return function in COMPUTING_METHODS
    if class_name == "InstanceProperty":
        return function in COMPUTING_PROPERTIES
    if function.startswith("raw_ops."):
        return function.removeprefix("raw_ops.") in COMPUTING_OPS
    if function.startswith("compat.v1."):
        return function.removeprefix("compat.v1.") in COMPUTING_V1
    return function.removeprefix("compat.v2.") in COMPUTING


def _op(node: Any) -> str | None:
    """Return the op of a node that is a plain dictionary: anything else Keras 2 may take for the node's own bytes.

    A dictionary with a class name is one such: {"class_name": "__bytes__", "value": …, "op": …} in H5.
    """
    op = node.get("op") if isinstance(node, Mapping) and "class_name" not in node else None
    return op if isinstance(op, str) else None


def _file_arguments(value: Any) -> Iterator[str]:
    """Yield the names of arguments that are files, at any depth of what a node is called with."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name in _FILE_PARAMETERS and item is not None:
                yield str(name)
            yield from _file_arguments(item)
    elif isinstance(value, list):
        for item in value:
            yield from _file_arguments(item)
