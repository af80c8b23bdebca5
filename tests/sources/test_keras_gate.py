"""What the gate before Keras refuses, with the Keras that is installed: nothing refused is ever deserialised."""

from __future__ import annotations

import inspect
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import UnsafeModelError
from tfx_savedmodel.saved_model import keras_ops
from tfx_savedmodel.saved_model.keras_files import read_keras_file
from tfx_savedmodel.saved_model.keras_functions import COMPUTING, COMPUTING_V1
from tfx_savedmodel.saved_model.keras_names import _FUNCTIONS
from tfx_savedmodel.saved_model.keras_node_ops import COMPUTING_OPS
from tfx_savedmodel.sources.keras_load import is_keras_3, load_keras_file
from tfx_savedmodel.sources.keras_objects import judged_config, refuse_code

tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module", params=[".h5", ".keras"])
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    inputs = tf.keras.Input((4,), name="x")
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, name="d")(inputs))
    path = tmp_path_factory.mktemp("plain") / f"model{request.param}"
    model.save(path)
    return path


@pytest.fixture
def never_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(*args: object, **kwargs: object) -> None:
        raise AssertionError("a refused model was deserialised")

    monkeypatch.setattr(tf.keras.models, "load_model", loads)


def with_layer(plain: Path, layer: dict[str, Any], folder: Path) -> Path:
    """Return a copy of a model whose configuration has one layer more, after its input."""
    path = folder / plain.name
    if plain.suffix == ".keras":
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as copy:
            for member in source.infolist():
                data = source.read(member)
                if member.filename == "config.json":
                    config = json.loads(data)
                    config["config"]["layers"].insert(1, layer)
                    data = json.dumps(config).encode()
                copy.writestr(member.filename, data)
        return path
    import h5py

    shutil.copy(plain, path)
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"].insert(1, layer)
        file.attrs["model_config"] = json.dumps(config)
    return path


def called(function: str, first: Any, **arguments: Any) -> dict[str, Any]:
    config = {"name": "bad", "trainable": True, "dtype": "float32", "function": function}
    node = ["_CONSTANT_VALUE", -1, first, arguments]
    return {"class_name": "TFOpLambda", "config": config, "name": "bad", "inbound_nodes": [node]}


def activated(**activation: Any) -> dict[str, Any]:
    return {"class_name": "Dense", "config": {"name": "bad", "units": 1, "activation": activation}}


@pytest.mark.parametrize(
    "layer",
    [
        called("compat.v1.write_file", "pwned", contents="evil"),
        called("compat.v1.read_file", "pwned"),
        called("compat.v1.load_file_system_library", "lib.so"),
        called("nn.fixed_unigram_candidate_sampler", [[0]], vocab_file="pwned"),
        called("keras.losses.deserialize", {"class_name": "function", "config": "system"}),
        {**called("math.add", 1.0), "class_name": "Sneaky", "registered_name": "TFOpLambda", "module": "keras.layers"},
        {**called("write_file", "pwned"), "class_name": "tf_op_layer.TFOpLambda", "module": "keras.src.layers.core"},
        activated(module="builtins", class_name="function", config="write_file", registered_name="function"),
        activated(module="builtins", class_name="function", config="exec", registered_name="function"),
        activated(module="keras.utils", class_name="function", config="get_file", registered_name="get_file"),
        activated(module="keras.models", class_name="load_model", config={"filepath": "x"}, registered_name=None),
        activated(module="keras.saving", class_name="function", config="load_model", registered_name="load_model"),
        activated(module="antigravity", class_name="TensorShape", config={}),
    ],
    ids=lambda layer: layer["config"].get("function", str(layer["config"].get("activation"))[:80]),
)
@pytest.mark.usefixtures("never_loads")
def test_what_runs_code_or_touches_files_is_refused_before_keras(
    plain: Path, layer: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UnsafeModelError) as raised:
        load_keras_file(read_keras_file(with_layer(plain, layer, tmp_path)))
    assert "bad" in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == [plain.name]


@pytest.mark.usefixtures("never_loads")
@pytest.mark.parametrize("name", ["load_model", "get", "deserialize", "serialize", "__builtins__", "clone_model"])
def test_what_keras_has_but_is_no_part_of_a_model_is_refused(name: str) -> None:
    for layer in (
        {"class_name": name, "config": {"name": "bad"}},
        {"class_name": "Dense", "config": {"name": "bad", "activation": name}},
        {"class_name": "Lambda", "config": {"name": "bad", "function": name, "function_type": "function"}},
        {"class_name": "Dense", "config": {"kernel_initializer": {"class_name": name}}},
    ):
        with pytest.raises(UnsafeModelError, match=name):
            refuse_code({"config": {"layers": [layer]}}, "here", (), allow_lambda=False)


def test_every_part_of_the_installed_keras_passes_as_it_is_serialised() -> None:
    refused = []
    spaces = ("layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers", "random")
    loaders = {"TFSMLayer", "TorchModuleWrapper", "ModuleWrapper"}
    for space in spaces:
        for name, value in vars(getattr(tf.keras, space, object)).items():
            if hasattr(value, "from_config") and not name.startswith("_") and name not in loaders:
                own = value.__name__
                for module in (f"keras.{space}", value.__module__.replace("keras.src.legacy", "keras._legacy")):
                    config = {"class_name": own, "config": {}, "module": module, "registered_name": None}
                    refused += _refused(config) if f".{space}" in module else []
    assert refused == []


def test_every_activation_loss_and_metric_of_the_installed_keras_is_known() -> None:
    helpers = {"get", "serialize", "deserialize"}
    for space in ("activations", "losses", "metrics"):
        names = {
            name
            for name, value in vars(getattr(tf.keras, space)).items()
            if inspect.isfunction(value) and not name.startswith("_")
        }
        assert names - helpers - _FUNCTIONS[space] == set(), space


def _refused(config: dict[str, Any]) -> list[Any]:
    try:
        refuse_code({"config": config}, "here", (), allow_lambda=True)
    except UnsafeModelError:
        return [(config["module"], config["class_name"])]
    return []


def test_models_of_many_layers_and_operations_pass(tmp_path: Path) -> None:
    layers = tf.keras.layers
    inputs = tf.keras.Input((6, 4), name="x")
    cell = layers.StackedRNNCells([layers.GRUCell(3), layers.LSTMCell(2)])
    hidden = layers.Bidirectional(layers.LSTM(3, return_sequences=True, kernel_regularizer="l2"))(inputs)
    hidden = layers.TimeDistributed(layers.Dense(3, activation="gelu", kernel_constraint="max_norm"))(hidden)
    hidden = layers.RNN(cell, return_sequences=True)(hidden)
    hidden = layers.MultiHeadAttention(2, 3)(hidden, hidden)
    hidden = tf.keras.Sequential([tf.keras.Input((6, 2)), layers.Conv1D(3, 2), layers.PReLU()])(hidden)
    if not is_keras_3():
        hidden = tf.nn.relu(hidden[:, 1:] * 2.0 + tf.cast(tf.shape(hidden)[0], tf.float32))
        hidden = tf.concat([tf.transpose(hidden, [0, 1, 2]), tf.math.log1p(hidden)], axis=-1)
        hidden = tf.compat.v1.to_float(tf.keras.backend.l2_normalize(hidden, axis=-1))
        hidden = tf.reduce_max(tf.squeeze(tf.expand_dims(hidden, 1), 1), axis=1) / 2.0
    else:
        hidden = tf.keras.ops.max(tf.keras.ops.relu(hidden[:, 1:] * 2.0), axis=1)
    model = tf.keras.Model(inputs, layers.Dense(1, activation=layers.LeakyReLU())(hidden))
    model.compile("adam", tf.keras.losses.Huber(), metrics=[tf.keras.metrics.AUC(), "mae"])
    # Keras 3 writes no module for an operation into H5, and does not find it again.
    for name in ("model.keras",) if is_keras_3() else ("model.h5", "model.keras"):
        model.save(tmp_path / name)
        file = read_keras_file(tmp_path / name)
        refuse_code(judged_config(file, compiled=name.endswith(".keras")), name, (), allow_lambda=False)


def test_the_lists_are_of_tensorflow_and_no_listed_function_takes_files_or_functions() -> None:
    from tensorflow.python.util import tf_export

    symbols: dict[str, Any] = getattr(tf_export, "_NAME_TO_SYMBOL_MAPPING", {})
    names = [*COMPUTING, *(f"compat.v1.{name}" for name in COMPUTING_V1)]
    if not is_keras_3():
        assert [name for name in sorted(COMPUTING) if name not in symbols] == []
        own = sorted(COMPUTING_V1 - COMPUTING)
        assert [name for name in own if f"compat.v1.{name}" not in symbols] == []
    for name in names:
        if name in symbols:
            assert not inspect.isclass(symbols[name]), name
            taken = set(inspect.signature(symbols[name]).parameters)
            assert not taken & {*keras_ops._FILE_PARAMETERS, "fn", "func", "function", "body", "true_fn", "op"}, name
    for op in COMPUTING_OPS:
        raw = getattr(tf.raw_ops, op, None)
        assert raw is None or not set(inspect.signature(raw).parameters) & keras_ops._FILE_PARAMETERS, op
