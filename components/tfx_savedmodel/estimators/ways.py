"""The two ways of a conversion, and which of them a model can go."""

from __future__ import annotations

from typing import Any

from tfx_savedmodel import versions
from tfx_savedmodel.estimators.opened import OpenedModel

MODEL_TO_ESTIMATOR = "model_to_estimator"
BUILDER = "builder"

#: Base classes of Keras layers whose tables `model_to_estimator` loses.
_LOOKUPS = {"IndexLookup", "TextVectorization"}


def obstacle(model: OpenedModel) -> str | None:
    """Return why `model_to_estimator` cannot convert a model, or None where it can."""
    import tensorflow as tf

    if not versions.has_estimator(tf.__version__):
        return (
            f"TensorFlow {tf.__version__} has no tf.estimator; {versions.LAST_TENSORFLOW_WITH_ESTIMATOR} was the last"
        )
    if model.root is None:
        return "the model's class is not there: Keras restored the model from its traces"
    if not model.is_graph_network:
        return f"{type(model.root).__name__} is no functional or Sequential model: an Estimator would lose its weights"
    if model.stateful:
        return "it keeps state from one call to the next, which an Estimator's checkpoint would lack"
    for layer in model.root._flatten_layers(include_self=False):
        if _is_restored(layer):
            return f"the class of layer {layer.name!r} is not there: Keras restored the layer from its traces"
        if {base.__name__ for base in type(layer).__mro__} & _LOOKUPS or _holds_a_table(layer):
            return f"layer {layer.name!r} ({type(layer).__name__}) holds a lookup table, which an Estimator would lose"
    return None


def _is_restored(layer: Any) -> bool:
    return any(base.__module__.endswith("saving.legacy.saved_model.load") for base in type(layer).__mro__)


def _holds_a_table(layer: Any) -> bool:
    import tensorflow as tf

    experimental = tf.lookup.experimental
    tables = (
        tf.lookup.StaticHashTable,
        tf.lookup.StaticVocabularyTable,
        experimental.MutableHashTable,
        experimental.DenseHashTable,
    )
    return any(isinstance(value, tables) for value in vars(layer).values())
