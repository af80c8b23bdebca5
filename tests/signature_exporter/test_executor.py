"""The executor on artifacts: whatever form the trained model has, and the user's module as a wheel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.operations.models import keras

pytestmark = pytest.mark.tfx

MODULE = """
import tensorflow as tf
from shapes import build


def make_twice(model):
    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
    def twice(x):
        return {"twice": 2.0 * model(x)}

    return twice
"""
SHAPES = """
import tensorflow as tf


def build():
    return tf.keras.Sequential([tf.keras.layers.Input((2,), name="x"), tf.keras.layers.Dense(1, name="y")])
"""


def run(model: Path, out: Path, plan: dict[str, Any], module: Path | None = None) -> Any:
    """Export the Model artifact at `model`; return the artifact that was written."""
    from tfx import types
    from tfx.components.util import udf_utils
    from tfx.types import standard_artifacts

    from tfx_savedmodel.signature_exporter.executor import Executor

    source, exported = standard_artifacts.Model(), standard_artifacts.Model()
    source.uri, exported.uri = str(model), str(out)
    for artifact in (source, exported):
        artifact.set_string_custom_property("tfx_version", "1.15.1")
    properties: dict[str, Any] = {"plan": json.dumps(plan), "module_file": None, "module_path": None}
    if module is not None:
        _, properties["module_path"] = udf_utils.package_user_module_file("exporter", str(module), str(out.parent))
    inputs: dict[str, list[types.Artifact]] = {"model": [source]}
    Executor().Do(inputs, {"exported_model": [exported]}, properties)
    return exported


def answer(directory: Path, key: str, values: Any) -> Any:
    import tensorflow as tf

    (output,) = tf.saved_model.load(str(directory)).signatures[key](x=tf.constant(values)).values()
    return output.numpy()


def test_a_keras_file_or_weights_in_the_artifact(tmp_path: Path) -> None:
    user = tmp_path / "user"
    user.mkdir()
    (user / "functions.py").write_text(MODULE, encoding="utf-8")
    (user / "shapes.py").write_text(SHAPES, encoding="utf-8")
    trained = keras().Sequential([keras().layers.Input((2,), name="x"), keras().layers.Dense(1, name="y")])
    values = np.float32([[1, 2], [3, 4]])
    wanted = trained.predict(values, verbose=0)
    for folder, name in (("whole", "model.h5"), ("weights", "weights.h5")):
        (tmp_path / folder / "Format-Serving").mkdir(parents=True)
        file = str(tmp_path / folder / "Format-Serving" / name)
        trained.save(file) if folder == "whole" else trained.save_weights(file)
    exported = run(tmp_path / "whole", tmp_path / "one", {"signatures": {"serving_default": {"kind": "model"}}})
    assert exported.get_string_custom_property("builder") == "trace"
    np.testing.assert_array_equal(answer(tmp_path / "one" / "Format-Serving", "serving_default", values), wanted)
    plan = {"source": {"model_fn": "build"}, "signatures": {"twice": {"kind": "module", "function": "make_twice"}}}
    exported = run(tmp_path / "weights", tmp_path / "two", plan, user / "functions.py")
    assert json.loads(exported.get_string_custom_property("signatures")) == ["twice"]
    np.testing.assert_array_equal(answer(tmp_path / "two" / "Format-Serving", "twice", values), 2 * wanted)


def test_a_checkpoint_of_tf1_with_its_graph_elsewhere(tmp_path: Path) -> None:
    """The checkpoint is the artifact; the plan names the graph."""
    import tensorflow as tf

    v1, artifact = tf.compat.v1, tmp_path / "artifact" / "Format-Serving"
    artifact.mkdir(parents=True)
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 2], name="x")
        weights = v1.get_variable("w", initializer=[[1.0], [2.0]], use_resource=True)
        tf.matmul(x, weights, name="y")
        session.run(v1.global_variables_initializer())
        saver = v1.train.Saver()
        saver.save(session, str(artifact / "model.ckpt"), write_meta_graph=False, write_state=False)
        v1.train.export_meta_graph(str(tmp_path / "graph.pb"), saver_def=saver.saver_def)
    plan = {
        "source": {"graph": str(tmp_path / "graph.pb")},
        "signatures": {"serving_default": {"kind": "tensors", "inputs": {"x": "x:0"}, "outputs": {"y": "y:0"}}},
    }
    exported = run(tmp_path / "artifact", tmp_path / "out", plan)
    assert exported.get_string_custom_property("builder") == "rewrite"
    found = answer(tmp_path / "out" / "Format-Serving", "serving_default", np.float32([[3, 4]]))
    np.testing.assert_array_equal(found, [[11]])
