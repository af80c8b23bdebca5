"""Which functions of TensorFlow a Keras configuration may call."""

from __future__ import annotations

from typing import Any

import pytest

from tfx_savedmodel.saved_model.keras_node_ops import COMPUTING_OPS
from tfx_savedmodel.saved_model.keras_ops import touching_calls
from tfx_savedmodel.saved_model.unsafe_ops import UNSAFE_OPS

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
        "cast",
        "compat.v1.transpose",
        "compat.v1.nn.fused_batch_norm",
        "compat.v1.to_float",
        "compat.v1.where_v2",
        "compat.v2.math.add",
        "debugging.check_numerics",
        "image.resize",
        "keras.backend.l2_normalize",
        "random.normal",
        "sparse.to_dense",
        "strings.lower",
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
        "compat.v1.Print",
        "compat.v1.disable_eager_execution",
        "compat.v1.import_graph_def",
        "compat.v1.load_file_system_library",
        "compat.v1.load_library",
        "compat.v1.matching_files",
        "compat.v1.read_file",
        "compat.v1.write_file",
        "compat.v2.io.write_file",
        "compat.v1.compat.v1.add",
        "compat.v1.raw_ops.Add",
        "config.set_visible_devices",
        "d_tensor_restore_v2",
        "debugging.experimental.enable_dump_debug_info",
        "debugging.set_log_device_placement",
        "estimator.export",
        "experimental.register_filesystem_plugin",
        "foldl",
        "import_graph_def",
        "io.decode_proto",
        "io.encode_proto",
        "io.matching_files",
        "io.parse_example.",
        "keras.backend.batch_set_value",
        "keras.backend.clear_session",
        "keras.backend.print_tensor",
        "keras.backend.set_floatx",
        "keras.layers.deserialize",
        "keras.losses.deserialize",
        "keras.losses.get",
        "keras.metrics.deserialize",
        "keras.activations.get",
        "keras.models.load_model",
        "load_file_system_library",
        "matching_files",
        "nest.map_structure",
        "nn.fixed_unigram_candidate_sampler",
        "random.fixed_unigram_candidate_sampler",
        "random.set_seed",
        "raw_ops.DecodeProtoV2",
        "raw_ops.ImmutableConst",
        "raw_ops.LoadDataset",
        "raw_ops.WriteFile",
        "raw_ops.XlaCustomCall",
        "raw_ops.A new one",
        "read_file",
        "write_file",
        "xla_custom_call_v2",
        "",
        " add",
        "math..add",
        "nn.",
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
    assert list(touching_calls(layer("ClassMethod", cls_symbol="RaggedTensor", method_name="from_tensor"))) == []
    assert list(touching_calls(layer("InstanceMethod", attr_name="to_tensor"))) == []
    assert list(touching_calls(layer("InstanceMethod", attr_name="eval"))) == [("it", "Tensor.eval")]
    assert list(touching_calls(layer("InstanceProperty", attr_name="flat_values"))) == []
    assert list(touching_calls(layer("InstanceProperty", attr_name="graph"))) == [("it", "Tensor.graph")]


@pytest.mark.parametrize(
    "node",
    [
        "CgNiYWQSCVdyaXRlRmlsZQ==",
        {"class_name": "__bytes__", "value": "a node", "op": "AddV2"},
        {"op": ["AddV2"]},
        None,
    ],
    ids=["text", "bytes that look like a dictionary", "no name", "nothing"],
)
def test_a_node_that_is_not_read_as_a_dictionary_is_refused(node: Any) -> None:
    assert list(touching_calls(layer("TensorFlowOpLayer", node_def=node))) == [("it", "tf.raw_ops.None")]


@pytest.mark.parametrize("function", [None, 1, ["math.add"], {"class_name": "__bytes__", "value": "add"}])
def test_a_function_that_is_no_name_is_refused(function: Any) -> None:
    assert list(touching_calls(layer("SlicingOpLambda", function=function)))


def test_calls_are_found_wherever_they_hide() -> None:
    call = {"class_name": "TFOpLambda", "config": {"name": "bad", "function": "compat.v1.write_file"}}
    for hidden in (
        {"class_name": "TimeDistributed", "config": {"name": "outer", "layer": call}},
        {"class_name": "RNN", "config": {"name": "outer", "cell": {"class_name": "StackedRNNCells", "cells": [call]}}},
        {"class_name": "Sequential", "config": [call]},
        {"class_name": "__tuple__", "items": [call]},
        {"class_name": "Dense", "config": {"name": "outer"}, "build_config": {"input_shape": [call]}},
        {"class_name": "Dense", "config": {"name": "outer"}, "compile_config": {"loss": {"out": call}}},
    ):
        assert ("bad", "tf.compat.v1.write_file") in list(touching_calls(hidden))


def test_an_argument_that_names_a_file_is_refused_whatever_the_function() -> None:
    call = {"class_name": "TFOpLambda", "config": {"name": "it", "function": "math.add"}}
    with_file = {**call, "inbound_nodes": [["_CONSTANT_VALUE", -1, "x", {"vocab_file": "/etc/passwd"}]]}
    assert list(touching_calls(with_file)) == [("it", "tf.math.add with vocab_file")]
    without = {**call, "inbound_nodes": [["x", 0, 0, {"y": 1.0, "vocab_file": None, "name": "filename"}]]}
    assert list(touching_calls(without)) == []


def test_no_listed_op_is_unsafe_by_the_check_of_graphs() -> None:
    assert sorted(COMPUTING_OPS & UNSAFE_OPS.keys()) == []
