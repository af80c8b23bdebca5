"""Sabotages that only a loader sees: the checks SM2xx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.sabotage.case import Sabotage
from tests.sabotage.models import edited, save_graph, save_scorer


def _asset_of_no_tensor(sound: Path, directory: Path) -> Path:
    """Name an asset whose tensor is not in the graph.

    The C++ loader feeds it when it restores; TF2 goes by the object graph, and TF1's loader in Python feeds
    assets to an initialiser alone, which is taken out.
    """

    def change(proto: Any) -> None:
        (meta,) = proto.meta_graphs
        meta.asset_file_def.add(filename="words.txt").tensor_info.name = "nowhere:0"
        del meta.signature_def["__saved_model_init_op"]
        del meta.collection_def["saved_model_main_op"]

    edited(sound, directory, change)
    (directory / "assets").mkdir(exist_ok=True)
    (directory / "assets" / "words.txt").write_text("a\n", encoding="utf-8")
    return directory


def _only_in_objects(proto: Any) -> None:
    del proto.meta_graphs[0].signature_def["score"]


def _strange_collection(proto: Any) -> None:
    """Put what is no variable where Python's loader of TF1 looks for variables."""
    collection = proto.meta_graphs[0].collection_def["variables"]
    collection.bytes_list.value[:] = [b"no variable"]


def _refuses_all(scores: Any, x: Any, n: Any) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(x + n > 1e9), [x], name="above_all")]):
        return tf.identity(scores)


def _swapped_outputs(proto: Any) -> None:
    """Let servers take one output for the other; TF2 goes by the object graph's function."""
    outputs = proto.meta_graphs[0].signature_def["xai_preprocess"].outputs
    outputs["x_xf"].name, outputs["n_xf"].name = outputs["n_xf"].name, outputs["x_xf"].name


def _plus_one(x: Any) -> Any:
    return x + 1.0


def _small(directory: Path) -> Path:
    return save_graph(directory, _plus_one)


def _fills_memory() -> Any:
    """A GiB, for as long as it takes to add it up; of a size that no optimiser knows ahead."""
    import tensorflow as tf

    size = tf.cast(tf.random.uniform([], 1.0, 1.0), tf.int32) * (1 << 28)
    total = tf.reduce_sum(tf.fill([size], tf.random.uniform([])))
    return tf.debugging.Assert(total >= 0.0, [total])


LOAD_CASES: dict[str, Sabotage] = {
    "SM201": Sabotage(
        sound=save_scorer,
        broken=_asset_of_no_tensor,
        where={"loader": "native"},
    ),
    "SM202": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: edited(sound, directory, _only_in_objects),
        where={"signature": "score"},
    ),
    "SM203": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: edited(sound, directory, _strange_collection),
        where={"loader": "tf1"},
    ),
    "SM204": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: save_scorer(directory, score=_refuses_all),
        where={"signature": "score"},
    ),
    "SM205": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: edited(sound, directory, _swapped_outputs),
        where={"signature": "xai_preprocess", "output": "x_xf", "loaders": "native, tf2"},
    ),
    "SM206": Sabotage(
        sound=_small,
        broken=lambda sound, directory: save_graph(directory, _plus_one, init=_fills_memory),
        where={"loader": "native", "figure": "peak_bytes"},
        given={"policy": {"parameters": {"SM206": {"peak_bytes": 512 << 20}}}},
    ),
}
