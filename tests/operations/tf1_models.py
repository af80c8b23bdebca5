"""Small models as TF1 saves them, with whatever TF1 graphs are made of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfx_savedmodel.saved_model.meta_graph import INIT_SIGNATURE
from tfx_savedmodel.saved_model.rewrite import edit

WORDS = ("red", "green", "blue")
WEIGHTS = np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)


def save_scorer(
    directory: Path, *, resource: bool, init: str = "saved_model_main_op", extra_graph: bool = False, text: bool = False
) -> Path:
    """Save a model of a vocabulary, a partitioned variable, a loop of TF1 and a softmax.

    `bill` float32 [batch, 3], `word` string [batch, 1] and `steps` int32 [batch] to `scores` float32 [batch, 2].

    Args:
      init: how the op which fills the vocabulary is named: the collection "saved_model_main_op" or
        "legacy_init_op", the "signature" of the loaders' own, or "" where only the collection of tables has it.
      extra_graph: save a second MetaGraph, of tags train.
      text: write saved_model.pbtxt.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    words = directory.parent / "words.txt"
    words.write_text("".join(f"{word}\n" for word in WORDS), encoding="utf-8")
    with (
        tf.Graph().as_default(),
        v1.Session() as session,
        _loops_of_tf1(),
        v1.variable_scope("", use_resource=resource),
    ):
        tensors = _scorer(str(words))
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(directory))
        signature = v1.saved_model.predict_signature_def(
            {name: tensors[name] for name in ("bill", "word", "steps")}, {"scores": tensors["scores"]}
        )
        given = {
            "main_op": v1.tables_initializer(name="fill"),
            "assets_collection": v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            "signature_def_map": {"serving_default": signature},
        }
        builder.add_meta_graph_and_variables(session, ["serve"], **given)
        if extra_graph:
            for name in ("saved_model_main_op", "saved_model_assets"):
                v1.get_collection_ref(name).clear()
            builder.add_meta_graph(["train"], **given)
        builder.save(as_text=text)
    words.unlink()
    edit(directory, lambda proto: [_name_init(meta_graph, init) for meta_graph in proto.meta_graphs])
    return directory


def _name_init(meta_graph: Any, init: str) -> None:
    del meta_graph.collection_def["saved_model_main_op"]
    if init == "signature":
        info = meta_graph.signature_def[INIT_SIGNATURE].outputs[INIT_SIGNATURE]
        info.name, info.tensor_shape.unknown_rank = "fill", True
    elif init:
        meta_graph.collection_def[init].node_list.value.append("fill")


@contextlib.contextmanager
def _loops_of_tf1() -> Iterator[None]:
    import tensorflow as tf

    v1 = tf.compat.v1
    enabled = v1.control_flow_v2_enabled()
    v1.disable_control_flow_v2()
    try:
        yield
    finally:
        if enabled:
            v1.enable_control_flow_v2()


def _scorer(words: str) -> dict[str, Any]:
    import tensorflow as tf

    v1 = tf.compat.v1
    bill = v1.placeholder(tf.float32, [None, 3], name="bill")
    word = v1.placeholder(tf.string, [None, 1], name="word")
    steps = v1.placeholder(tf.int32, [None], name="steps")
    initializer = tf.lookup.TextFileInitializer(
        words, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
    )
    table = tf.lookup.StaticHashTable(initializer, -1)
    with tf.control_dependencies([bill]):
        index = tf.cast(table.lookup(word), tf.float32)
    joined = tf.concat([bill, index], 1, name="joined")
    weights = v1.get_variable("w", [4, 2], initializer=_weights, partitioner=tf.compat.v1.fixed_size_partitioner(2))
    logits = tf.matmul(joined, tf.convert_to_tensor(weights))
    scale = v1.get_variable("scale", initializer=np.float32(0.5))
    limit = tf.reduce_max(steps)
    _, logits, trace = tf.while_loop(
        lambda i, value, trace: i < limit,
        lambda i, value, trace: (i + 1, value * scale + 0.1, trace.write(i, tf.reduce_sum(value))),
        (0, logits, tf.TensorArray(tf.float32, size=0, dynamic_size=True)),
    )
    summed = logits + tf.reduce_sum(trace.stack())
    with tf.control_dependencies([tf.debugging.assert_non_negative(steps), steps]):
        return {"bill": bill, "word": word, "steps": steps, "scores": tf.nn.softmax(summed, name="scores")}


def _weights(shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
    start = partition_info.var_offset[0] if partition_info is not None else 0
    return WEIGHTS[start : start + int(shape[0])]
