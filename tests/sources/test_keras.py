"""Keras files and live Keras models as sources, of whichever Keras runs."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfx_savedmodel import versions
from tfx_savedmodel.errors import UnsafeModelError, UnsupportedModelError, UsageError
from tfx_savedmodel.saved_model.keras_files import read_keras_file
from tfx_savedmodel.sources.attach import attached
from tfx_savedmodel.sources.keras import KerasSource
from tfx_savedmodel.sources.keras_load import is_keras_3
from tfx_savedmodel.sources.live import open_object
from tfx_savedmodel.sources.module_file import ModuleFile, load_module

pytestmark = pytest.mark.tf

layers = tf.keras.layers
MODULE = """
import tensorflow as tf

@tf.keras.utils.register_keras_serializable(package="mine")
class Scaled(tf.keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=(shape[-1],), initializer="ones")
    def call(self, values):
        return values * self.scale

def double(values):
    return values * 2

class Net(tf.keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = tf.keras.layers.Dense(2)
        self.drop = tf.keras.layers.Dropout(0.5)
    def call(self, values, training=False):
        summed = values["u"] + values["v"]
        return {"out": self.drop(self.dense(summed), training=training)}

class Branching(tf.keras.Model):
    def call(self, values):
        if tf.reduce_sum(values) > 0.0:
            values = values * 2.0
        return values
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleFile:
    file = tmp_path_factory.mktemp("module") / "custom_layers.py"
    file.write_text(textwrap.dedent(MODULE), encoding="utf-8")
    return load_module(file)


def functional() -> Any:
    tf.keras.utils.set_random_seed(1)
    bill, island = tf.keras.Input((1,), name="bill"), tf.keras.Input((3,), name="island")
    hidden = layers.Dropout(0.5)(layers.Dense(4)(layers.Concatenate()([bill, island])))
    return tf.keras.Model({"bill": bill, "island": island}, layers.Dense(3, name="scores")(hidden))


FEATURES = {"bill": np.ones([5, 1], "float32"), "island": np.arange(15, dtype="float32").reshape(5, 3)}


def exported(source: KerasSource, directory: Path, tracked: Any = None) -> Any:
    """Save a source with its forward pass as a signature, as an export does; return the signature loaded."""
    model = source.model
    specs = {name: tf.TensorSpec(shape, dtype, name=name) for name, (dtype, shape) in model.inputs.items()}
    serve = tf.function(lambda tensors: dict(model.call(tensors)), autograph=False).get_concrete_function(specs)
    with attached(source.root, {} if tracked is None else {"tfx_savedmodel_transform": tracked}):
        source.save(directory, {"serve": serve}, tf.saved_model.SaveOptions())
    loaded = tf.saved_model.load(str(directory))
    assert list(loaded.signatures) == ["serve"]
    return loaded


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_file_gives_the_numbers_of_its_model(tmp_path: Path, name: str, compiled: bool) -> None:
    model = functional()
    if compiled:
        model.compile("adam", "mse")
        model.fit(FEATURES, np.zeros([5, 3], "float32"), verbose=0)
    model.save(tmp_path / name)
    source = KerasSource.of_file(read_keras_file(tmp_path / name))
    assert dict(source.model.inputs) == {"bill": ("float32", (None, 1)), "island": ("float32", (None, 3))}
    output = "output_0" if is_keras_3() else "scores"
    assert dict(source.model.outputs) == {output: ("float32", (None, 3))}
    loaded = exported(source, tmp_path / "export")
    result = loaded.signatures["serve"](**{key: tf.constant(value) for key, value in FEATURES.items()})
    np.testing.assert_array_equal(result[output], model(FEATURES, training=False))
    assert bool(source.notes) == compiled
    names = [name for name, _ in tf.train.list_variables(str(tmp_path / "export" / "variables" / "variables"))]
    assert not [name for name in names if "optimizer" in name]


def test_the_name_of_a_file_need_not_fit_its_bytes(tmp_path: Path) -> None:
    model = functional()
    model.save(tmp_path / "model.h5")
    (tmp_path / "model.h5").rename(tmp_path / "model.keras")
    source = KerasSource.of_file(read_keras_file(tmp_path / "model.keras"))
    np.testing.assert_array_equal(source.root(FEATURES), model(FEATURES))


@pytest.mark.skipif(is_keras_3(), reason="Keras 3 writes no Keras metadata")
def test_load_model_gives_an_export_of_keras_2_back(tmp_path: Path) -> None:
    model = functional()
    table = layers.StringLookup(vocabulary=["a", "b"])
    exported(KerasSource.of_object(model), tmp_path / "export", tracked=table)
    again = tf.keras.models.load_model(tmp_path / "export")
    assert again._is_graph_network
    np.testing.assert_array_equal(again(FEATURES), model(FEATURES))


@pytest.mark.parametrize("kind", ["functional", "sequential", "subclassed"])
def test_a_live_model_is_exported_and_left_as_it_was(tmp_path: Path, module: ModuleFile, kind: str) -> None:
    if kind == "functional":
        model: Any = functional()
        features: Any = FEATURES
    elif kind == "sequential":
        model = tf.keras.Sequential([tf.keras.Input((3,), name="numbers"), layers.Dense(2, name="out")])
        features = FEATURES["island"]
    else:
        model = module.get("Net")()
        features = {"u": FEATURES["island"], "v": FEATURES["island"]}
    before = model(features)
    if kind != "subclassed":
        model.compile("sgd", "mse")
    optimizer = model.optimizer if kind != "subclassed" else None
    attributes, count, children = set(vars(model)), len(model.layers), len(model.weights)
    source = open_object(model)
    assert isinstance(source, KerasSource)
    loaded = exported(source, tmp_path / "export", tracked=layers.StringLookup(vocabulary=["a"]))
    assert loaded.tfx_savedmodel_transform is not None
    given = features if isinstance(features, dict) else {next(iter(source.model.inputs)): features}
    assert set(given) == set(source.model.inputs)
    (result,) = loaded.signatures["serve"](**{key: tf.constant(value) for key, value in given.items()}).values()
    np.testing.assert_array_equal(result, before["out"] if kind == "subclassed" else before)
    assert not hasattr(model, "tfx_savedmodel_transform")
    assert (len(model.layers), len(model.weights)) == (count, children)
    assert set(vars(model)) - attributes <= {"_saved_model_inputs_spec", "_default_save_signature"}
    if optimizer is not None:
        assert model.optimizer is optimizer
        model.fit(features, np.zeros(before.shape, "float32"), verbose=0)


def test_outputs_have_the_keys_of_a_dictionary(module: ModuleFile) -> None:
    model = module.get("Net")()
    model({"u": tf.zeros([2, 3]), "v": tf.zeros([2, 3])})
    source = KerasSource.of_object(model)
    assert list(source.model.inputs) == ["u", "v"]
    assert dict(source.model.outputs) == {"out": ("float32", (None, 2))}


def test_a_model_that_was_never_built_is_refused(module: ModuleFile) -> None:
    for model in (module.get("Net")(), tf.keras.Sequential([layers.Dense(1)])):
        with pytest.raises(UnsupportedModelError, match="never built"):
            _ = open_object(model).model


def test_a_layer_is_no_model() -> None:
    with pytest.raises(UnsupportedModelError, match="not a model"):
        open_object(layers.Dense(1))


def test_a_sparse_input_is_refused() -> None:
    numbers = tf.keras.Input((4,), name="numbers", sparse=True)
    model = tf.keras.Model(numbers, layers.Dense(1)(numbers))
    with pytest.raises(UnsupportedModelError, match=r"numbers: sparse"):
        _ = KerasSource.of_object(model).model


@pytest.mark.skipif(is_keras_3(), reason="Keras 3 does not convert an author's Python itself")
def test_python_in_a_call_becomes_a_graph(module: ModuleFile) -> None:
    model = module.get("Branching")()
    model(tf.ones([1, 2]))
    call = KerasSource.of_object(model).model.call
    (one,) = call({"input_1": tf.ones([1, 2])}).values()
    (other,) = call({"input_1": -tf.ones([1, 2])}).values()
    assert one.numpy().tolist() == [[2, 2]] and other.numpy().tolist() == [[-1, -1]]


@pytest.mark.parametrize(
    "name",
    [
        "model.keras",
        pytest.param("model.h5", marks=pytest.mark.skipif(not is_keras_3(), reason="Keras 2.15 cannot read it again")),
    ],
)
def test_custom_code_needs_its_name_and_its_module(tmp_path: Path, module: ModuleFile, name: str) -> None:
    double = module.get("double")
    model = tf.keras.Sequential(
        [tf.keras.Input((3,), name="numbers"), module.get("Scaled")(), layers.Dense(2, activation=double)]
    )
    numbers = FEATURES["island"]
    model.save(tmp_path / name)
    file = read_keras_file(tmp_path / name)
    with pytest.raises(UnsafeModelError) as refused:
        KerasSource.of_file(file)
    assert "mine>Scaled at " in refused.value.found and "double at dense" in refused.value.found
    assert "--allow 'mine>Scaled' --allow 'double'" in refused.value.next_step
    with pytest.raises(UnsafeModelError, match="found: double at dense"):
        KerasSource.of_file(file, custom_objects=["Scaled"])
    for names in (["mine>Scaled", "double"], ["Scaled", "double"]):
        source = KerasSource.of_file(file, custom_objects=names, module=module)
        np.testing.assert_array_equal(source.root(numbers), model(numbers))
    with pytest.raises(UsageError, match="'double' cannot be found"):
        _ = KerasSource.of_file(file, custom_objects=["mine>Scaled", "double"]).root


def test_a_custom_class_in_h5_is_allowed_alike(tmp_path: Path, module: ModuleFile) -> None:
    model = tf.keras.Sequential([tf.keras.Input((3,)), module.get("Scaled")()])
    model.save(tmp_path / "model.h5")
    file = read_keras_file(tmp_path / "model.h5")
    with pytest.raises(UnsafeModelError, match="mine>Scaled at "):
        KerasSource.of_file(file)
    source = KerasSource.of_file(file, custom_objects=["Scaled"], module=module)
    np.testing.assert_array_equal(source.root(FEATURES["island"]), model(FEATURES["island"]))


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_lambda_is_unpacked_only_where_that_is_allowed(tmp_path: Path, name: str) -> None:
    model = tf.keras.Sequential([tf.keras.Input((3,)), layers.Lambda(lambda value: value * 2, name="twice")])
    model.save(tmp_path / name)
    file = read_keras_file(tmp_path / name)
    with pytest.raises(UnsafeModelError, match="Lambda 'twice' at twice"):
        KerasSource.of_file(file)
    source = KerasSource.of_file(file, allow_lambda=True)
    np.testing.assert_array_equal(source.root(FEATURES["island"]), 2 * FEATURES["island"])


def test_a_loss_of_the_authors_own_is_not_needed(tmp_path: Path) -> None:
    model = functional()
    model.compile("adam", lambda wanted, found: tf.reduce_mean(wanted - found))
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        KerasSource.of_file(read_keras_file(tmp_path / "model.keras")).root(FEATURES), model(FEATURES)
    )


@pytest.mark.parametrize("name", ["keras__mlx_model.keras/model.keras", "sagemaker__mlflow_model.keras/model.keras"])
def test_a_file_of_keras_3_loads_there_and_is_named_elsewhere(corpus: Path, name: str) -> None:
    file = read_keras_file(corpus / "models" / name)
    if (versions.installed("keras") or "").startswith("3."):  # with TFX 1.21 beside Keras 2
        assert KerasSource.of_file(file).model.inputs
        return
    with pytest.raises(UnsupportedModelError, match=rf"Keras {file.keras_version}[\s\S]*this is Keras 2\.15"):
        KerasSource.of_file(file)


@pytest.mark.parametrize("name", ["pypi_mmsplice__Donor.h5/Donor.h5", "kafka__simple_mlp.h5/simple_mlp.h5"])
def test_old_h5_files_load_in_either(corpus: Path, name: str) -> None:
    source = KerasSource.of_file(read_keras_file(corpus / "models" / name))
    assert len(source.model.inputs) == len(source.model.outputs) == 1


def test_what_this_keras_stumbles_over_is_said_with_both_versions(corpus: Path) -> None:
    file = read_keras_file(corpus / "models" / "fdeep__temp_stateful.h5" / "temp_stateful.h5")
    source = KerasSource.of_file(file)
    if not is_keras_3():
        assert list(source.model.inputs) == ["input_1", "input_2"]
        return
    with pytest.raises(UnsupportedModelError, match=r"Keras 2\.2\.4-tf[\s\S]*this Keras, 3\."):
        _ = source.root
