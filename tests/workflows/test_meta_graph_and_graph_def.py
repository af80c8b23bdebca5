"""The migration guide's MetaGraphDef and GraphDef ("Migrate the SavedModel workflow"), as SavedModels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import UnsupportedModelError, UsageError
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

v1 = tf.compat.v1
MULTIPLY = {DEFAULT: {"kind": "tensors", "inputs": {"x": "x:0"}, "outputs": {"y": "y:0"}}}


@pytest.fixture(scope="module", params=["resource variables", "ref variables"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guide's `multiply.pb`, a MetaGraphDef as text, and `multiply_values.ckpt`; its graph and a frozen one."""
    path = tmp_path_factory.mktemp("guide")
    with tf.Graph().as_default() as graph, v1.Session() as session:
        x = v1.placeholder(tf.float32, shape=[], name="x")
        v = v1.Variable(3.0, name="v", use_resource=request.param == "resource variables")
        tf.multiply(x, v, name="y")
        session.run(v.initializer)
        saver = v1.train.Saver()
        saver.export_meta_graph(str(path / "multiply.pb"), as_text=True)
        saver.save(session, str(path / "multiply_values.ckpt"), write_meta_graph=False)
        tf.io.write_graph(graph, str(path), "graph.pbtxt")
        frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["y"])
        tf.io.write_graph(frozen, str(path), "frozen.pb", as_text=False)
        tf.io.write_graph(frozen, str(path), "frozen.pbtxt")
        tf.io.write_graph(frozen, str(path / "misnamed"), "saved_model.pbtxt")
    return path


def check(model: Path) -> None:
    for value in (5.0, -2.0):
        same(answers(model, DEFAULT, {"x": np.float32(value)}), {"y": np.float32(3 * value)})


@pytest.mark.parametrize(("graph", "builder"), [("multiply.pb", "rewrite"), ("graph.pbtxt", "session")])
def test_the_graph_and_its_values(folder: Path, tmp_path: Path, graph: str, builder: str) -> None:
    plan = {"signatures": MULTIPLY, "source": {"graph": str(folder / graph)}}
    result = export(folder / "multiply_values.ckpt", tmp_path / "out", plan=plan)
    assert (result.builder, result.signatures) == (builder, (DEFAULT,))
    check(tmp_path / "out")


@pytest.mark.parametrize("graph", ["frozen.pb", "frozen.pbtxt", "misnamed", "misnamed/saved_model.pbtxt"])
def test_a_frozen_graph_is_a_model_by_itself(folder: Path, tmp_path: Path, graph: str) -> None:
    result = export(folder / graph, tmp_path / "out", plan=MULTIPLY)
    assert result.builder == "rewrite"
    assert not (tmp_path / "out" / "variables").exists()
    check(tmp_path / "out")


def test_a_meta_graph_without_variables_needs_no_checkpoint(tmp_path: Path) -> None:
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, shape=[], name="x")
        tf.multiply(x, 3.0, name="y")
        v1.train.export_meta_graph(str(tmp_path / "multiply.meta"))
    assert export(tmp_path / "multiply.meta", tmp_path / "out", plan=MULTIPLY).builder == "rewrite"
    check(tmp_path / "out")


def test_a_graph_with_variables_needs_its_checkpoint(folder: Path, tmp_path: Path) -> None:
    for graph in ("multiply.pb", "graph.pbtxt"):
        with pytest.raises(UsageError, match="no checkpoint gives their values") as caught:
            export(folder / graph, tmp_path / "out", plan=MULTIPLY)
        assert (caught.value.found, caught.value.where) == ("v", str(folder / graph))
    with pytest.raises(UsageError, match=r"multiply_values\.ckpt\.meta or as source\.graph"):
        export(folder / "multiply_values.ckpt", tmp_path / "out", plan=MULTIPLY)


def test_signatures_of_the_meta_graph_itself_can_be_kept(tmp_path: Path) -> None:
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, shape=[], name="x")
        v = v1.get_variable("v", initializer=3.0)
        y = tf.multiply(x, v, name="y")
        session.run(v.initializer)
        prefix = Path(v1.train.Saver().save(session, str(tmp_path / "model.ckpt")))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
    meta = prefix.with_name("model.ckpt.meta")
    meta_graph = v1.MetaGraphDef.FromString(meta.read_bytes())
    meta_graph.signature_def["own"].CopyFrom(signature)
    meta.write_bytes(meta_graph.SerializeToString())
    plan: Any = {"keep": ["own"], "signatures": {DEFAULT: {"kind": "alias", "of": "own", "inputs": {"number": "x"}}}}
    assert export(prefix, tmp_path / "out", plan=plan).signatures == ("own", DEFAULT)
    same(answers(tmp_path / "out", "own", {"x": np.float32(2)}), {"y": np.float32(6)})
    same(answers(tmp_path / "out", DEFAULT, {"number": np.float32(2)}), {"y": np.float32(6)})


def test_a_mutable_table_needs_the_graphs_own_saver(tmp_path: Path) -> None:
    with tf.Graph().as_default() as graph, v1.Session() as session:
        table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1, name="words")
        word = v1.placeholder(tf.string, [None], name="x")
        tf.identity(table.lookup(word), name="y")
        session.run(table.insert(tf.constant(["auk"]), tf.constant([7], tf.int64)))
        saver = v1.train.Saver([table])
        prefix = saver.save(session, str(tmp_path / "model.ckpt"))
        tf.io.write_graph(graph, str(tmp_path), "graph.pb", as_text=False)
    export(prefix, tmp_path / "out", plan=MULTIPLY)
    words = np.array([b"auk", b"owl"], dtype=object)
    same(answers(tmp_path / "out", DEFAULT, {"x": words}), {"y": np.int64([7, -1])})
    plan = {"signatures": MULTIPLY, "source": {"graph": str(tmp_path / "graph.pb")}}
    with pytest.raises(UnsupportedModelError, match="own saver"):
        export(prefix, tmp_path / "other", plan=plan)


def test_a_session_bundle_of_2016(corpus: Path, tmp_path: Path) -> None:
    """An export.meta of TF 0.12 with its checkpoint of that time, which no loader of SavedModels takes."""
    bundle = corpus / "models" / "tf1__session_bundle_half_plus_two"
    result = export(bundle, tmp_path / "out", plan=MULTIPLY)
    assert (result.builder, result.tensorflow_version) == ("session", tf.__version__)
    found = answers(tmp_path / "out", DEFAULT, {"x": np.float32([[1], [2]])})
    same(found, {"y": np.float32([[2.5], [3]])})  # half plus two
    with pytest.raises(UsageError, match="tf_example:0"):
        export(bundle, tmp_path / "other", plan={"keep": "all"})
