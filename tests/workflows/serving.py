"""TensorFlow Serving's Classify and Regress, by its own rules and over its own protos.

Source: PreProcess… and PostProcess… of classifier.cc and regressor.cc in tensorflow_serving/servables/tensorflow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.session import ServingSession
from tfx_savedmodel.saved_model.view import SignatureView


def classify(model: Path, signature: str, examples: list[bytes]) -> Any:
    """Answer a ClassificationRequest of serialized examples; return a ClassificationResult."""
    from tensorflow_serving.apis import classification_pb2

    request = classification_pb2.ClassificationRequest()
    request.model_spec.signature_name = signature
    for serialized in examples:
        request.input.example_list.examples.add().ParseFromString(serialized)
    view = _signature(model, signature)
    assert view.method_name == "tensorflow/serving/classify"
    assert list(view.inputs) == ["inputs"]
    assert len(view.outputs) in (1, 2) and set(view.outputs) & {"classes", "scores"}
    outputs = _run(model, signature, request)
    for name, kind in (("classes", "O"), ("scores", "f")):
        if name in outputs:
            assert outputs[name].ndim == 2 and outputs[name].dtype.kind == kind
            assert len(outputs[name]) == len(examples)
    if "scores" in outputs:
        assert outputs["scores"].dtype == np.float32
    if len(outputs) == 2:
        assert outputs["classes"].shape == outputs["scores"].shape
    result = classification_pb2.ClassificationResult()
    for row in range(len(examples)):
        classifications = result.classifications.add()
        for column in range(next(iter(outputs.values())).shape[1]):
            one = classifications.classes.add()
            if "classes" in outputs:
                one.label = outputs["classes"][row, column].decode()
            if "scores" in outputs:
                one.score = outputs["scores"][row, column]
    return result


def regress(model: Path, signature: str, examples: list[bytes]) -> Any:
    """Answer a RegressionRequest of serialized examples; return a RegressionResult."""
    from tensorflow_serving.apis import regression_pb2

    request = regression_pb2.RegressionRequest()
    request.model_spec.signature_name = signature
    for serialized in examples:
        request.input.example_list.examples.add().ParseFromString(serialized)
    view = _signature(model, signature)
    assert view.method_name == "tensorflow/serving/regress"
    assert (list(view.inputs), list(view.outputs)) == (["inputs"], ["outputs"])
    (values,) = _run(model, signature, request).values()
    assert values.ndim == 1 or (values.ndim == 2 and values.shape[1] == 1)
    assert values.dtype == np.float32 and values.size == len(examples)
    result = regression_pb2.RegressionResult()
    for value in values.ravel():
        result.regressions.add().value = value
    return result


def _signature(model: Path, key: str) -> SignatureView:
    (meta_graph,) = read_saved_model(model).meta_graphs
    return meta_graph.signatures[key]


def _run(model: Path, signature: str, request: Any) -> dict[str, np.ndarray[Any, Any]]:
    serialized = [example.SerializeToString() for example in request.input.example_list.examples]
    with ServingSession(model) as session:
        return session.run(signature, {"inputs": np.array(serialized, dtype=object)})
