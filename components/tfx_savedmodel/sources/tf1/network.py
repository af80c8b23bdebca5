"""What a function that builds a TF1 inference graph returns, as a signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError


def network_signature(made: Any, where: str) -> Any:
    """Return the SignatureDef over the `(inputs, outputs)` that a function built in the current graph.

    Args:
      made: two mappings of names to tensors, as a pair or under "inputs" and "outputs".

    Raises:
      UnsupportedModelError: anything else, or a tensor of no graph or another one.
    """
    import tensorflow as tf

    sides = (made.get("inputs"), made.get("outputs")) if isinstance(made, Mapping) else made
    if not isinstance(sides, (tuple, list)) or len(sides) != 2 or not all(isinstance(side, Mapping) for side in sides):
        raise UnsupportedModelError(
            "a TF1 checkpoint, and the function built no graph for it",
            where=where,
            found=f"a function that returns {type(made).__name__}",
            wanted="inputs and outputs, two dictionaries of tensors by name, or an EstimatorSpec from a model_fn",
            next_step="build the inference graph with its placeholders in the function, or give a checkpoint of TF2",
        )
    graph = tf.compat.v1.get_default_graph()
    inputs, outputs = (
        {str(name): _tensor(value, name, graph, where) for name, value in side.items()} for side in sides
    )
    if not outputs:
        raise UnsupportedModelError("the function names no output", where=where, wanted="at least one tensor")
    return tf.compat.v1.saved_model.predict_signature_def(inputs, outputs)


def _tensor(value: Any, name: str, graph: Any, where: str) -> Any:
    import tensorflow as tf

    if isinstance(value, tf.Variable):
        value = tf.convert_to_tensor(value)
    is_tensor = isinstance(value, (tf.Tensor, tf.SparseTensor))
    if not is_tensor or tf.executing_eagerly() or getattr(value, "graph", None) is not graph:
        raise UnsupportedModelError(
            "this is no tensor of the graph that the function built",
            where=f"{where}, {name!r}",
            found=type(value).__name__,
            wanted="a tensor that was made in the function, while it was called",
            next_step="make placeholders and network inside of the function",
        )
    return value
