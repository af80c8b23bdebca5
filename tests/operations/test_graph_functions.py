"""TF1 checkpoints with a function that builds the graph: a network of TF1's kind, or an Estimator's model_fn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import require_module
from tests.tf1_graphs import WORDS, Trained, X, train
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import UnsafeModelError, UnsupportedModelError, UsageError
from tfx_savedmodel.operations.export import ExportResult, export
from tfx_savedmodel.operations.inspect import inspect

pytestmark = pytest.mark.tf

v1 = tf.compat.v1

MODULE = '''
import collections
import tensorflow as tf

v1 = tf.compat.v1


def layers(x):
    weights = v1.get_variable("w", [3, 2])
    bias = v1.get_variable("b", [2])
    return tf.nn.softmax(x @ weights + bias)


def network():
    x = v1.placeholder(tf.float32, [None, 3])
    return {"image": x}, {"scores": layers(x)}


def ref_network():
    with v1.variable_scope("", use_resource=False):
        return dict(zip(("inputs", "outputs"), network()))


def parts():
    with v1.variable_scope("", partitioner=v1.fixed_size_partitioner(2)):
        x = v1.placeholder(tf.float32, [None, 3])
        return {"image": x}, {"scores": tf.nn.softmax(x @ tf.convert_to_tensor(v1.get_variable("w", [3, 2]))
                                                       + v1.get_variable("b", [2], partitioner=None))}


def scaled(params):
    inputs, outputs = network()
    scale = v1.get_local_variable("scale", initializer=tf.constant(params["scale"]))
    v1.get_variable("unused", [9])
    return inputs, {"scores": outputs["scores"] * scale}


def words(params):
    initializer = tf.lookup.TextFileInitializer(
        params["file"], tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)
    word = v1.placeholder(tf.string, [None])
    return {"word": word}, {"number": tf.lookup.StaticHashTable(initializer, -1).lookup(word)}


def averaged():
    """Restores what the checkpoint calls b into a variable of another name."""
    x = v1.placeholder(tf.float32, [None, 3])
    weights, bias = v1.get_variable("w", [3, 2]), v1.get_variable("renamed", [2])
    y = tf.nn.softmax(x @ weights + bias)
    return {"inputs": {"image": x}, "outputs": {"scores": y}, "saver": v1.train.Saver({"w": weights, "b": bias})}


def misnamed():
    x = v1.placeholder(tf.float32, [None, 3])
    return {"image": x}, {"scores": x @ v1.get_variable("kernel", [3, 2]) + v1.get_variable("bias", [2])}


def wider():
    x = v1.placeholder(tf.float32, [None, 3])
    return {"image": x}, {"scores": x @ v1.get_variable("w", [3, 7])}


def nothing():
    network()


def unfed():
    inputs, outputs = network()
    return inputs, {"scores": outputs["scores"] * v1.placeholder(tf.float32, [], name="scale")}


def defaulted():
    inputs, outputs = network()
    return inputs, {"scores": outputs["scores"] * v1.placeholder_with_default(1.0, [], name="scale")}


def wrong_saver():
    return {**dict(zip(("inputs", "outputs"), network())), "saver": "a saver"}


def python():
    inputs, outputs = network()
    return inputs, {"scores": tf.py_function(abs, [outputs["scores"]], tf.float32)}


ELSEWHERE = tf.constant(1.0)


def eager():
    return {}, {"scores": ELSEWHERE}


def fails():
    raise RuntimeError("no such layer")


Spec = collections.namedtuple("Spec", "predictions export_outputs")
Spec.__new__.__defaults__ = (None, None)
Classified = collections.namedtuple("Classified", "scores classes")
Regressed = collections.namedtuple("Regressed", "value")
Predicted = collections.namedtuple("Predicted", "outputs")


def simple_model_fn(features, labels, mode):
    assert labels is None and mode == "infer"
    return Spec({"scores": layers(features["image"])})


def exporting_model_fn(features, labels, mode, params, config):
    y = layers(features["image"])
    step = v1.train.get_global_step()
    with tf.control_dependencies([step.assign_add(1)]):
        tf.no_op()
    names = tf.fill(tf.shape(y), "cat")
    return Spec(y, {"serving_default": Classified(y, names), "value": Regressed(y[:, :1]), "raw": Predicted({"s": y})})


def sparse_model_fn(features, labels, mode):
    lengths = tf.sparse.reduce_sum(features["more"], axis=1, keepdims=True)
    dense = tf.ensure_shape(tf.concat([features["pair"], tf.cast(lengths, tf.float32)], 1), [None, 3])
    return Spec({"scores": layers(dense)})


def transformed_model_fn(features, labels, mode):
    dense = tf.concat([features["mass_scaled"], features["island_hot"][:, :2]], 1)
    return Spec({"scores": layers(dense)})
'''


@pytest.fixture(scope="module")
def module_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("user") / "network.py"
    file.write_text(MODULE, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(tmp_path_factory.mktemp("tf1"))


@pytest.fixture
def run(module_file: Path, tmp_path: Path) -> Any:
    def run(model: Path, function: str, source: Any = None, **given: Any) -> ExportResult:
        plan = {"keep": "all", "source": {"model_fn": function, **(source or {})}}
        return export(model, tmp_path / "out", plan=plan, module_file=module_file, overwrite=True, **given)

    return run


def ops(model: Path) -> set[str]:
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.saved_model.load(session, ["serve"], str(model))
        return {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("function", ["network", "ref_network", "parts", "averaged", "defaulted"])
def test_a_network_and_a_name_based_checkpoint(trained: Trained, run: Any, tmp_path: Path, function: str) -> None:
    result = run(trained.prefix, function)
    assert (result.builder, result.signatures, result.notes) == ("session", (DEFAULT,), ())
    same(answers(tmp_path / "out", DEFAULT, {"image": X}), {"scores": trained.scores})
    kind = "VariableV2" if function == "ref_network" else "VarHandleOp"
    assert kind in ops(tmp_path / "out")


def test_the_checkpoint_format_of_old(run: Any, tmp_path: Path) -> None:
    trained = train(tmp_path / "tf1", write_version=1, sharded=True)
    run(trained.prefix, "network")
    same(answers(tmp_path / "out", DEFAULT, {"image": X}), {"scores": trained.scores})


def test_local_variables_and_what_nobody_needs(trained: Trained, run: Any, tmp_path: Path) -> None:
    run(trained.prefix, "scaled", {"params": {"scale": 3.0}})
    same(answers(tmp_path / "out", DEFAULT, {"image": X}), {"scores": 3 * trained.scores})
    names = {name for name, _ in tf.train.list_variables(str(tmp_path / "out" / "variables" / "variables"))}
    assert names == {"w", "b"}


def test_tables_take_their_files_along(trained: Trained, run: Any, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("auk\npenguin\n", encoding="utf-8")
    run(trained.prefix, "words", {"params": {"file": str(tmp_path / "words.txt")}})
    (tmp_path / "words.txt").unlink()
    same(answers(tmp_path / "out", DEFAULT, {"word": WORDS}), {"number": np.int64([1, 0])})


def test_signatures_can_be_named_as_those_of_any_source(trained: Trained, module_file: Path, tmp_path: Path) -> None:
    alias = {"kind": "alias", "of": DEFAULT, "inputs": {"images": "image"}}
    plan = {"signatures": {"predict_images": alias}, "source": {"model_fn": "network"}, "tags": ["serve", "cpu"]}
    export(trained.prefix, tmp_path / "out", plan=plan, module_file=module_file)
    found = answers(tmp_path / "out", "predict_images", {"images": X}, tags="serve,cpu")
    same(found, {"scores": trained.scores})


@pytest.mark.parametrize(
    ("function", "error", "said"),
    [
        ("misnamed", UnsupportedModelError, r"no bias, kernel[\s\S]*as the checkpoint has them: b, b/Adam"),
        ("wider", UnsupportedModelError, r"w \(3, 2\), which is \(3, 7\) in the graph"),
        ("unfed", UnsupportedModelError, r"placeholders that are no input[\s\S]*scale:0"),
        ("wrong_saver", UnsupportedModelError, r"no Saver[\s\S]*str"),
        ("nothing", UnsupportedModelError, "a function that returns NoneType"),
        ("eager", UnsupportedModelError, "no tensor of the graph"),
        ("fails", UsageError, "no such layer"),
        ("absent", UsageError, "absent"),
        ("simple_model_fn", UsageError, r"source\.features"),
    ],
)
def test_what_does_not_fit_is_said(
    trained: Trained, run: Any, tmp_path: Path, function: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        run(trained.prefix, function)
    assert not (tmp_path / "out").exists()


def test_what_is_unsafe_names_the_model(trained: Trained, run: Any, tmp_path: Path) -> None:
    with pytest.raises(UnsafeModelError, match="EagerPyFunc") as caught:
        run(trained.prefix, "python")
    assert caught.value.where == str(trained.prefix)
    assert not (tmp_path / "out").exists()


FEATURES = {"features": {"image": {"dtype": "float32", "shape": [None, 3]}}}


def test_an_estimators_model_fn(trained: Trained, run: Any, tmp_path: Path) -> None:
    result = run(trained.prefix, "simple_model_fn", FEATURES)
    assert (result.builder, result.signatures, result.notes) == ("session", (DEFAULT,), ())
    same(answers(tmp_path / "out", DEFAULT, {"image": X}), {"scores": trained.scores})


def test_its_export_outputs(trained: Trained, run: Any, tmp_path: Path) -> None:
    result = run(trained.prefix, "exporting_model_fn", FEATURES)
    assert result.signatures == ("raw", DEFAULT, "value")
    classified, regressed = sorted(result.notes)
    assert "Classified would take serialized examples" in classified
    assert "'value'" in regressed
    same(answers(tmp_path / "out", "raw", {"image": X}), {"s": trained.scores})
    same(answers(tmp_path / "out", "value", {"image": X}), {"outputs": trained.scores[:, :1]})
    found = answers(tmp_path / "out", DEFAULT, {"image": X})
    same({"scores": found["scores"]}, {"scores": trained.scores})
    assert found["classes"].tolist() == [[b"cat", b"cat"]] * 2


def test_features_by_the_schema(trained: Trained, run: Any, tmp_path: Path) -> None:
    require_module("tensorflow_metadata", "make install: it comes with TFX")
    (tmp_path / "schema.pbtxt").write_text(
        """feature { name: "pair" type: FLOAT presence { min_fraction: 1 min_count: 1 } shape { dim { size: 2 } } }
        feature { name: "more" type: INT }
        feature { name: "label" type: INT presence { min_fraction: 1 min_count: 1 } shape { } }""",
        encoding="utf-8",
    )
    run(trained.prefix, "sparse_model_fn", schema=tmp_path / "schema.pbtxt")
    signature = inspect(tmp_path / "out")["meta_graphs"][0]["signatures"][DEFAULT]
    assert {name: spec.get("kind", "dense") for name, spec in signature["inputs"].items()} == {
        "pair": "dense",
        "more": "sparse",
    }
    loaded = tf.saved_model.load(str(tmp_path / "out")).signatures[DEFAULT]
    more = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], tf.constant([1, 2, 1], tf.int64), [2, 2])
    found = loaded(
        pair=tf.constant(X[:, :2]),
        more_indices=more.indices,
        more_values=more.values,
        more_dense_shape=more.dense_shape,
    )
    same({"scores": found["scores"].numpy()}, {"scores": trained.scores})


def test_features_by_the_transform_graph(trained: Trained, run: Any, tmp_path: Path) -> None:
    require_module("tensorflow_transform", "make install: it comes with TFX")
    from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

    # What a model_fn takes stands in the metadata alone.
    spec = {name: tf.io.FixedLenFeature([], tf.float32) for name in ("mass", "label")}
    given = {**spec, "mass_scaled": tf.io.FixedLenFeature([1], tf.float32)}
    given["island_hot"] = tf.io.FixedLenFeature([4], tf.float32)
    folder = tmp_path / "transform"
    tf.saved_model.save(tf.Module(), str(folder / "transform_fn"))
    for name, features in (("metadata", spec), ("transformed_metadata", given)):
        metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(features))
        metadata_io.write_metadata(metadata, str(folder / name))
    run(trained.prefix, "transformed_model_fn", transform_graph=folder)
    inputs = {"mass_scaled": X[:, :1], "island_hot": np.concatenate([X[:, 1:], X[:, 1:]], 1)}
    # The label, which the graph gives too, is no input.
    same(answers(tmp_path / "out", DEFAULT, inputs), {"scores": trained.scores})
