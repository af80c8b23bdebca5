"""What an Estimator's model_fn returns for prediction, as signatures: as Estimator's own export makes them.

Source: tensorflow_estimator's EstimatorSpec and export_output.py; known by their attributes, since above
TensorFlow 2.15 there is no tf.estimator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx_savedmodel.errors import UnsupportedModelError
from tfx_savedmodel.saved_model.reachability import ancestors
from tfx_savedmodel.sources.tf1.features import parts_of

#: tf.estimator.ModeKeys.PREDICT.
PREDICT = "infer"
DEFAULT = "serving_default"
_PARSERS = ("ParseExample", "ParseExampleV2", "ParseSequenceExample", "ParseSequenceExampleV2")


def is_estimators(parameters: Mapping[str, Any]) -> bool:
    """Tell an Estimator's model_fn from other functions by its parameters."""
    return "features" in parameters


def run_config() -> Any | None:
    """Return what Estimator would give a model_fn as `config`; None where TensorFlow has no Estimator."""
    import tensorflow as tf

    try:
        return tf.compat.v1.estimator.RunConfig()
    except (AttributeError, ImportError):
        return None


def spec_signatures(spec: Any, features: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """Return the SignatureDefs of an EstimatorSpec by key, and what of them is not as it says.

    Classify and Regress take serialized examples. Over other features the same results are a Predict
    signature, with the names that they have there. Features that no result needs are no inputs.

    Raises:
      UnsupportedModelError: no EstimatorSpec, or none for prediction.
    """
    import tensorflow as tf

    exports = _exports(spec, where)
    tensors = {key: _outputs(output, key, where) for key, output in exports.items()}
    graph = tf.compat.v1.get_default_graph().as_graph_def()
    nodes = {node.name: node for node in graph.node}
    needed = ancestors(
        nodes, [part.name for side in tensors.values() for item in side.values() for part in parts_of(item)]
    )
    inputs = {
        name: tensor for name, tensor in features.items() if any(part.op.name in needed for part in parts_of(tensor))
    }
    parses = _parsed_input(inputs, nodes)
    made, notes = {}, []
    for key, output in exports.items():
        if parses is not None and hasattr(output, "as_signature_def"):
            made[key] = output.as_signature_def(inputs)
            continue
        made[key] = tf.compat.v1.saved_model.predict_signature_def(inputs, tensors[key])
        if not _is_predict(output):
            notes.append(
                f"signature {key!r} is a Predict one: {type(output).__name__} would take serialized examples, "
                "and model_fn was given features"
            )
    return made, notes


def _exports(spec: Any, where: str) -> dict[str, Any]:
    exports = getattr(spec, "export_outputs", None)
    if exports is None:
        predictions = getattr(spec, "predictions", None)
        if predictions is None:
            raise UnsupportedModelError(
                "model_fn returns nothing to predict",
                where=where,
                found=type(spec).__name__,
                wanted=f"an EstimatorSpec with predictions or export_outputs in the mode {PREDICT!r}",
                next_step="return one for tf.estimator.ModeKeys.PREDICT",
            )
        exports = {DEFAULT: _Predictions(predictions)}
    named = {str(key): output for key, output in exports.items()}
    if DEFAULT not in named and len(named) == 1:
        named[DEFAULT] = next(iter(named.values()))
    return named


class _Predictions:
    """Predictions without export_outputs, as PredictOutput holds them."""

    def __init__(self, predictions: Any) -> None:
        self.outputs = dict(predictions) if isinstance(predictions, Mapping) else {"output": predictions}


def _is_predict(output: Any) -> bool:
    return isinstance(getattr(output, "outputs", None), Mapping)


def _outputs(output: Any, key: str, where: str) -> dict[str, Any]:
    """Return the tensors of a Predict-, Classification- or RegressionOutput under the names of their signatures."""
    if _is_predict(output):
        return dict(output.outputs)
    if getattr(output, "value", None) is not None:
        return {"outputs": output.value}
    found = {name: getattr(output, name, None) for name in ("classes", "scores")}
    found = {name: tensor for name, tensor in found.items() if tensor is not None}
    if not found:
        raise UnsupportedModelError(
            "an export output is none that Estimator knows",
            where=f"{where}, export_outputs[{key!r}]",
            found=type(output).__name__,
            wanted="a PredictOutput, ClassificationOutput or RegressionOutput",
            next_step="return one of them",
        )
    return found


def _parsed_input(inputs: Mapping[str, Any], nodes: Mapping[str, Any]) -> str | None:
    """Return the only feature where the model parses it as serialized examples itself."""
    if len(inputs) != 1:
        return None
    ((name, tensor),) = inputs.items()
    placeholder = parts_of(tensor)[0].op.name
    takers = (
        node for node in nodes.values() if node.op in _PARSERS and placeholder in ancestors(nodes, node.input[:1])
    )
    return name if any(takers) else None
