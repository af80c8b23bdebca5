"""Keras files and TF2 models written as TF1 does: variables in their collections, a Saver of their names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import example, keras, save_module
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import PlanError, UnsupportedModelError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.gate import refuse_broken, refuse_unsafe
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.saved_model.reader import read_saved_model

pytestmark = pytest.mark.tf

X = np.float32([[1, 2, 3], [3, 4, 5]])
WORD = np.array([[b"red"], [b"blue"]], dtype=object)
EXPLANATION = json.dumps(
    {
        "inputs": {"word": {"input_tensor_name": "word"}},
        "outputs": {"index": {"output_tensor_name": "index"}},
        "framework": "tensorflow2",
    }
)
PLAN: dict[str, Any] = {
    "signatures": {
        DEFAULT: {"kind": "model"},
        "examples": {"kind": "serve_examples"},
        "classify": {"kind": "alias", "of": "examples", "method_name": "mine"},
    },
    "builder": "session",
}


def save_network(file: Path, seed: int) -> Any:
    """Save a network with a loop, a moving average and a layer that is used twice; return it."""
    keras().utils.set_random_seed(seed)
    keras().backend.clear_session()
    layers = keras().layers
    inputs = keras().Input((3,), name="x")
    hidden = layers.LSTM(4, name="lstm")(layers.Reshape((3, 1))(inputs))
    shared = layers.Dense(4, activation="relu", name="shared")
    hidden = layers.BatchNormalization(name="normal")(shared(shared(hidden)))
    model = keras().Model(inputs, layers.Dense(2, name="scores")(hidden))
    model.save(file)
    return model


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_keras_file_becomes_a_model_of_tf1(tmp_path: Path, suffix: str) -> None:
    model = save_network(tmp_path / f"m{suffix}", 1)
    result = export(tmp_path / f"m{suffix}", tmp_path / "out", plan=PLAN)
    assert result.builder == "session" and "fingerprint.pb" not in " ".join(result.notes)
    view = read_saved_model(tmp_path / "out")
    refuse_broken(view)
    refuse_unsafe(view)
    meta_graph = view.meta_graph()
    assert meta_graph is not None and not meta_graph.is_tf2 and meta_graph.signatures["classify"].method_name == "mine"
    (output,) = meta_graph.signatures[DEFAULT].outputs
    (given,) = meta_graph.signatures[DEFAULT].inputs
    wanted = {output: model(X).numpy()}
    same(answers(tmp_path / "out", DEFAULT, {given: X}), wanted)
    rows = np.array([example(**{given: row.tolist()}) for row in X], dtype=object)
    same(answers(tmp_path / "out", "examples", {"examples": rows}), wanted)
    declared = parse_saved_model(tmp_path / "out", "saved_model.pb").meta_graphs[0].collection_def
    assert len(declared["variables"].bytes_list.value) == len(model.weights)
    assert len(declared["trainable_variables"].bytes_list.value) == len(model.trainable_weights)
    saved = tf.train.load_checkpoint(str(tmp_path / "out" / "variables" / "variables"))
    shapes = saved.get_variable_to_shape_map()
    assert sorted(map(tuple, shapes.values())) == sorted(tuple(weight.shape) for weight in model.weights)
    assert not [name for name in shapes if "ATTRIBUTES" in name]


def test_two_in_one_process_share_nothing(tmp_path: Path) -> None:
    models = [save_network(tmp_path / f"{seed}.h5", seed) for seed in (1, 2)]
    for seed in (1, 2):
        export(tmp_path / f"{seed}.h5", tmp_path / f"{seed}", plan={DEFAULT: {"kind": "model"}})
        export(tmp_path / f"{seed}.h5", tmp_path / f"tf1-{seed}", plan=PLAN)
    loaded = [tf.saved_model.load(str(tmp_path / f"tf1-{seed}")) for seed in (1, 2)]
    for model, one in zip(models, loaded, strict=True):
        (given,) = one.signatures[DEFAULT].structured_input_signature[1]
        (found,) = one.signatures[DEFAULT](**{given: tf.constant(X)}).values()
        np.testing.assert_allclose(found, model(X), rtol=1e-5, atol=1e-6)


def test_a_vocabulary_goes_with_it(tmp_path: Path) -> None:
    source = save_module(tmp_path / "model")
    plan = {"keep": "all", "builder": "session"}
    assert export(source, tmp_path / "out", plan=plan).builder == "session"
    (tmp_path / "out").rename(tmp_path / "moved")
    wanted = answers(source, "look_up", {"word": WORD})
    same(answers(tmp_path / "moved", "look_up", {"word": WORD}), wanted)
    view = read_saved_model(tmp_path / "moved")
    refuse_broken(view)
    refuse_unsafe(view)
    saved = tf.train.load_checkpoint(str(tmp_path / "moved" / "variables" / "variables"))
    assert [saved.get_tensor(key) for key in saved.get_variable_to_shape_map()] == [2.0]  # the scale, and no path
    # It is a TF1 model now, which is extended as such.
    again = {"keep": "all", "signatures": {"examples": {"kind": "serve_examples"}}}
    assert export(tmp_path / "moved", tmp_path / "again", plan=again).builder == "session"
    rows = np.array([example(word=[word]) for word in WORD.ravel()], dtype=object)
    same(answers(tmp_path / "again", "examples", {"examples": rows}), wanted)


def test_an_op_of_a_tf2_graph_is_no_init_op(tmp_path: Path) -> None:
    source = save_module(tmp_path / "model")
    with pytest.raises(PlanError, match="an op of the graph of a TF1 SavedModel is meant"):
        export(source, tmp_path / "out", plan={"keep": "all", "init_op": "NoOp"})


def test_a_table_that_training_filled_is_refused(tmp_path: Path) -> None:
    class Counts(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "word")])
        def look_up(self, word: Any) -> Any:
            return {"count": self.table.lookup(word)}

    module = Counts()
    module.table.insert(tf.constant(["red"]), tf.constant([5], tf.int64))
    with pytest.raises(UnsupportedModelError, match="does not save as a variable"):
        export(module, tmp_path / "out", plan={"signatures": {"f": {"kind": "function"}}, "builder": "session"})
    assert not (tmp_path / "out").exists()


def test_function_aliases_stay_and_tf2_explanations_go(tmp_path: Path) -> None:
    source = save_module(tmp_path / "model")
    (source / "explanation_metadata.json").write_text(EXPLANATION, encoding="utf-8")
    plan = {
        "keep": "all",
        "signatures": {"twice": {"kind": "function", "path": "double"}},
        "function_aliases": {"mine": "twice"},
        "builder": "session",
    }
    result = export(source, tmp_path / "out", plan=plan)
    assert [note for note in result.notes if "names no tensors of a graph" in note]
    meta_graph = parse_saved_model(tmp_path / "out", "saved_model.pb").meta_graphs[0]
    functions = {body.signature.name for body in meta_graph.graph_def.library.function}
    assert set(meta_graph.meta_info_def.function_aliases.values()) == {"mine"}
    assert set(meta_graph.meta_info_def.function_aliases) <= functions
    assert not (tmp_path / "out" / "explanation_metadata.json").exists()
    (value,) = answers(tmp_path / "out", "twice", {"value": np.float32(3)}).values()
    assert value == 6


def test_variables_that_share_a_name_keep_what_they_are(tmp_path: Path) -> None:
    class Three(tf.Module):
        def __init__(self) -> None:
            self.first, self.second = (tf.Variable(value, name="Variable") for value in (2.0, 3.0))
            self.still = tf.Variable(5.0, trainable=False, name="still")

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def score(self, x: Any) -> Any:
            return {"y": self.first * x + self.second + self.still}

    plan = {"signatures": {DEFAULT: {"kind": "function", "path": "score"}}, "builder": "session"}
    export(Three(), tmp_path / "out", plan=plan)
    (meta_graph,) = parse_saved_model(tmp_path / "out", "saved_model.pb").meta_graphs
    counts = [len(meta_graph.collection_def[name].bytes_list.value) for name in ("variables", "trainable_variables")]
    assert counts == [3, 2]
    same(answers(tmp_path / "out", DEFAULT, {"x": np.float32([1, 10])}), {"y": np.float32([10, 28])})
