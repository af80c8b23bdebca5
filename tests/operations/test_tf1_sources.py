"""TF1 checkpoints with their graphs: each becomes a SavedModel that every loader takes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.saved_model.storages import empty_storage, put
from tests.tf1_graphs import IMAGE, WORDS, Trained, X, train
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import PlanError, UnreadableModelError, UnsafeModelError, UnsupportedModelError, UsageError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.validate import validate

pytestmark = pytest.mark.tf

v1 = tf.compat.v1
PLAN = {DEFAULT: IMAGE}
WORD = {"kind": "tensors", "inputs": {"word": "word:0"}, "outputs": {"number": "number:0"}}


@pytest.fixture(scope="module", params=["resource variables", "ref variables"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(tmp_path_factory.mktemp("tf1"), resource=request.param == "resource variables")


def scores(model: Path) -> dict[str, Any]:
    return answers(model, DEFAULT, {"image": X})


def with_graph(file: Path) -> dict[str, Any]:
    return {"signatures": PLAN, "source": {"graph": str(file)}}


def test_a_checkpoint_with_its_meta_graph_needs_no_session(trained: Trained, tmp_path: Path) -> None:
    for number, asked in enumerate((trained.prefix, trained.prefix.parent, trained.meta)):
        result = export(asked, tmp_path / str(number), plan=PLAN)
        assert (result.builder, result.signatures) == ("rewrite", (DEFAULT,))
        same(scores(tmp_path / str(number)), {"scores": trained.scores})
    (note,) = result.notes
    assert "stay in the weights" in note
    assert "w/Adam_1" in note
    index = "model.ckpt.index", "variables/variables.index"
    assert (tmp_path / "0" / index[1]).read_bytes() == trained.prefix.with_name(index[0]).read_bytes()
    assert validate(tmp_path / "0", select=["SM1"]).checks[0].verdict.name == "PASS"


def test_what_training_had_is_cut_off(trained: Trained, tmp_path: Path) -> None:
    export(trained.prefix, tmp_path / "out", plan=PLAN)
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.saved_model.load(session, ["serve"], str(tmp_path / "out"))
        names = {operation.name for operation in graph.get_operations()}
        assert not any(name.startswith(("gradients", "labels", "loss")) for name in names)
        assert all(not operation.device for operation in graph.get_operations())
    assert len(names) < len(trained.meta_graph().graph_def.node)


@pytest.mark.parametrize("resource", [True, False], ids=["resource", "ref"])
def test_partitioned_variables_and_shards(tmp_path: Path, resource: bool) -> None:
    trained = train(tmp_path / "tf1", resource=resource, parts=2, sharded=True)
    graph = tmp_path / "graph.pb"
    graph.write_bytes(trained.meta_graph().graph_def.SerializeToString())
    for name, plan, builder in (("meta", PLAN, "rewrite"), ("graph", with_graph(graph), "session")):
        assert export(trained.prefix, tmp_path / name, plan=plan).builder == builder
        same(scores(tmp_path / name), {"scores": trained.scores})


@pytest.mark.parametrize("sharded", [False, True], ids=["whole", "sharded"])
def test_the_checkpoint_format_of_old_goes_through_a_session(tmp_path: Path, sharded: bool) -> None:
    trained = train(tmp_path / "tf1", resource=False, parts=2, write_version=1, sharded=sharded)
    assert not list(trained.prefix.parent.glob("*.index"))
    for asked in (trained.prefix, trained.prefix.with_name("model.ckpt"), trained.prefix.parent):
        result = export(asked, tmp_path / "out", plan=PLAN, overwrite=True)
        assert (result.builder, result.notes) == ("session", ())
        same(scores(tmp_path / "out"), {"scores": trained.scores})
    assert {name for name, _ in tf.train.list_variables(str(tmp_path / "out/variables/variables"))} == {"w", "b"}


def test_a_meta_graph_without_saver_or_as_text(trained: Trained, tmp_path: Path) -> None:
    meta_graph = trained.meta_graph()
    text = tmp_path / "multiply.pb"
    text.write_text(str(meta_graph), encoding="utf-8")
    assert export(trained.prefix, tmp_path / "text", plan=with_graph(text)).builder == "rewrite"
    meta_graph.ClearField("saver_def")
    bare = tmp_path / "bare.meta"
    bare.write_bytes(meta_graph.SerializeToString())
    assert export(trained.prefix, tmp_path / "bare", plan=with_graph(bare)).builder == "session"
    for name in ("text", "bare"):
        same(scores(tmp_path / name), {"scores": trained.scores})


def add_table(folder: Path) -> Any:
    """Return what adds a table over a vocabulary file, and one of a training pipeline."""

    def add(_x: Any, _y: Any) -> None:
        (folder / "words.txt").write_text("auk\npenguin\n", encoding="utf-8")
        (folder / "labels.txt").write_text("a\nb\n", encoding="utf-8")
        for name, file, output in (("word", "words.txt", "number"), ("label", "labels.txt", "class")):
            initializer = tf.lookup.TextFileInitializer(
                str(folder / file),
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            )
            table = tf.lookup.StaticHashTable(initializer, -1)
            tf.identity(table.lookup(v1.placeholder(tf.string, [None], name=name)), name=output)

    return add


@pytest.mark.parametrize("way", ["rewrite", "session"])
def test_tables_are_filled_from_assets(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "tf1"
    folder.mkdir()
    more: dict[str, Any] = {"write_version": 1} if way == "session" else {}
    train(folder, more=add_table(folder), **more)
    folder.rename(tmp_path / "moved")
    model = tmp_path / "moved" / "model.ckpt"
    assert export(model, tmp_path / "out", plan={DEFAULT: IMAGE, "words": WORD}).builder == way
    assert str(folder).encode() not in (tmp_path / "out" / "saved_model.pb").read_bytes()
    same(answers(tmp_path / "out", "words", {"word": WORDS}), {"number": np.int64([1, 0])})
    assert [file.name for file in (tmp_path / "out" / "assets").iterdir()] == ["words.txt"]
    (tmp_path / "moved" / "words.txt").unlink()
    with pytest.raises(UnsupportedModelError, match=r"words\.txt in the directory"):
        export(model, tmp_path / "other", plan={"words": WORD})


def test_an_asset_elsewhere_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    train(tmp_path / "tf1", more=add_table(tmp_path / "secrets"))
    with pytest.raises(UnsupportedModelError, match="not beside the model"):
        export(tmp_path / "tf1", tmp_path / "out", plan={"words": WORD})


def test_local_variables_are_initialised_again(tmp_path: Path) -> None:
    def add(_x: Any, y: Any) -> None:
        scale = v1.get_local_variable("scale", initializer=tf.constant([2.0]), use_resource=True)
        tf.multiply(y, scale, name="scaled")

    trained = train(tmp_path / "tf1", more=add)
    plan = {DEFAULT: {**IMAGE, "outputs": {"scores": "scaled:0"}}}
    export(trained.prefix, tmp_path / "out", plan=plan)
    same(scores(tmp_path / "out"), {"scores": 2 * trained.scores})


def test_loops_and_branches_of_tf1_survive_the_cut(tmp_path: Path) -> None:
    def add(x: Any, y: Any) -> None:
        v1.disable_control_flow_v2()
        try:
            _, total = v1.while_loop(lambda i, _: i < 3, lambda i, total: (i + 1, total + y), [0, tf.zeros_like(y)])
            picked = v1.cond(tf.reduce_sum(x) > 100.0, lambda: total * 0.0, lambda: total + 1.0)
            tf.identity(picked, name="looped")
        finally:
            v1.enable_control_flow_v2()

    trained = train(tmp_path / "tf1", more=add)
    assert "Enter" in {node.op for node in trained.meta_graph().graph_def.node}
    plan = {DEFAULT: {**IMAGE, "outputs": {"scores": "looped:0"}}}
    export(trained.prefix, tmp_path / "out", plan=plan)
    same(scores(tmp_path / "out"), {"scores": 3 * trained.scores + 1})


def test_a_variable_that_was_not_saved_is_told(tmp_path: Path) -> None:
    trained = train(tmp_path / "tf1", variables=lambda: [v for v in v1.global_variables() if v.op.name != "b"])
    bare = tmp_path / "graph.pb"
    bare.write_bytes(trained.meta_graph().graph_def.SerializeToString())
    for plan in (PLAN, with_graph(bare)):
        with pytest.raises(UnsupportedModelError, match="does not hold variables") as caught:
            export(trained.prefix, tmp_path / "out", plan=plan)
        assert caught.value.found == "b"


def test_half_a_checkpoint_and_another_graphs(trained: Trained, tmp_path: Path) -> None:
    for file in trained.prefix.parent.glob("model.ckpt*"):
        shutil.copy(file, tmp_path / file.name)
    with pytest.raises(UnsupportedModelError, match="other shapes") as caught:
        export(tmp_path / "model.ckpt", tmp_path / "out", plan=with_graph(wider(tmp_path)))
    assert caught.value.found == "w (3, 2), which is (3, 7) in the graph"
    for shard in tmp_path.glob("*.data-*"):
        shard.write_bytes(shard.read_bytes()[:5])
        with pytest.raises(UnreadableModelError, match="truncated"):
            export(tmp_path / "model.ckpt", tmp_path / "out", plan=PLAN)
        shard.unlink()
    with pytest.raises(UnreadableModelError, match=r"no model\.ckpt\.data-00000-of-00001"):
        export(tmp_path / "model.ckpt", tmp_path / "out", plan=PLAN)
    assert not (tmp_path / "out").exists()


def wider(folder: Path) -> Path:
    """Write a graph whose w has another shape, without a saver."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        tf.identity(x @ v1.get_variable("w", [3, 7]), name="y")
        (folder / "wider.pb").write_bytes(graph.as_graph_def().SerializeToString())
    return folder / "wider.pb"


@pytest.mark.parametrize("way", ["rewrite", "session"])
def test_an_unsafe_graph_is_refused_before_it_is_loaded(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(x: Any, y: Any) -> None:
        with tf.control_dependencies([tf.io.write_file(str(tmp_path / "written"), "gotcha")]):
            tf.identity(y, name="unsafe")

    trained = train(tmp_path / "tf1", more=add)
    (tmp_path / "written").unlink(missing_ok=True)
    plan: Any = {DEFAULT: {**IMAGE, "outputs": {"scores": "unsafe:0"}}}
    if way == "session":
        graph = tmp_path / "graph.pb"
        graph.write_bytes(trained.meta_graph().graph_def.SerializeToString())
        plan = {"signatures": plan, "source": {"graph": str(graph)}}

    def load(*_: Any, **__: Any) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr(v1, "Session", load)
    monkeypatch.setattr(tf, "import_graph_def", load)
    with pytest.raises(UnsafeModelError, match="WriteFile"):
        export(trained.prefix, tmp_path / "out", plan=plan)
    monkeypatch.undo()
    # What is not reached by a signature does not come along.
    export(trained.prefix, tmp_path / "out", plan=PLAN if way == "rewrite" else with_graph(graph))
    same(scores(tmp_path / "out"), {"scores": trained.scores})
    assert not (tmp_path / "written").exists()


def test_what_is_fed_needs_no_pipeline(tmp_path: Path) -> None:
    (tmp_path / "numbers").write_bytes(X.tobytes())

    def add(_x: Any, _y: Any) -> None:
        read = tf.io.decode_raw(tf.io.read_file(str(tmp_path / "numbers")), tf.float32)
        first, second = tf.unstack(tf.ensure_shape(tf.reshape(read, [2, 3]), [2, 3]), name="batch")
        tf.add(first, 2 * second, name="sum")

    trained = train(tmp_path / "tf1", more=add)
    plan: Any = {DEFAULT: {"kind": "tensors", "inputs": {"a": "batch:0", "b": "batch:1"}, "outputs": {"sum": "sum:0"}}}
    result = export(trained.prefix, tmp_path / "out", plan=plan)
    assert "placeholders are in the place of what is fed: batch" in result.notes
    same(answers(tmp_path / "out", DEFAULT, {"a": X[0], "b": X[1]}), {"sum": X[0] + 2 * X[1]})
    for unfed in ({}, {"x": "x:0"}, {"a": "batch:0"}):  # what is not fed comes out of the file
        with pytest.raises(UnsafeModelError, match="ReadFile"):
            export(trained.prefix, tmp_path / "other", plan={**plan, "whole": {**plan[DEFAULT], "inputs": unfed}})


@pytest.mark.parametrize("named", ["model.ckpt", "model.ckpt.meta", ""], ids=["prefix", "graph", "directory"])
def test_a_remote_checkpoint_is_staged_with_all_its_files(tmp_path: Path, named: str) -> None:
    empty_storage()
    folder = tmp_path / "tf1"
    folder.mkdir()
    trained = train(folder, parts=2, sharded=True, more=add_table(folder))
    put(folder, "recorded://bucket/run")
    shutil.rmtree(folder)
    uri = f"recorded://bucket/run/{named}".rstrip("/")
    export(uri, tmp_path / "out", plan=PLAN)
    same(scores(tmp_path / "out"), {"scores": trained.scores})
    plan = {**PLAN, "words": WORD}
    if not named:  # files beside the checkpoint are brought with its directory alone
        export(uri, tmp_path / "words", plan=plan)
        same(answers(tmp_path / "words", "words", {"word": WORDS}), {"number": np.int64([1, 0])})
        return
    with pytest.raises(UnsupportedModelError, match=r"words\.txt") as caught:
        export(uri, tmp_path / "words", plan=plan)
    assert caught.value.where == "recorded://bucket/run"


def test_errors_and_notes_name_what_was_given(trained: Trained, tmp_path: Path) -> None:
    empty_storage()
    put(trained.prefix.parent, "recorded://bucket/run")
    for uri in ("recorded://bucket/run/model.ckpt", str(trained.prefix)):
        with pytest.raises(UsageError) as caught:
            export(uri, tmp_path / "out", plan={"a": {"kind": "model"}})
        assert caught.value.where == uri


def test_what_the_plan_lacks(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no signatures") as caught:
        export(trained.prefix, tmp_path / "out", plan={"a": {"kind": "model"}})
    assert ("x:0, labels:0" in caught.value.found, "y:0" in caught.value.found) == (True, True)
    assert caught.value.where == str(trained.prefix)
    plan = {"a": {**IMAGE, "outputs": {"scores": "z:0"}}, "b": {"kind": "alias", "of": "c"}}
    with pytest.raises(PlanError) as mistakes:
        export(trained.prefix, tmp_path / "out", plan=plan)
    assert [problem.where for problem in mistakes.value.problems] == ["signatures.a.outputs.scores", "signatures.b.of"]
    with pytest.raises(UsageError, match="no checkpoint that needs one"):
        export(
            trained.meta,
            tmp_path / "out",
            plan={**with_graph(trained.meta), "source": {"graph": str(trained.meta), "model_fn": "build"}},
        )
