"""Live tf.Modules as sources, and the functions that objects hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.sources.function_names import function_names
from tfx_savedmodel.sources.functions import function_of, tf_functions, traced
from tfx_savedmodel.sources.live import open_object
from tfx_savedmodel.sources.objects import ObjectSource
from tfx_savedmodel.sources.traces import concrete

pytestmark = pytest.mark.tf

ROW = tf.TensorSpec([None, 2], tf.float32)


class Encoder(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = tf.Variable(2.0)

    @tf.function
    def embed(self, x: Any, factor: float = 1.0, flag: bool = False) -> Any:
        return {"vector": x * self.scale * factor, "sum": tf.reduce_sum(x)}


class Net(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.heads = [Encoder()]
        self.named = {"first": Encoder()}
        self.encoder.parent = self

    @tf.function(input_signature=[ROW])
    def __call__(self, x: Any) -> Any:
        return self.encoder.embed(x)["vector"], tf.reduce_sum(x)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, "my ids"), tf.TensorSpec([], tf.int64)])
    def look_up(self, ids: Any, offset: Any) -> Any:
        return {"ids": ids + offset}

    @property
    def costly(self) -> Any:
        raise AssertionError("a property was run")

    @property
    def encoders(self) -> Any:
        raise AssertionError("a property was run")


PATHS = ["__call__", "encoder.embed", "heads.0.embed", "look_up", "named.first.embed"]


def test_functions_of_a_live_object_are_found_by_their_paths() -> None:
    assert list(tf_functions(Net())) == PATHS


def test_functions_of_a_restored_model_are_found_alike(tmp_path: Path) -> None:
    net = Net()
    for encoder in (net.encoder, net.heads[0], net.named["first"]):
        encoder.embed(tf.ones([1, 2]))
    net.encoder.parent = None
    tf.saved_model.save(net, str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    functions = tf_functions(loaded)
    assert set(PATHS) <= set(functions)
    found = function_of(loaded, "encoder.embed", {"x": ("float32", (None, 2))}, "the model")
    assert dict(found.inputs) == {"x": ("float32", (None, 2))}
    assert found.call({"x": tf.ones([1, 2])})["vector"].numpy().tolist() == [[2.0, 2.0]]
    with pytest.raises(UnsupportedModelError, match="one of its traces"):
        function_of(loaded, "encoder.embed", {"x": ("int32", (3,))}, "the model")


def test_keras_internals_are_left_out() -> None:
    model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(tf.ones([1, 2]), tf.ones([1, 1]), verbose=0)
    model.predict(tf.ones([1, 2]), verbose=0)
    assert tf_functions(model) == {}
    model.score = tf.function(lambda x: x, input_signature=[ROW])
    assert list(tf_functions(model)) == ["score"]


def test_specs_are_matched_by_argument_and_defaults_are_left() -> None:
    found = function_of(Net(), "encoder.embed", {"x": ("float32", (None, 3))}, "the model")
    assert dict(found.inputs) == {"x": ("float32", (None, 3))}
    assert dict(found.outputs) == {"sum": ("float32", ()), "vector": ("float32", (None, 3))}
    result = found.call({"x": tf.ones([1, 3])})
    assert (result["sum"].numpy(), result["vector"].numpy().tolist()) == (3.0, [[2.0, 2.0, 2.0]])


def test_names_are_those_of_a_saved_model(tmp_path: Path) -> None:
    net = Net()
    signatures = {"call": net.__call__.get_concrete_function(), "look_up": net.look_up.get_concrete_function()}
    inputs, outputs = function_names(signatures["call"])
    assert (inputs, outputs) == (
        {"x": ("float32", (None, 2))},
        {"output_0": ("float32", (None, 2)), "output_1": ("float32", ())},
    )
    del signatures["look_up"]
    tf.saved_model.save(net, str(tmp_path / "model"), signatures=signatures)
    loaded = tf.saved_model.load(str(tmp_path / "model")).signatures["call"]
    assert sorted(loaded.structured_outputs) == sorted(outputs)
    assert sorted(loaded.structured_input_signature[1]) == sorted(inputs)
    again, _ = function_names(loaded)
    assert again == inputs


def test_a_concrete_function_is_taken_as_it_is() -> None:
    function = tf.function(lambda x: x + 1).get_concrete_function(tf.TensorSpec([None], tf.int32, name="x"))
    found = traced(function, None, "it")
    assert found.concrete is function
    assert found.call({"x": tf.constant([1])})["output_0"].numpy().tolist() == [2]


@pytest.mark.parametrize(
    ("path", "specs", "said"),
    [
        ("nowhere", None, "encoder.embed"),
        (None, None, "which function is meant"),
        ("encoder.embed", None, "no input signature"),
        ("encoder.embed", {"y": ("float32", (None,))}, "no argument y; it has x, factor, flag"),
        ("encoder.embed", {"x": ("string", (None,))}, "cannot be traced"),
        ("__call__", {"x": ("float32", (None, 3))}, "cannot be traced"),
    ],
)
def test_what_cannot_be_traced_is_said(path: str | None, specs: Any, said: str) -> None:
    with pytest.raises(UnsupportedModelError, match=said):
        function_of(Net(), path, specs, "the model")


def test_results_that_a_signature_cannot_have_are_said() -> None:
    nested = tf.function(lambda x: {"a": {"b": x}}, input_signature=[ROW])
    sparse = tf.function(lambda x: tf.sparse.from_dense(x), input_signature=[ROW])
    for function in (nested, sparse):
        with pytest.raises(UnsupportedModelError, match=r"returns?"):
            traced(function, None, "it")
    with pytest.raises(UnsupportedModelError, match="not a tf"):
        concrete(lambda x: x, None)


def test_several_traces_need_specs() -> None:
    function = tf.function(lambda x: x * 2)
    function(tf.ones([1]))
    assert concrete(function, None) is not None
    function(tf.ones([1, 2]))
    with pytest.raises(UnsupportedModelError, match="several traces"):
        concrete(function, None)


def test_an_object_is_its_call() -> None:
    source = open_object(Net())
    assert isinstance(source, ObjectSource)
    assert list(source.model.inputs) == ["x"]
    assert source.model.call({"x": tf.ones([1, 2])})["output_1"].numpy() == 2.0
    assert source.signatures == {}


def test_an_object_without_a_clear_function_says_which_it_has() -> None:
    class Two(tf.Module):
        @tf.function(input_signature=[ROW])
        def one(self, x: Any) -> Any:
            return x

        @tf.function(input_signature=[ROW])
        def other(self, x: Any) -> Any:
            return x

    with pytest.raises(UnsupportedModelError, match="found: one, other"):
        _ = open_object(Two()).model
    with pytest.raises(UnsupportedModelError, match=r"no tf\.function"):
        _ = open_object(tf.train.Checkpoint(variable=tf.Variable(1.0))).model


@pytest.mark.parametrize("value", [object(), lambda x: x, {"a": 1}, tf.Variable(1.0)])
def test_what_tensorflow_cannot_track_is_said(value: Any) -> None:
    with pytest.raises(UnsupportedModelError, match=r"trackable object: a tf\.Module"):
        open_object(value)


def test_the_reserved_attribute_is_said() -> None:
    module = tf.Module()
    module.signatures = ["mine"]
    with pytest.raises(UnsupportedModelError, match="'signatures'"):
        open_object(module)


def test_a_restored_model_is_a_trackable_object_too(tmp_path: Path) -> None:
    net = Net()
    net.encoder.parent = None
    tf.saved_model.save(net, str(tmp_path / "model"))
    source = open_object(tf.saved_model.load(str(tmp_path / "model")))
    assert source.model.call({"x": tf.ones([1, 2])})["output_1"].numpy() == 2.0
