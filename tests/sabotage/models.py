"""The sound model that most sabotages start from, TF1 graphs, and edits of a SavedModel's bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

#: Changes a tensor of scores float32 [batch, 1]; is told the inputs `x` and `n`, float32 [batch, 1] too.
Hook = Callable[[Any, Any, Any], Any]

SIGNATURES = ("serving_default", "score", "xai_preprocess", "xai_model")


def untouched(scores: Any, x: Any, n: Any) -> Any:
    return scores


def save_scorer(
    directory: Path,
    *,
    weight: float = 0.5,
    score: Hook = untouched,
    explain: Hook = untouched,
    further: Hook | None = None,
    keys: Mapping[str, str] | None = None,
) -> Path:
    """Save a model of two numbers, `x` and `n`, with the signatures that serving and explanations want.

    `score` changes the answers of the signature `score` alone, `explain` those of `xai_model`; `further` is a
    function beside them that only Python can call. `keys` renames signatures, and leaves out those renamed to "".
    """
    import tensorflow as tf

    def floats(*names: str) -> list[Any]:
        return [tf.TensorSpec([None, 1], tf.float32, name) for name in names]

    class Scorer(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable(weight)

        def logits(self, x_xf: Any, n_xf: Any) -> Any:
            return tf.math.sigmoid(self.weight * x_xf + n_xf)

        @tf.function(input_signature=floats("x", "n"))
        def serving_default(self, x: Any, n: Any) -> Any:
            return {"probabilities": self.logits(x * 2.0, n / 10.0)}

        @tf.function(input_signature=floats("x", "n"))
        def score(self, x: Any, n: Any) -> Any:
            return {"probabilities": score(self.logits(x * 2.0, n / 10.0), x, n)}

        @tf.function(input_signature=floats("x", "n"))
        def xai_preprocess(self, x: Any, n: Any) -> Any:
            return {"x_xf": x * 2.0, "n_xf": n / 10.0}

        @tf.function(input_signature=floats("x_xf", "n_xf"))
        def xai_model(self, x_xf: Any, n_xf: Any) -> Any:
            return {"probabilities": explain(self.logits(x_xf, n_xf), x_xf, n_xf)}

    scorer = Scorer()
    if further is not None:
        scorer.further = tf.function(lambda x, n: further(x, x, n), input_signature=floats("x", "n"))
    renamed = {name: (keys or {}).get(name, name) for name in SIGNATURES}
    signatures = {key: getattr(scorer, name) for name, key in renamed.items() if key}
    tf.saved_model.save(scorer, str(directory), signatures=signatures)
    return directory


def save_graph(directory: Path, build: Callable[[Any], Any], *, init: Callable[[], Any] | None = None) -> Path:
    """Save a TF1 graph: `build` makes of the input `x`, float32 [batch, 1], the output `y`."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 1], "x")
        y = tf.identity(build(x), "y")
        main_op = init() if init is not None else None
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder = v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature}, main_op=main_op)
        builder.save()
    return directory


def save_keras_file(directory: Path, *, code: bool = False) -> Path:
    """Save a `.keras` file of three layers, with `code` one of them a Lambda."""
    from tests.operations.models import keras

    layers = keras().layers
    middle = layers.Lambda(lambda x: x * 2.0) if code else layers.ReLU()
    model = keras().Sequential([layers.Input((2,)), layers.Dense(3), middle, layers.Dense(1)])
    directory.mkdir(parents=True)
    path = directory / "model.keras"
    model.save(path)
    return path


def edited(source: Path, directory: Path, change: Callable[[Any], None]) -> Path:
    """Copy a SavedModel and change its proto."""
    from tensorflow.core.protobuf import saved_model_pb2

    shutil.copytree(source, directory)
    path = directory / "saved_model.pb"
    proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    change(proto)
    path.write_bytes(proto.SerializeToString())
    return directory


def cut_short(source: Path, directory: Path, pattern: str) -> Path:
    """Copy a SavedModel and halve the one file that fits the pattern."""
    shutil.copytree(source, directory)
    (path,) = directory.glob(pattern)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return directory


def write_examples(path: Path, rows: int = 24) -> str:
    """Write examples of `x` and `n` as TFRecords and return the file's path; some x are negative."""
    import tensorflow as tf

    def number(value: float) -> Any:
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in range(rows):
            features = {"x": number(row / 4 - 2.0), "n": number(float(row % 5))}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return str(path)
