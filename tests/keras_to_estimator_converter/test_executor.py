"""What the executor makes of a model that only TF1's Builder can write, and of a file that changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tfx_savedmodel.errors import UsageError

pytestmark = pytest.mark.tfx


def save_text(path: Path) -> None:
    """Save a model with a lookup layer, `word` [1] to `score` [1], where a Trainer would."""
    import tensorflow as tf

    layers = tf.keras.layers
    word = tf.keras.Input((1,), dtype="string", name="word")
    index = layers.StringLookup(vocabulary=["red", "green"])(word)
    places = layers.Flatten()(layers.Embedding(3, 2)(index))
    path.parent.mkdir(parents=True)
    tf.keras.Model(word, layers.Dense(1, name="score")(places)).save(path)


def converter(notes: Path) -> Any:
    from tfx import types
    from tfx.types import standard_artifacts

    from tfx_savedmodel import KerasToEstimatorConverter

    model = types.Channel(type=standard_artifacts.Model)
    return KerasToEstimatorConverter(model=model, assets_extra={"notes.txt": notes})


def run(component: Any, folder: Path) -> tuple[Any, Any]:
    """Run the executor on the model in `folder`; return the two artifacts that it wrote there."""
    from tfx.types import standard_artifacts

    from tfx_savedmodel.keras_to_estimator_converter.executor import Executor

    trained, made, checkpoint = standard_artifacts.Model(), standard_artifacts.Model(), standard_artifacts.ModelRun()
    for artifact, name in ((trained, "trained"), (made, "made"), (checkpoint, "checkpoint")):
        artifact.uri = str(folder / name)
    outputs = {"estimator_model": [made], "estimator_checkpoint": [checkpoint]}
    Executor().Do({"model": [trained]}, outputs, dict(component.spec.exec_properties))
    return made, checkpoint


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    file = tmp_path / "notes.txt"
    file.write_text("Monday", encoding="utf-8")
    return file


def test_a_model_that_the_builder_writes_has_an_empty_checkpoint(notes: Path, tmp_path: Path) -> None:
    save_text(tmp_path / "trained" / "Format-Serving" / "model.keras")
    made, checkpoint = run(converter(notes), tmp_path)
    assert made.get_string_custom_property("way") == "builder"
    assert json.loads(made.get_string_custom_property("signatures")) == ["serve_raw", "serving_default"]
    assert json.loads(made.get_string_custom_property("parity"))["examples"] == 96
    assert made.get_float_custom_property("parity_max_difference") <= 1e-6
    assert checkpoint.get_int_custom_property("written") == 0
    assert not list((tmp_path / "checkpoint").rglob("*"))
    serving = tmp_path / "made" / "Format-Serving"
    assert (serving / "saved_model.pb").is_file()
    assert (serving / "assets.extra" / "notes.txt").read_text(encoding="utf-8") == "Monday"


def test_a_file_that_changed_since_the_pipeline_was_made_is_refused(notes: Path, tmp_path: Path) -> None:
    component = converter(notes)
    notes.write_text("Tuesday", encoding="utf-8")
    with pytest.raises(UsageError, match="another than when the pipeline was made") as caught:
        run(component, tmp_path)
    assert str(notes) in caught.value.found
