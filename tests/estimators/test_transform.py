from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.estimators.models import read_serialized, write_examples
from tests.transform_graphs import ROWS, analyze
from tfx_savedmodel.errors import TransformGraphError
from tfx_savedmodel.estimators.features import FeaturePath
from tfx_savedmodel.estimators.keras_model import ModelInput
from tfx_savedmodel.operations.convert import ConversionResult, convert
from tfx_savedmodel.saved_model.session import ServingSession

pytestmark = pytest.mark.tfx

UNSEEN = {"mass": None, "island": "Atlantis", "year": 8}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model"
    tf.keras.utils.set_random_seed(1)
    inputs = [tf.keras.Input((1,), name="mass_scaled"), tf.keras.Input((4,), name="island_hot")]
    joined = tf.keras.layers.concatenate(inputs)
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(2, activation="softmax", name="probabilities")(joined))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(path)
    return path


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Examples with missing cells, one with a word that no vocabulary has, none with a label."""
    rows = [{name: value for name, value in row.items() if name != "species"} for row in (*ROWS, UNSEEN)]
    return write_examples(tmp_path_factory.mktemp("examples") / "data.gz", rows, compressed=True)


@pytest.fixture(scope="module", params=[False, True], ids=["graph of TF2", "graph of TF1"])
def transform_graph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return analyze(tmp_path_factory.mktemp("transform"), as_tf1=request.param)


@pytest.fixture(scope="module")
def converted(
    model: Path, transform_graph: Path, examples: Path, tmp_path_factory: pytest.TempPathFactory
) -> ConversionResult:
    lent = shutil.copytree(transform_graph, tmp_path_factory.mktemp("lent") / "graph")
    out = tmp_path_factory.mktemp("out") / "model"
    result = convert(model, out, transform_graph=lent, examples=[str(examples)])
    shutil.rmtree(lent)
    assert str(lent).encode() not in (out / "saved_model.pb").read_bytes()
    return result


def test_missing_cells_and_unknown_words_go_through_the_transform_graph(
    model: Path, transform_graph: Path, converted: ConversionResult, tmp_path: Path
) -> None:
    assert converted.parity["examples"] == 5
    assert converted.parity["max_relative_difference"] == 0.0
    rows = [{name: value for name, value in row.items() if name != "species"} for row in (*ROWS, UNSEEN)]
    serialized = read_serialized(write_examples(tmp_path / "data", rows))
    words = (transform_graph / "transform_fn" / "assets" / "island").read_text().splitlines()
    order = {word: place for place, word in enumerate(words)}
    islands = [order.get(row["island"] or "", len(order)) for row in (*ROWS, UNSEEN)]
    filled_in = np.array([1.0, 3.0, 3.0, 5.0, 3.0], np.float32)
    scaled = (filled_in - 3.0) / np.std(filled_in[:4])
    features = {"mass_scaled": scaled[:, None], "island_hot": np.eye(4, dtype=np.float32)[islands]}
    wanted = tf.keras.models.load_model(model)(features).numpy()
    with ServingSession(converted.path) as session:
        parsing = session.run("serving_default", {"examples": serialized})
        raw = session.run("serve_raw", features)
    np.testing.assert_allclose(parsing["probabilities"], wanted, rtol=1e-5)
    np.testing.assert_allclose(raw["probabilities"], wanted, rtol=1e-6)


def test_an_input_that_no_transformed_feature_gives_is_named(transform_graph: Path) -> None:
    inputs = [ModelInput("mass_scaled", tf.float32, (1,)), ModelInput("wing", tf.float32, (1,))]
    with pytest.raises(TransformGraphError, match="wing") as caught:
        FeaturePath(inputs, str(transform_graph), None)
    assert "island_hot" in caught.value.found


def test_a_transformed_feature_of_another_shape_is_named(transform_graph: Path) -> None:
    with pytest.raises(TransformGraphError, match="island_hot") as caught:
        FeaturePath([ModelInput("island_hot", tf.float32, (7,))], str(transform_graph), None)
    assert (caught.value.found, caught.value.wanted) == ("float32 [?, 4]", "float32 [?, 7]")


def test_only_the_raw_features_that_the_inputs_depend_on_are_parsed(transform_graph: Path) -> None:
    path = FeaturePath([ModelInput("island_hot", tf.float32, (4,))], str(transform_graph), None)
    assert set(path.spec) == {"island"}


class Subclassed(tf.keras.Model):
    """What only the Builder converts, over the same inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = tf.keras.layers.Dense(2)

    def call(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        return self.dense(tf.concat([inputs["mass_scaled"], inputs["island_hot"]], axis=1))


def test_the_builder_puts_the_transform_graph_before_the_model(
    transform_graph: Path, examples: Path, tmp_path: Path
) -> None:
    model = Subclassed()
    model({"mass_scaled": tf.zeros([1, 1]), "island_hot": tf.zeros([1, 4])})
    model.save(tmp_path / "model")
    lent = shutil.copytree(transform_graph, tmp_path / "lent")
    result = convert(tmp_path / "model", tmp_path / "out", transform_graph=lent, examples=[str(examples)])
    shutil.rmtree(lent)
    assert (result.way, result.parity["examples"]) == ("builder", 5)
    assert str(lent).encode() not in (tmp_path / "out" / "saved_model.pb").read_bytes()
    rows = [{name: value for name, value in row.items() if name != "species"} for row in (*ROWS, UNSEEN)]
    serialized = read_serialized(write_examples(tmp_path / "data", rows))
    with ServingSession(tmp_path / "out") as session:
        (found,) = session.run("serving_default", {"examples": serialized}).values()
    assert found.shape == (5, 2)
    assert np.isfinite(found).all()
