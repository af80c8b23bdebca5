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


def _refuses_most(scores: Any, x: Any, n: Any) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(x > 1e9), [x], name="above_all")]):
        return tf.identity(scores)


def _halved(scores: Any, x: Any, n: Any) -> Any:
    return scores / 2.0


def _served_as_another(proto: Any) -> None:
    """Let the MetaGraph's `score` be `serving_default`: TF2 goes by the object graph and is not fooled."""
    signatures = proto.meta_graphs[0].signature_def
    signatures["score"].CopyFrom(signatures["serving_default"])


def _doubled(x: Any) -> Any:
    return x * 2.0


def _hoards() -> Any:
    """Take 600 MB when the model is initialised."""
    import tensorflow as tf

    return tf.reduce_sum(tf.random.uniform([150_000_000])).op


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
        broken=lambda sound, directory: save_scorer(directory, score=_refuses_most),
        where={"signature": "score"},
    ),
    "SM205": Sabotage(
        sound=lambda directory: save_scorer(directory, score=_halved),
        broken=lambda sound, directory: edited(sound, directory, _served_as_another),
        where={"signature": "score", "output": "probabilities"},
    ),
    "SM206": Sabotage(
        sound=lambda directory: save_graph(directory, _doubled),
        broken=lambda sound, directory: save_graph(directory, _doubled, init=_hoards),
        given={"policy": {"parameters": {"SM206": {"peak_bytes": 300 << 20}}}},
        where={"loader": "native", "figure": "peak_bytes"},
    ),
}
