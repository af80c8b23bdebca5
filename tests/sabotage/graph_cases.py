"""Sabotages of what stands in the files: the checks SM1xx."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.sabotage.case import Sabotage
from tests.sabotage.models import cut_short, edited, save_graph, save_keras_file, save_scorer


def _meta(proto: Any) -> Any:
    return proto.meta_graphs[0]


def _two_alike(proto: Any) -> None:
    proto.meta_graphs.add().CopyFrom(_meta(proto))


def _classify(proto: Any) -> None:
    _meta(proto).signature_def["score"].method_name = "tensorflow/serving/classify"


def _promised(sound: Path) -> Mapping[str, Any]:
    """A plan whose signatures are the sound model's."""
    from tfx_savedmodel.saved_model.reader import read_saved_model

    meta_graph = read_saved_model(sound).meta_graph()
    assert meta_graph is not None
    expected = {key: signature.to_json() for key, signature in meta_graph.signatures.items()}
    return {"policy": {"parameters": {"SM105": {"expected": expected}}}}


def _without_score(sound: Path, directory: Path) -> Path:
    return save_scorer(directory, keys={"score": ""})


def _on_gpu(scores: Any, x: Any, n: Any) -> Any:
    import tensorflow as tf

    with tf.device("/device:GPU:0"):
        return x * n


def _unknown_op(proto: Any) -> None:
    """Put an op of nobody's into a function that nothing calls, so that a server loads the model all the same."""
    function = _meta(proto).graph_def.library.function.add()
    function.signature.name = "left_over"
    function.node_def.add(name="frobnicate", op="Frobnicate")


def _weighed_down(x: Any) -> Any:
    import numpy as np
    import tensorflow as tf

    return x + tf.reduce_sum(tf.constant(np.arange(100_000, dtype=np.float32)))


def _doubled(x: Any) -> Any:
    return x * 2.0


def _new_op(x: Any) -> Any:
    import tensorflow as tf

    return tf.raw_ops.BesselI0(x=x)


def _variable(x: Any, *, use_resource: bool) -> Any:
    import tensorflow as tf

    return x * tf.compat.v1.get_variable("weight", initializer=2.0, use_resource=use_resource)


def _reads(scores: Any, x: Any, n: Any) -> Any:
    """Read the file that the request names."""
    import tensorflow as tf

    text = tf.map_fn(tf.io.read_file, tf.strings.as_string(x[:, 0]), fn_output_signature=tf.string)
    return scores + tf.cast(tf.strings.length(text)[:, None], tf.float32)


GRAPH_CASES: dict[str, Sabotage] = {
    "SM101": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: cut_short(sound, directory, "variables/variables.data-*"),
        where={"file": "variables/variables.data-00000-of-00001"},
    ),
    "SM102": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: edited(sound, directory, _two_alike),
        where={"tags": ["serve"]},
    ),
    "SM103": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: save_scorer(directory, keys={"serving_default": "predict_it"}),
        where={"signature": "serving_default"},
    ),
    "SM104": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: edited(sound, directory, _classify),
        where={"signature": "score"},
    ),
    "SM105": Sabotage(sound=save_scorer, broken=_without_score, given=_promised, where={"signature": "score"}),
    "SM106": Sabotage(
        sound=save_scorer,
        broken=_without_score,
        given=lambda sound: {"baseline": str(sound)},
        where={"signature": "score"},
    ),
    "SM107": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: save_scorer(directory, keys={"xai_model": "xai-model"}),
        where={"signature": "xai-model"},
    ),
    "SM108": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: save_scorer(directory, keys={"score": "predict"}),
        where={"signature": "predict"},
    ),
    "SM110": Sabotage(
        sound=lambda directory: save_graph(directory, _doubled),
        broken=lambda sound, directory: save_graph(directory, _new_op),
        given={"target": "tf-1.15"},
        where={"op": "BesselI0"},
    ),
    "SM111": Sabotage(
        sound=lambda directory: save_graph(directory, lambda x: _variable(x, use_resource=True)),
        broken=lambda sound, directory: save_graph(directory, lambda x: _variable(x, use_resource=False)),
        where={"tags": ["serve"]},
    ),
    "SM112": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: save_scorer(directory, further=_on_gpu),
        where={"device": "/device:GPU:0"},
    ),
    "SM113": Sabotage(
        sound=lambda directory: save_graph(directory, _doubled),
        broken=lambda sound, directory: edited(sound, directory, _unknown_op),
        where={"op": "Frobnicate"},
        inevitable={"SM202": "TF2 makes a graph of each function, called or not"},
    ),
    "SM114": Sabotage(
        sound=lambda directory: save_graph(directory, _doubled),
        broken=lambda sound, directory: save_graph(directory, _weighed_down),
        given={"policy": {"parameters": {"SM114": {"constants_bytes": 100_000}}}},
        where={"part": "constants_bytes"},
    ),
    "SM120": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: save_scorer(directory, score=_reads),
        where={"op": "ReadFile"},
    ),
    "SM121": Sabotage(
        sound=save_keras_file,
        broken=lambda sound, directory: save_keras_file(directory, code=True),
        where={"file": "model.keras"},
    ),
}
