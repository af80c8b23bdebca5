"""TF1 graphs and checkpoints that are bare, broken or hostile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.tf1_graphs import IMAGE, WORDS, X, train
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.errors import UnreadableModelError, UnsupportedModelError, UsageError
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

v1 = tf.compat.v1
PLAN = {DEFAULT: IMAGE}
WORD = {DEFAULT: {"kind": "tensors", "inputs": {"word": "word:0"}, "outputs": {"number": "number:0"}}}


def write_words(folder: Path, named: str, *, filled: bool = True) -> Path:
    """Write a bare GraphDef with a table over the file of this name, as one says it who trained elsewhere."""
    real = folder / "words.txt"
    real.write_text("auk\npenguin\n", encoding="utf-8")
    lines = tf.lookup.TextFileIndex
    with tf.Graph().as_default() as graph:
        made = tf.lookup.TextFileInitializer(str(real), tf.string, lines.WHOLE_LINE, tf.int64, lines.LINE_NUMBER)
        table = tf.lookup.StaticHashTable(made, -1)
        tf.identity(table.lookup(v1.placeholder(tf.string, [None], name="word")), name="number")
        graph_def = graph.as_graph_def()
    kept = [node for node in graph_def.node if filled or not node.op.startswith("InitializeTable")]
    for node in kept:
        if node.op == "Const" and list(node.attr["value"].tensor.string_val) == [str(real).encode()]:
            node.attr["value"].tensor.string_val[0] = named.encode()
    bare = type(graph_def)(node=kept, versions=graph_def.versions)
    (folder / "graph.pb").write_bytes(bare.SerializeToString())
    return folder / "graph.pb"


def test_a_bare_graphs_tables_are_filled_too(tmp_path: Path) -> None:
    export(write_words(tmp_path, "/data/of/the/trainer/words.txt"), tmp_path / "out", plan=WORD)
    same(answers(tmp_path / "out", DEFAULT, {"word": WORDS}), {"number": np.int64([1, 0])})
    with pytest.raises(UnsupportedModelError, match="fills a table"):
        export(write_words(tmp_path, "words.txt", filled=False), tmp_path / "other", plan=WORD)


@pytest.mark.parametrize("named", ["/etc/hostname", "../outside.txt", "link.txt", "", "/", "a\0b", "."])
def test_no_file_outside_of_the_models_folder_becomes_an_asset(tmp_path: Path, named: str) -> None:
    (tmp_path / "outside.txt").write_text("secret", encoding="utf-8")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    graph = write_words(folder, named)
    with pytest.raises(UnsupportedModelError, match="not beside the model"):
        export(graph, tmp_path / "out", plan=WORD)
    assert not (tmp_path / "out").exists()


def test_two_assets_of_one_name(tmp_path: Path) -> None:
    for folder, text in (("a", "auk\n"), ("b", "penguin\n")):
        (tmp_path / "tf1" / folder).mkdir(parents=True)
        (tmp_path / "tf1" / folder / "words.txt").write_text(text, encoding="utf-8")

    def add(_x: Any, _y: Any) -> None:
        word, lines = v1.placeholder(tf.string, [None], name="word"), tf.lookup.TextFileIndex
        found = []
        for folder in "ab":
            file = str(tmp_path / "tf1" / folder / "words.txt")
            made = tf.lookup.TextFileInitializer(file, tf.string, lines.WHOLE_LINE, tf.int64, lines.LINE_NUMBER)
            found.append(tf.lookup.StaticHashTable(made, -1).lookup(word))
        tf.stack(found, 1, name="number")

    model = train(tmp_path / "tf1", more=add).prefix
    export(model, tmp_path / "out", plan=WORD)
    assert sorted(file.name for file in (tmp_path / "out" / "assets").iterdir()) == ["words.txt", "words_1.txt"]
    gone = (tmp_path / "tf1").rename(tmp_path / "gone")
    same(answers(tmp_path / "out", DEFAULT, {"word": WORDS}), {"number": np.int64([[-1, 0], [0, -1]])})
    export(gone / model.name, tmp_path / "moved", plan=WORD)  # by the last two parts of what the graph names
    same(answers(tmp_path / "moved", DEFAULT, {"word": WORDS}), {"number": np.int64([[-1, 0], [0, -1]])})
    (gone / "a" / "words.txt").rename(gone / "words.txt")
    (gone / "b" / "words.txt").unlink()
    with pytest.raises(UnsupportedModelError, match="cannot be told from each other") as caught:
        export(gone / model.name, tmp_path / "one", plan=WORD)
    assert all(str(tmp_path / "tf1" / folder / "words.txt") in caught.value.found for folder in "ab")
    assert not (tmp_path / "one").exists()


def test_initialisers_that_read_other_checkpoints_stay_behind(tmp_path: Path) -> None:
    first = train(tmp_path / "first")
    restored = tf.raw_ops.RestoreV2

    def add(_x: Any, y: Any) -> None:
        (value,) = restored(
            prefix=str(first.prefix), tensor_names=["b"], shape_and_slices=[""], dtypes=[tf.float32], name="warm"
        )
        warm = v1.get_variable("warm_b", initializer=tf.ensure_shape(value, [2]), use_resource=True)
        tf.add(y, warm, name="warmed")

    trained = train(tmp_path / "tf1", more=add)
    plan = {DEFAULT: {**IMAGE, "outputs": {"scores": "warmed:0"}}}
    export(trained.prefix, tmp_path / "out", plan=plan)
    values = tf.train.load_checkpoint(str(trained.prefix)).get_tensor("warm_b")
    same(answers(tmp_path / "out", DEFAULT, {"image": X}), {"scores": trained.scores + values})
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.saved_model.load(session, ["serve"], str(tmp_path / "out"))
        assert "warm" not in {operation.name for operation in graph.get_operations()}
        assert sorted(item.op.name for item in v1.trainable_variables()) == ["b", "w", "warm_b"]


def test_what_cannot_be_read_is_no_traceback(tmp_path: Path) -> None:
    trained = train(tmp_path / "tf1")
    whole = trained.meta_graph()
    for key in ("variables", "while_context"):
        broken = type(whole)()
        broken.CopyFrom(whole)
        broken.collection_def[key].bytes_list.value.append(b"\xff\xff\xff")
        trained.meta.write_bytes(broken.SerializeToString())
        with pytest.raises(UnreadableModelError, match="variables or loops"):
            export(trained.prefix, tmp_path / "out", plan=PLAN)
    for name in ("gone", "", "gone:0"):
        broken = type(whole)()
        broken.CopyFrom(whole)
        broken.signature_def["__saved_model_init_op"].outputs["op"].name = name
        trained.meta.write_bytes(broken.SerializeToString())
        with pytest.raises(UnreadableModelError, match="initialiser is not in the graph"):
            export(trained.prefix, tmp_path / "out", plan=PLAN)
    trained.meta.write_bytes(b"nothing of the kind")
    with pytest.raises(UnreadableModelError, match="this is no graph"):
        export(trained.prefix, tmp_path / "out", plan=PLAN)
    trained.meta.write_bytes(whole.SerializeToString())
    index = trained.prefix.with_name("model.ckpt.index")
    index.write_bytes(index.read_bytes()[:-20])
    with pytest.raises(UnreadableModelError, match="the index cannot be read"):
        export(trained.prefix, tmp_path / "out", plan=PLAN)


def test_a_graph_that_this_tensorflow_does_not_know(tmp_path: Path) -> None:
    trained = train(tmp_path / "tf1")
    graph = trained.meta_graph().graph_def
    next(node for node in graph.node if node.name == "y").op = "SoftestMax"
    (tmp_path / "graph.pb").write_bytes(graph.SerializeToString())
    plan = {"signatures": PLAN, "source": {"graph": str(tmp_path / "graph.pb")}}
    with pytest.raises(UnsupportedModelError, match="SoftestMax"):
        export(trained.prefix, tmp_path / "out", plan=plan)


def test_a_graph_is_for_checkpoints_alone(tmp_path: Path) -> None:
    plan = {"keep": "all", "source": {"graph": "graph.pb"}}
    with pytest.raises(UsageError, match="needs one"):
        export(tf.Module(), tmp_path / "out", plan=plan)
    tf.saved_model.save(tf.Module(), str(tmp_path / "model"))
    with pytest.raises(UsageError, match="needs one"):
        export(tmp_path / "model", tmp_path / "out", plan=plan)
