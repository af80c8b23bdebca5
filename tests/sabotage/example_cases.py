"""Sabotages that only examples show: the checks SM3xx. All of them load, run on zeros, and look well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.sabotage.case import Sabotage
from tests.sabotage.models import Hook, edited, save_scorer

SELECT = ("SM1", "SM3")


def _refuses_negatives(scores: Any, x: Any, n: Any) -> Any:
    import tensorflow as tf

    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(x >= 0), [x], name="no_negatives")]):
        return tf.identity(scores)


def _logarithm(scores: Any, x: Any, n: Any) -> Any:
    """NaN where x is negative."""
    import tensorflow as tf

    return scores + 0.0 * tf.math.log(x)


def _unknown_width(scores: Any, x: Any, n: Any) -> Any:
    import tensorflow as tf

    return tf.compat.v1.placeholder_with_default(scores, [None, None])


def _declared_wider(sound: Path, directory: Path) -> Path:
    """Declare two columns for an output that has one, where the graph does not know."""

    def change(proto: Any) -> None:
        output = proto.meta_graphs[0].signature_def["score"].outputs["probabilities"]
        output.tensor_shape.dim[1].size = 2

    return edited(sound, directory, change)


def _centred(scores: Any, x: Any, n: Any) -> Any:
    """Normalise over the batch, as batch normalisation in training mode does."""
    import tensorflow as tf

    return scores - tf.reduce_mean(scores, axis=0, keepdims=True)


def _noisy(scores: Any, x: Any, n: Any) -> Any:
    import tensorflow as tf

    return scores + tf.random.uniform(tf.shape(scores), maxval=0.1)


#: A model waits twice its budget on the fastest machine; without waiting it needs a millisecond.
_BUDGET_MS = 150.0


def _slow(scores: Any, x: Any, n: Any) -> Any:
    """Wait, which takes as long on every machine, where work would take less on a faster one."""
    import tensorflow as tf

    zeros = tf.data.Dataset.from_tensors(0.0)
    waiting = tf.raw_ops.SleepDataset(
        input_dataset=zeros._variant_tensor,
        sleep_microseconds=tf.constant(int(2 * _BUDGET_MS * 1000), tf.int64),
        output_types=[tf.float32],
        output_shapes=[tf.TensorShape([])],
    )
    late = tf.data.experimental.from_variant(waiting, zeros.element_spec)
    return scores + late.reduce(0.0, lambda total, zero: total + zero)


def _ungraded(scores: Any, x: Any, n: Any) -> Any:
    import tensorflow as tf

    return tf.stop_gradient(scores)


def _beside(sound: Path) -> Mapping[str, Any]:
    return {"reference": sound}


def _scored(hook: Hook) -> Any:
    return lambda sound, directory: save_scorer(directory, score=hook)


def _explained(hook: Hook) -> Any:
    return lambda sound, directory: save_scorer(directory, explain=hook)


EXAMPLE_CASES: dict[str, Sabotage] = {
    "SM301": Sabotage(
        sound=save_scorer,
        broken=_scored(_refuses_negatives),
        where={"signature": "score"},
        select=SELECT,
    ),
    "SM302": Sabotage(
        sound=save_scorer,
        broken=_scored(_logarithm),
        where={"signature": "score", "output": "probabilities"},
        select=SELECT,
    ),
    "SM303": Sabotage(
        sound=lambda directory: save_scorer(directory, score=_unknown_width),
        broken=_declared_wider,
        where={"signature": "score", "output": "probabilities"},
        select=SELECT,
    ),
    "SM304": Sabotage(
        sound=save_scorer,
        broken=lambda sound, directory: save_scorer(directory, weight=0.51),
        where={"signature": "serving_default", "output": "probabilities"},
        given=_beside,
        select=SELECT,
    ),
    "SM305": Sabotage(
        sound=save_scorer,
        broken=_explained(lambda scores, x_xf, n_xf: scores + 0.01),
        where={"signature": "xai_model", "output": "probabilities"},
        select=SELECT,
    ),
    "SM306": Sabotage(
        sound=save_scorer,
        broken=_explained(_ungraded),
        where={"signature": "xai_model"},
        select=SELECT,
    ),
    "SM307": Sabotage(
        sound=save_scorer,
        broken=_scored(_centred),
        where={"signature": "score", "output": "probabilities"},
        select=SELECT,
    ),
    "SM308": Sabotage(
        sound=save_scorer,
        broken=_scored(_noisy),
        where={"signature": "score", "output": "probabilities"},
        select=SELECT,
    ),
    "SM309": Sabotage(
        sound=save_scorer,
        broken=_scored(_slow),
        where={"signature": "score"},
        given={"policy": {"parameters": {"SM309": {"milliseconds": _BUDGET_MS, "percentile": 50.0, "requests": 7}}}},
        select=SELECT,
    ),
}
