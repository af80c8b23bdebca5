"""TF1 graphs trained and saved as TF1 does it: by a session and a Saver."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

X = np.float32([[1, 2, 3], [0, -1, 1]])
WORDS = np.array([b"penguin", b"auk"], dtype=object)
LABELS = np.float32([[1, 0], [0, 1]])

#: Names of the graph's inputs and outputs, as a plan of kind tensors says them.
IMAGE = {"kind": "tensors", "inputs": {"image": "x:0"}, "outputs": {"scores": "y:0"}}


@dataclasses.dataclass(frozen=True)
class Trained:
    """A checkpoint's prefix, and what the graph answered to X in the session that trained it."""

    prefix: Path
    scores: np.ndarray[Any, Any]

    @property
    def meta(self) -> Path:
        return self.prefix.with_name(f"{self.prefix.name}.meta")

    def meta_graph(self) -> Any:
        import tensorflow as tf

        return tf.compat.v1.MetaGraphDef.FromString(self.meta.read_bytes())


def regression(resource: bool, parts: int = 1) -> tuple[Any, Any]:
    """Build a softmax regression from x to y, each by its name."""
    import tensorflow as tf

    v1 = tf.compat.v1
    x = v1.placeholder(tf.float32, [None, 3], name="x")
    partitioner = v1.fixed_size_partitioner(parts) if parts > 1 else None
    weights = v1.get_variable(
        "w",
        [3, 2],
        initializer=v1.random_uniform_initializer(-1, 1, seed=1),
        use_resource=resource,
        partitioner=partitioner,
    )
    bias = v1.get_variable("b", initializer=tf.constant([0.5, -0.5]), use_resource=resource)
    return x, tf.nn.softmax(tf.matmul(x, tf.convert_to_tensor(weights)) + bias, name="y")


def train(
    folder: Path,
    *,
    resource: bool = True,
    parts: int = 1,
    more: Callable[[Any, Any], Any] | None = None,
    variables: Callable[[], Any] = lambda: None,
    **saver: Any,
) -> Trained:
    """Train the regression with Adam in a graph with labels and a summary, and save it under `folder`/model.ckpt.

    Args:
      more: adds to the graph, given x and y.
      variables: what the saver saves; None is all.
      saver: arguments of tf.compat.v1.train.Saver.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    folder.mkdir(parents=True, exist_ok=True)
    with tf.Graph().as_default(), v1.Session() as session:
        with v1.device("/device:CPU:0"):
            x, y = regression(resource, parts)
        labels = v1.placeholder(tf.float32, [None, 2], name="labels")
        loss = tf.reduce_mean(tf.square(y - labels), name="loss")
        v1.summary.scalar("loss", loss)
        step = v1.train.AdamOptimizer(0.1).minimize(loss, v1.train.get_or_create_global_step())
        if more is not None:
            more(x, y)
        session.run([v1.global_variables_initializer(), v1.local_variables_initializer(), v1.tables_initializer()])
        for _ in range(3):
            session.run(step, {x: X, labels: LABELS})
        scores = session.run(y, {x: X})
        prefix = v1.train.Saver(variables(), **saver).save(session, str(folder / "model.ckpt"))
    return Trained(Path(prefix), scores)
