"""TensorFlow's protocol buffers without TensorFlow.

Importing TensorFlow takes seconds, its generated protobuf modules some 0.1 s; they need only the
package's folder. So where TensorFlow is not imported yet, they are imported below a bare module
of its name that is put away afterwards: a later `import tensorflow` is the real one and finds the
proto modules already there.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import types
from typing import Any

from tfx_savedmodel.errors import UnsupportedStackError

_lock = threading.Lock()


def _import(module: str) -> Any:
    with _lock:
        if module in sys.modules:
            return sys.modules[module]
        if "tensorflow" in sys.modules:
            return importlib.import_module(module)
        spec = importlib.util.find_spec("tensorflow")
        if spec is None or not spec.submodule_search_locations:
            raise UnsupportedStackError(
                "TensorFlow is not installed",
                wanted="the tensorflow package, for its protocol buffers",
                next_step="install tfx-savedmodel[tensorflow]",
            )
        stand_in = types.ModuleType("tensorflow")
        stand_in.__path__ = list(spec.submodule_search_locations)
        sys.modules["tensorflow"] = stand_in
        try:
            return importlib.import_module(module)
        finally:
            del sys.modules["tensorflow"]


def saved_model_pb2() -> Any:
    """Return the module of SavedModel."""
    return _import("tensorflow.core.protobuf.saved_model_pb2")


def meta_graph_pb2() -> Any:
    """Return the module of MetaGraphDef, SignatureDef and AssetFileDef."""
    return _import("tensorflow.core.protobuf.meta_graph_pb2")


def variable_pb2() -> Any:
    """Return the module of VariableDef, what TF1's collections say of a variable."""
    return _import("tensorflow.core.framework.variable_pb2")


def control_flow_pb2() -> Any:
    """Return the module of WhileContextDef and CondContextDef, of TF1's collections."""
    return _import("tensorflow.core.protobuf.control_flow_pb2")


def saved_object_graph_pb2() -> Any:
    """Return the module of SavedObjectGraph."""
    return _import("tensorflow.core.protobuf.saved_object_graph_pb2")


def tensor_bundle_pb2() -> Any:
    """Return the module of the variables index: BundleHeaderProto, BundleEntryProto."""
    return _import("tensorflow.core.protobuf.tensor_bundle_pb2")


def fingerprint_pb2() -> Any:
    """Return the module of FingerprintDef."""
    return _import("tensorflow.core.protobuf.fingerprint_pb2")


def attr_value_pb2() -> Any:
    """Return the module of AttrValue."""
    return _import("tensorflow.core.framework.attr_value_pb2")


def op_def_pb2() -> Any:
    """Return the module of OpDef."""
    return _import("tensorflow.core.framework.op_def_pb2")


def saver_pb2() -> Any:
    """Return the module of SaverDef."""
    return _import("tensorflow.core.protobuf.saver_pb2")


def queue_runner_pb2() -> Any:
    """Return the module of QueueRunnerDef."""
    return _import("tensorflow.core.protobuf.queue_runner_pb2")


def types_pb2() -> Any:
    """Return the module of the DataType enum."""
    return _import("tensorflow.core.framework.types_pb2")


def tensor_pb2() -> Any:
    """Return the module of TensorProto."""
    return _import("tensorflow.core.framework.tensor_pb2")


def example_pb2() -> Any:
    """Return the module of Example."""
    return _import("tensorflow.core.example.example_pb2")


def dtype_name(number: int) -> str:
    """Return TensorFlow's short name of a DataType: 1 gives "float32"; references lose theirs.

    An unknown number gives "dtype <number>".
    """
    enum = types_pb2().DataType
    number = number - 100 if number > 100 else number
    if number not in enum.values():
        return f"dtype {number}"
    name: str = enum.Name(number).removeprefix("DT_").lower()
    return _SHORT.get(name, name)


def dtype_number(name: str) -> int:
    """Return the DataType of TensorFlow's short name: "float32" gives 1.

    Raises:
      ValueError: there is none of that name.
    """
    long = {short: other for other, short in _SHORT.items()}.get(name, name)
    number: int = types_pb2().DataType.Value(f"DT_{long.upper()}")
    return number


_SHORT = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "invalid": "unknown",
}
