"""The template's training by itself, on Keras 2 and on Keras 3: a fake of Transform's output stands in for TFX."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.templates.repositories import TEMPLATE

pytestmark = pytest.mark.tf

Labels = Mapping[int, str | float]
CLASSES = ["York", "Bath", "Hull"]
SETTINGS: dict[str, Any] = {
    "name": "my-pipeline",
    "label": "y_label",
    "hidden_units": [8],
    "batch_size": 16,
    "epochs": 30,
    "learning_rate": 1e-2,
    "seed": 1,
}


@pytest.fixture
def model_module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The template's training/model.py, loaded as TFX does: by itself."""
    import tensorflow as tf

    class TransformOutput:
        def __init__(self, folder: str) -> None:
            self.classes = int(folder)

        def transformed_feature_spec(self) -> dict[str, Any]:
            label = tf.string if self.classes else tf.float32
            sizes = {"x_z": (1, tf.float32), "town_one_hot": (3, tf.float32), "y_label": (1, label)}
            return {name: tf.io.FixedLenFeature([size], dtype) for name, (size, dtype) in sizes.items()}

    fake = types.ModuleType("tensorflow_transform")
    fake.TFTransformOutput = TransformOutput  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorflow_transform", fake)
    spec = importlib.util.spec_from_file_location("template_model", TEMPLATE / "training" / "model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_examples(path: Path, classes: int, labels: Labels) -> str:
    """Write 120 transformed examples whose label follows from the town and x, but for the labels that are given."""
    import tensorflow as tf

    def floats(*values: float) -> Any:
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    with tf.io.TFRecordWriter(str(path), options="GZIP") as writer:
        for number in range(120):
            town, x = number % 3, (number % 7 - 3) / 2
            usual = CLASSES[town] if classes else 250_000 + 90_000 * town + 20_000 * x
            label = labels.get(number, usual)
            features = {
                "x_z": floats(x),
                "town_one_hot": floats(*(float(place == town) for place in range(3))),
                "y_label": tf.train.Feature(bytes_list=tf.train.BytesList(value=[label.encode()]))
                if isinstance(label, str)
                else floats(label),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    return str(path)


def train(
    module: Any, tmp_path: Path, classes: int, *, in_train: Labels | None = None, in_eval: Labels | None = None
) -> tuple[Any, dict[str, float]]:
    """Train on the same examples in both splits, but for the labels that are given for one by the row's number."""
    import tensorflow as tf

    arguments = types.SimpleNamespace(
        custom_config={**SETTINGS, "classes": CLASSES[:classes]},
        transform_output=str(classes),
        train_files=[write_examples(tmp_path / "train.gz", classes, in_train or {})],
        eval_files=[write_examples(tmp_path / "eval.gz", classes, in_eval or {})],
        model_run_dir=str(tmp_path / "run"),
        serving_model_dir=str(tmp_path / "Format-Serving"),
    )
    module.run_fn(arguments)
    model = tf.keras.models.load_model(str(tmp_path / "Format-Serving" / "model.keras"))
    return model, json.loads((tmp_path / "run" / "metrics.json").read_text())


@pytest.mark.parametrize("classes", [3, 0], ids=["classification", "regression"])
def test_it_learns_and_saves_what_the_exporter_takes(model_module: Any, tmp_path: Path, classes: int) -> None:
    import numpy as np

    import tfx_savedmodel

    model, metrics = train(model_module, tmp_path, classes)
    output = "probabilities" if classes else "prediction"
    if classes:
        assert metrics["eval_accuracy"] > 0.9 > metrics["eval_accuracy_of_guessing_the_most_frequent_class"]
    else:  # in the label's own unit, which is large
        assert 1000 < metrics["eval_root_mean_square_error"] < 30_000
        assert metrics["eval_root_mean_square_error_of_guessing_the_mean"] > 60_000
    plan = {"xai_model": {"kind": "model"}, "serving_default": {"kind": "alias", "of": "xai_model"}}
    exported = tfx_savedmodel.export(tmp_path / "Format-Serving", tmp_path / "exported", plan={"signatures": plan})
    (meta_graph,) = tfx_savedmodel.inspect(exported.path)["meta_graphs"]
    signature = meta_graph["signatures"]["xai_model"]
    assert sorted(signature["inputs"]) == ["town_one_hot", "x_z"]
    assert signature["outputs"][output]["shape"] == [None, classes or 1]
    batch = {"x_z": np.zeros([1, 1], "float32"), "town_one_hot": np.eye(3, dtype="float32")[1:2]}
    answer = model.predict(batch, verbose=0)[output][0]
    assert answer.argmax() == 1 if classes else abs(answer[0] - 340_000) < 40_000


@pytest.mark.parametrize(
    ("classes", "labels", "said"),
    [
        (3, {5: "", 7: ""}, "2 of 120 are missing; every row needs one"),
        (
            3,
            {5: "Leeds", 7: "Leeds", 9: "x"},
            r"3 of 120 are not among CLASSES of .*: 'Leeds' \(2\), 'x' \(1\);",
        ),
        (3, {number: f"town {number}" for number in range(7)}, r"'town 4' \(1\) and 2 other values; wanted: 'York'"),
        (0, {5: float("nan")}, "1 of 120 are missing, or no finite number; every row needs one"),
        (0, {5: float("inf")}, "1 of 120 are missing, or no finite number; every row needs one"),
    ],
)
@pytest.mark.parametrize("split", ["train", "eval"])
def test_labels_that_nothing_is_learnt_from_are_refused(
    model_module: Any, tmp_path: Path, classes: int, labels: Labels, said: str, split: str
) -> None:
    with pytest.raises(ValueError, match=f"the label 'y' in the split '{split}': .*{said}"):
        train(model_module, tmp_path, classes, **{f"in_{split}": labels})
    assert not (tmp_path / "Format-Serving").exists()


@pytest.mark.parametrize("classes", [3, 0], ids=["classification", "regression"])
def test_model_that_answers_nan_is_not_saved(
    model_module: Any, tmp_path: Path, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "learning_rate", float("inf"))
    with pytest.raises(ValueError, match=r"the training gave NaN or infinity: .*'?eval.*Lower LEARNING_RATE"):
        train(model_module, tmp_path, classes)
    assert not (tmp_path / "Format-Serving").exists()


def test_training_that_ends_early_says_so_last(
    model_module: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "learning_rate", 0.0)
    with caplog.at_level("INFO", logger="absl"):
        train(model_module, tmp_path, 3)
    said = [message for message in caplog.messages if message.startswith(("epoch", "stopped"))]
    assert [message.split(":")[0] for message in said[-2:]] == ["epoch 11 of 30", "stopped early"]
    assert said[-1] == "stopped early: val_loss no better for 10 epochs"


def test_every_epoch_is_logged(
    model_module: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "epochs", 10)
    with caplog.at_level("INFO", logger="absl"):
        train(model_module, tmp_path, 3)
    said = [message for message in caplog.messages if message.startswith("epoch")]
    assert [message.split(":")[0] for message in said] == [f"epoch {number:>2} of 10" for number in range(1, 11)]
    assert all(re.fullmatch(r".*: loss [\d.e-]+, val_loss [\d.e-]+", message) for message in said)
