from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.estimators.models import (
    needs_estimators,
    people,
    read_serialized,
    save_restless,
    save_sequential,
    save_two_inputs,
    write_examples,
)
from tfx_savedmodel import versions
from tfx_savedmodel.errors import (
    DestinationError,
    ExamplesError,
    ParityError,
    SchemaError,
    TransformGraphError,
    UnreadableModelError,
    UnsupportedStackError,
    UsageError,
)
from tfx_savedmodel.operations.convert import ConversionResult, convert
from tfx_savedmodel.saved_model.consumers.judgement import lacks
from tfx_savedmodel.saved_model.reader import read_saved_model
from tfx_savedmodel.saved_model.session import ServingSession

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def two_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TFX Model artifact around the functional model."""
    artifact = tmp_path_factory.mktemp("artifact")
    save_two_inputs(artifact / "Format-Serving")
    return artifact


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_examples(tmp_path_factory.mktemp("examples") / "data-00000-of-00001", people(40))


@pytest.fixture(scope="module")
def converted(two_inputs: Path, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> ConversionResult:
    folder = tmp_path_factory.mktemp("converted")
    return convert(two_inputs, folder / "model", examples=[examples], checkpoint=folder / "checkpoint")


def answers_of_keras(model: Path, features: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    loaded = tf.keras.models.load_model(model)
    return dict(zip(["score", "group"], (output.numpy() for output in loaded(features)), strict=True))


def features_of(count: int) -> dict[str, np.ndarray[Any, Any]]:
    rows = people(count)
    return {
        "age": np.array([[row["age"]] for row in rows], np.float32),
        "city": np.array([[row["city"]] for row in rows], np.int64),
    }


@needs_estimators
class TestTwoInputs:
    def test_it_fits_an_older_tensorflow_and_answers_as_before(
        self, two_inputs: Path, examples: Path, converted: ConversionResult, tmp_path: Path
    ) -> None:
        result = convert(two_inputs, tmp_path / "model", examples=[examples], target="tf-1.15")
        assert any("ParseExampleV2" in note for note in result.notes)
        assert not any("not compared" in note for note in result.notes)
        meta_graph = read_saved_model(tmp_path / "model").meta_graph()
        assert meta_graph is not None
        assert list(lacks(meta_graph, "tf-1.15")) == []
        serialized = np.array(read_serialized(examples)[:5], dtype=object)
        answers = []
        for model in (Path(converted.path), tmp_path / "model"):
            with ServingSession(model) as session:
                answers.append(session.run("serving_default", {"examples": serialized}))
        for name, value in answers[0].items():
            np.testing.assert_array_equal(value, answers[1][name])

    def test_one_graph_has_both_receivers(self, converted: ConversionResult) -> None:
        assert converted.signatures == ("serve_raw", "serving_default")
        with ServingSession(converted.path) as session:
            parsing, raw = session.signatures["serving_default"], session.signatures["serve_raw"]
        assert {name: str(spec) for name, spec in parsing.inputs.items()} == {"examples": "string [?]"}
        assert {name: str(spec) for name, spec in raw.inputs.items()} == {
            "age": "float32 [?, 1]",
            "city": "int64 [?, 1]",
        }
        assert {name: str(spec) for name, spec in raw.outputs.items()} == {
            "score": "float32 [?, 1]",
            "group": "float32 [?, 3]",
        }
        assert parsing.method_name == raw.method_name == "tensorflow/serving/predict"

    def test_parity_was_shown_on_every_given_example(self, converted: ConversionResult) -> None:
        assert converted.way == "model_to_estimator"
        assert converted.tensorflow_version == tf.__version__
        assert converted.parity == {
            "source": "given",
            "examples": 40,
            "max_relative_difference": 0.0,
            "outputs": {"score": 0.0, "group": 0.0},
        }

    def test_both_loaders_give_the_numbers_of_keras(
        self, two_inputs: Path, examples: Path, converted: ConversionResult
    ) -> None:
        features, serialized = features_of(40), read_serialized(examples)
        wanted = answers_of_keras(two_inputs / "Format-Serving", features)
        with ServingSession(converted.path) as session:
            in_tf1 = [session.run("serving_default", {"examples": serialized}), session.run("serve_raw", features)]
        signatures = tf.saved_model.load(str(converted.path)).signatures
        in_tf2 = [
            signatures["serving_default"](examples=tf.constant(serialized)),
            signatures["serve_raw"](**{name: tf.constant(value) for name, value in features.items()}),
        ]
        for found in (*in_tf1, *in_tf2):
            for name, value in wanted.items():
                np.testing.assert_allclose(np.asarray(found[name]), value, rtol=1e-6, atol=1e-7)

    def test_an_estimator_goes_on_from_the_checkpoint(
        self, two_inputs: Path, converted: ConversionResult, tmp_path: Path
    ) -> None:
        assert converted.checkpoint is not None
        moved = converted.checkpoint.rename(tmp_path / "moved")
        features = features_of(4)
        wanted = answers_of_keras(two_inputs / "Format-Serving", features)
        stranger = tf.keras.models.load_model(save_two_inputs(tmp_path / "stranger", seed=7))
        estimator = tf.keras.estimator.model_to_estimator(stranger, model_dir=str(moved))
        found = list(estimator.predict(lambda: tf.data.Dataset.from_tensors(features)))
        np.testing.assert_allclose([each["group"] for each in found], wanted["group"], rtol=1e-6)
        labels = {"score": np.zeros((4, 1), np.float32), "group": np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]}
        estimator.train(lambda: tf.data.Dataset.from_tensors((features, labels)).repeat(), steps=2)
        assert estimator.get_variable_value("estimator_global_step/.ATTRIBUTES/VARIABLE_VALUE") == 2


@needs_estimators
def test_an_uncompiled_sequential_h5_with_real_placeholders(tmp_path: Path) -> None:
    model = save_sequential(tmp_path / "model.h5")
    result = convert(model, tmp_path / "out", receiver="raw")
    assert result.signatures == ("serving_default",)
    assert result.parity["source"] == "generated"
    assert "was not compiled" in result.notes[0]
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.saved_model.load(session, ["serve"], str(result.path))
        assert graph.get_operation_by_name("numbers").type == "Placeholder"


@needs_estimators
def test_the_parsing_receiver_alone(two_inputs: Path, examples: Path, tmp_path: Path) -> None:
    result = convert(two_inputs, tmp_path / "out", receiver="parsing", examples=str(examples))
    assert result.signatures == ("serving_default",)
    with ServingSession(result.path) as session:
        assert list(session.signatures["serving_default"].inputs) == ["examples"]


@needs_estimators
def test_the_same_model_converts_to_the_same_bytes(
    two_inputs: Path, converted: ConversionResult, tmp_path: Path
) -> None:
    assert convert(two_inputs, tmp_path / "out").fingerprint == converted.fingerprint


@needs_estimators
def test_answers_that_differ_are_not_published(tmp_path: Path) -> None:
    model = save_restless(tmp_path / "model")
    (tmp_path / "results").mkdir()
    with pytest.raises(ParityError, match="output 'answer', example"):
        convert(model, tmp_path / "results" / "out", checkpoint=tmp_path / "results" / "checkpoint")
    assert list((tmp_path / "results").iterdir()) == []


@needs_estimators
def test_a_feature_that_the_schema_lacks_ends_the_conversion_with_its_name(two_inputs: Path, tmp_path: Path) -> None:
    schema = tmp_path / "schema.pbtxt"
    schema.write_text('feature { name: "age" type: FLOAT presence { min_fraction: 1 } shape {} }')
    with pytest.raises(SchemaError, match="feature 'city'"):
        convert(two_inputs, tmp_path / "out", schema=schema)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["schema.pbtxt"]


@needs_estimators
def test_mistakes_are_told_before_any_work(two_inputs: Path, tmp_path: Path) -> None:
    model, out = two_inputs, tmp_path / "out"
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "file").touch()
    with pytest.raises(UsageError, match="both, raw, parsing"):
        convert(model, out, receiver="serialized")
    with pytest.raises(UsageError, match="tolerance"):
        convert(model, out, tolerance=float("nan"))
    with pytest.raises(UsageError, match="the checkpoint lies in the destination"):
        convert(model, out, checkpoint=out / "checkpoint")
    with pytest.raises(UsageError, match="the model lies in the destination"):
        convert(model, model, overwrite=True)
    with pytest.raises(ExamplesError):
        convert(model, out, examples=tmp_path / "none-*")
    with pytest.raises(TransformGraphError):
        convert(model, out, transform_graph=tmp_path)
    with pytest.raises(UnreadableModelError):
        convert(tmp_path, out)
    with pytest.raises(DestinationError):
        convert(model, taken)
    with pytest.raises(DestinationError):
        convert(model, out, checkpoint=taken)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]


def test_a_checkpoint_of_a_tensorflow_without_estimators_is_refused_before_the_model_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "installed", {"tensorflow": "2.21.0"}.get)
    with pytest.raises(UnsupportedStackError, match=r"2\.21\.0") as caught:
        convert(tmp_path / "nothing", tmp_path / "out", checkpoint=tmp_path / "checkpoint")
    assert versions.LAST_TENSORFLOW_WITH_ESTIMATOR in caught.value.wanted
