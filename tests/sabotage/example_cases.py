"""Sabotages that only examples show: the checks SM3xx. All of them load, run on zeros, and look well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.sabotage.case import Break, Sabotage
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


def _scored(hook: Hook) -> Break:
    return lambda sound, directory: save_scorer(directory, score=hook)


def _explained(hook: Hook) -> Break:
    return lambda sound, directory: save_scorer(directory, explain=hook)


def _case(broken: Break, *where: str, **more: Any) -> Sabotage:
    """A sabotage of the scorer that fails at a signature, and an output where it is one output's fault."""
    place = dict(zip(("signature", "output"), where, strict=False))
    return Sabotage(**{"sound": save_scorer, "broken": broken, "where": place, "select": SELECT, **more})


#: The median of a few requests is held against it.
_BUDGET = {"policy": {"parameters": {"SM309": {"milliseconds": _BUDGET_MS, "percentile": 50.0, "requests": 7}}}}

EXAMPLE_CASES: dict[str, Sabotage] = {
    "SM301": _case(_scored(_refuses_negatives), "score"),
    "SM302": _case(_scored(_logarithm), "score", "probabilities"),
    "SM303": _case(
        _declared_wider,
        "score",
        "probabilities",
        sound=lambda directory: save_scorer(directory, score=_unknown_width),
    ),
    "SM304": _case(
        lambda sound, directory: save_scorer(directory, weight=0.51), "serving_default", "probabilities", given=_beside
    ),
    "SM305": _case(_explained(lambda scores, x_xf, n_xf: scores + 0.01), "xai_model", "probabilities"),
    "SM306": _case(_explained(_ungraded), "xai_model"),
    "SM307": _case(_scored(_centred), "score", "probabilities"),
    "SM308": _case(_scored(_noisy), "score", "probabilities"),
    "SM309": _case(_scored(_slow), "score", given=_BUDGET),
}
