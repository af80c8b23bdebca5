"""With TFX 1.21: files of Keras 2 and 3 are exported and converted alike, whichever of them tf.keras is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel import versions

pytestmark = [
    pytest.mark.tfx,
    pytest.mark.skipif(
        versions.installed("tf_keras") is None or not (versions.installed("keras") or "").startswith("3"),
        reason="needs Keras 2 beside Keras 3, which the stack tfx-1.21 has",
    ),
]

SCRIPT = """
import importlib, json, sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_transform

import tfx_savedmodel

folder, found = Path(sys.argv[1]), {}
for name in ("keras", "tf_keras"):
    keras = importlib.import_module(name)
    inputs = keras.Input((2,), name="x")
    outputs = keras.layers.Dense(1, name="score")(inputs)
    model = keras.Model(inputs, outputs)
    wanted = np.asarray(model(np.ones((3, 2), "float32")))
    for form in ("keras", "h5"):
        file, out = folder / f"{name}.{form}", folder / f"{name}-{form}"
        model.save(file)
        tfx_savedmodel.export(file, out, plan={"signatures": {"serving_default": {"kind": "model"}}})
        serve = tf.saved_model.load(str(out)).signatures["serving_default"]
        (answer,) = serve(**{next(iter(serve.structured_input_signature[1])): tf.ones((3, 2))}).values()
        converted = tfx_savedmodel.convert(file, folder / f"{name}-{form}-estimator")
        found[f"{name}.{form}"] = [float(abs(answer - wanted).numpy().max()), converted.way]
print(json.dumps({"tf.keras": getattr(tf.keras, "__version__", "2"), "found": found}))
"""


def answers(legacy: str, folder: Path) -> dict[str, Any]:
    variables = {**os.environ, "TF_USE_LEGACY_KERAS": legacy}
    told = [sys.executable, "-c", SCRIPT, str(folder)]
    ran = subprocess.run(told, env=variables, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-4000:]
    return dict(json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.parametrize(("legacy", "generation"), [("0", "3"), ("1", "2")])
def test_a_file_is_loaded_by_the_keras_that_wrote_it(legacy: str, generation: str, tmp_path: Path) -> None:
    said = answers(legacy, tmp_path)
    assert said["tf.keras"].startswith(generation)
    assert said["found"] == {
        f"{name}.{form}": [0.0, "builder"] for name in ("keras", "tf_keras") for form in ("keras", "h5")
    }
