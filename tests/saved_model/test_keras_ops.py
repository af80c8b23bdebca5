"""Which functions of TensorFlow a Keras configuration may call."""

from __future__ import annotations

from typing import Any

import pytest

from tfx_savedmodel.saved_model.keras_ops import touching_calls

pytestmark = pytest.mark.unit


def layer(class_name: str, **config: Any) -> dict[str, Any]:
    inner = {"class_name": class_name, "config": {"name": "it", **config}}
    return {"class_name": "Functional", "config": {"name": "model", "layers": [inner]}}


@pytest.mark.parametrize(
    "function",
    [
        "math.reduce_sum",
        "nn.relu",
        "concat",
        "compat.v1.nn.softmax",
        "__operators__.add",
        "io.decode_raw",
        "raw_ops.Add",
    ],
)
def test_what_computes_passes(function: str) -> None:
    assert list(touching_calls(layer("TFOpLambda", function=function))) == []


@pytest.mark.parametrize(
    "function",
    [
        "io.read_file",
        "io.write_file",
        "io.gfile.copy",
        "py_function",
        "compat.v1.py_func",
        "numpy_function",
        "raw_ops.ReadFile",
        "keras.utils.get_file",
        "load_op_library",
        "saved_model.load",
        "print",
    ],
)
def test_what_touches_more_is_named_with_its_layer(function: str) -> None:
    assert list(touching_calls(layer("TFOpLambda", function=function))) == [("it", f"tf.{function}")]


def test_nodes_and_methods_are_looked_at_too() -> None:
    assert list(touching_calls(layer("TensorFlowOpLayer", node_def={"op": "WriteFile"}))) == [
        ("it", "tf.raw_ops.WriteFile")
    ]
    assert list(touching_calls(layer("TensorFlowOpLayer", node_def={"op": "AddV2"}))) == []
    assert list(touching_calls(layer("ClassMethod", cls_symbol="io.TFRecordWriter", method_name="write"))) == [
        ("it", "tf.io.TFRecordWriter.write")
    ]
