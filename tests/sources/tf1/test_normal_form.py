"""A TF1 graph and its checkpoint as a SavedModel: what is kept, and what initialises it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tests.tf1_graphs import X, train
from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.graph_files import read_graph_file
from tfx_savedmodel.sources.tf1.checkpoint_files import read_checkpoint
from tfx_savedmodel.sources.tf1.normal_form import NormalForm, Wanted, normal_form

pytestmark = pytest.mark.tf

v1 = tf.compat.v1


def add(folder: Path) -> Any:
    """Return what adds a variable that no Saver knows with an op that sets it, and a table."""

    def extend(_x: Any, y: Any) -> None:
        own = v1.get_variable("own", initializer=2.0, use_resource=True, collections=["mine"])
        tf.group(own.initializer, name="set_own")
        (folder / "words.txt").write_text("auk\n", encoding="utf-8")
        lines = tf.lookup.TextFileIndex
        initializer = tf.lookup.TextFileInitializer(
            str(folder / "words.txt"), tf.string, lines.WHOLE_LINE, tf.int64, lines.LINE_NUMBER
        )
        table = tf.lookup.StaticHashTable(initializer, -1)
        number = table.lookup(v1.placeholder(tf.string, [], name="word"))
        tf.add(y * own, tf.cast(number, tf.float32), name="z")

    return extend


def form_of(folder: Path, init_op: str | None, outputs: tuple[str, ...] = ("z:0",)) -> NormalForm:
    trained = train(folder, more=add(folder))
    wanted = Wanted(((("x:0", "word:0"), outputs),), ("serve", "cpu"), init_op)
    return normal_form(read_graph_file(trained.meta), read_checkpoint(trained.prefix), wanted)


def test_the_plans_own_op_runs_after_the_tables_initialisers(tmp_path: Path) -> None:
    form = form_of(tmp_path / "tf1", "set_own")
    (tmp_path / "out").mkdir()
    form.write(tmp_path / "out")
    with tf.Graph().as_default(), v1.Session() as session:
        made = v1.saved_model.load(session, ["serve", "cpu"], str(tmp_path / "out"))
        one, other = (session.run("z:0", {"x:0": X, "word:0": word}) for word in ("auk", "owl"))
        scores = session.run("y:0", {"x:0": X})
    assert (one - 2 * scores).round(5).tolist() == [[0.0, 0.0]] * 2
    assert (one - other).round(5).tolist() == [[1.0, 1.0]] * 2
    nodes = {node.name: node for node in made.graph_def.node}
    (main,) = made.collection_def["saved_model_main_op"].node_list.value
    assert list(nodes[main].input) == ["^set_own"]
    assert any("InitializeTable" in value for value in nodes["set_own"].input)


def test_without_it_the_variable_has_no_value(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="init_op") as caught:
        form_of(tmp_path / "tf1", None)
    assert caught.value.found == "own"
    form = form_of(tmp_path / "other", None, outputs=("y:0",))
    assert (form.complete, form.restores, form.initialisers, dict(form.assets)) == (True, False, (), {})


def test_a_name_that_is_not_there_leaves_the_graph_whole(tmp_path: Path) -> None:
    form = form_of(tmp_path / "tf1", None, outputs=("zz:0",))
    assert (form.complete, form.checkpoint) == (False, None)
    assert "labels" in {node.name for node in form.meta_graph.graph_def.node}


def test_the_loaders_own_signatures_do_not_hide_the_initialisers(tmp_path: Path) -> None:
    trained = train(tmp_path / "tf1", more=add(tmp_path / "tf1"))
    file = read_graph_file(trained.meta)
    for key in ("__saved_model_init_op", "__saved_model_train_op"):
        info = file.meta_graph.signature_def[key].outputs[key]
        info.name, info.tensor_shape.unknown_rank = "set_own" if "init" in key else "Adam", True
    wanted = Wanted(((("x:0", "word:0"), ("z:0",)),))
    form = normal_form(file, read_checkpoint(trained.prefix), wanted)
    assert form.initialisers[0] == "set_own"
    (tmp_path / "out").mkdir()
    form.write(tmp_path / "out")
    with tf.Graph().as_default(), v1.Session() as session:
        made = v1.saved_model.load(session, ["serve"], str(tmp_path / "out"))
        one, other = (session.run("z:0", {"x:0": X, "word:0": word}) for word in ("auk", "owl"))
    assert (one - other).round(5).tolist() == [[1.0, 1.0]] * 2
    assert not made.signature_def
    assert "Adam" not in {node.name for node in made.graph_def.node}
