"""Exports through a Transform graph: raw features and examples, values missing, labels left out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import example
from tests.transform_graphs import ROWS, analyze
from tfx_savedmodel.errors import PlanError
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.validate import Verdict, validate
from tfx_savedmodel.saved_model.session import ServingSession

pytestmark = pytest.mark.tfx

NAN = float("nan")
#: The rows of the Transform graph's data as `serve_features` takes them.
FEATURES = {
    "mass": np.array([[1.0], [NAN], [3.0], [5.0]], dtype=np.float32),
    "island": np.array([[b"Dream"], [b"Biscoe"], [b""], [b"Dream"]], dtype=object),
}
PLAN: dict[str, Any] = {
    "exclude_features": ["species", "year"],
    "signatures": {
        "serving_default": {"kind": "serve_examples"},
        "serve_raw": {"kind": "serve_features", "inputs": {"kilograms": "mass"}},
        "xai_preprocess": {"kind": "preprocess"},
        "from_examples": {"kind": "preprocess", "receiver": "examples"},
        "xai_model": {"kind": "model"},
    },
}


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return analyze(tmp_path_factory.mktemp("transform"), as_tf1=False)


def save_model(directory: Path, *inputs: tuple[str, int]) -> Path:
    tf.keras.utils.set_random_seed(1)
    layers = [tf.keras.Input((size,), name=name) for name, size in inputs]
    outputs = tf.keras.layers.Dense(2, activation="softmax", name="probabilities")(tf.keras.layers.concatenate(layers))
    tf.keras.Model(layers, outputs).save(directory, save_format="tf")
    return directory


@pytest.fixture(scope="module")
def exported(graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = save_model(tmp_path_factory.mktemp("model") / "m", ("mass_scaled", 1), ("island_hot", 4))
    copy = Path(shutil.copytree(graph, tmp_path_factory.mktemp("gone") / "graph"))
    target = tmp_path_factory.mktemp("exported") / "m"
    export(model, target, plan=PLAN, transform_graph=copy)
    shutil.rmtree(copy)  # an export must not lean on files beside it
    return target


def serialized() -> np.ndarray[Any, Any]:
    """The rows as clients send them: no label, no number, no feature where a value is missing."""
    examples = []
    for row in ROWS:
        features: dict[str, Any] = {} if row["mass"] is None else {"mass": [row["mass"]]}
        if row["island"] is not None:
            features["island"] = [row["island"].encode()]
        examples.append(example(**features))
    return np.array(examples, dtype=object)


def test_every_way_in_gives_the_same_answers(exported: Path, graph: Path) -> None:
    from tfx_savedmodel.sources.transform import TransformGraph

    transform = TransformGraph(graph)
    spec = transform.raw_feature_spec(("species", "year"))
    wanted = transform.layer()(tf.io.parse_example(serialized(), spec))
    with ServingSession(exported) as session:
        answers = session.run("serving_default", {"examples": serialized()})["probabilities"]
        raw = {"kilograms": FEATURES["mass"], "island": FEATURES["island"]}
        np.testing.assert_array_equal(session.run("serve_raw", raw)["probabilities"], answers)
        prepared = session.run("xai_preprocess", FEATURES)
        assert sorted(prepared) == ["island_hot", "mass_scaled"]
        for name, value in prepared.items():
            np.testing.assert_array_equal(value, wanted[name].numpy())
        parsed = session.run("from_examples", {"examples": serialized()})
        np.testing.assert_array_equal(parsed["island_hot"], prepared["island_hot"])
        np.testing.assert_array_equal(session.run("xai_model", prepared)["probabilities"], answers)
    assert np.ptp(answers[:, 0]) > 0


def test_validation_feeds_missing_values_as_the_contract_says(exported: Path, tmp_path: Path) -> None:
    with tf.io.TFRecordWriter(str(tmp_path / "data.gz"), "GZIP") as writer:
        for record in serialized():
            writer.write(record)
    report = validate(exported, examples=[str(tmp_path / "*.gz")], select=["SM105", "SM107", "SM120", "SM3"])
    results = {check.code: check for check in report.checks}
    assert {code for code, check in results.items() if check.verdict.value != "PASS"} == {"SM304", "SM309"}
    assert report.verdict is Verdict.BLESSED
    assert not results["SM301"].measurements.get("not_run")


def test_a_transform_graph_that_does_not_fit(graph: Path, tmp_path: Path) -> None:
    model = save_model(tmp_path / "m", ("mass_scaled", 1), ("depth_scaled", 1))
    with pytest.raises(PlanError) as caught:
        export(model, tmp_path / "out", plan=PLAN, transform_graph=graph)
    problems = {problem.where: problem for problem in caught.value.problems}
    assert problems["signatures.serving_default"].wanted == "depth_scaled"
    assert "does not give this input" in problems["signatures.serving_default"].message
    assert [child.name for child in tmp_path.iterdir()] == ["m"]


def test_an_excluded_feature_that_is_needed_or_unknown(graph: Path, tmp_path: Path) -> None:
    model = save_model(tmp_path / "m", ("mass_scaled", 1), ("island_hot", 4))
    with pytest.raises(PlanError) as caught:
        export(model, tmp_path / "out", plan={**PLAN, "exclude_features": ["mass", "colour"]}, transform_graph=graph)
    assert {(problem.where, problem.found) for problem in caught.value.problems} >= {("exclude_features", "colour")}
    with pytest.raises(PlanError) as caught:
        export(model, tmp_path / "out", plan={**PLAN, "exclude_features": ["mass"]}, transform_graph=graph)
    assert any("mass_scaled" in problem.wanted for problem in caught.value.problems)


def test_what_the_transform_graph_gives_must_fit_the_inputs(graph: Path, tmp_path: Path) -> None:
    layers = [tf.keras.Input((1,), name="mass_scaled", dtype=tf.int64), tf.keras.Input((3,), name="island_hot")]
    flat = tf.keras.layers.concatenate([tf.cast(layers[0], tf.float32), layers[1]])
    tf.keras.Model(layers, tf.keras.layers.Dense(2)(flat)).save(tmp_path / "m", save_format="tf")
    with pytest.raises(PlanError) as caught:
        export(tmp_path / "m", tmp_path / "out", plan=PLAN, transform_graph=graph)
    problems = {
        (problem.found, problem.wanted)
        for problem in caught.value.problems
        if problem.where == "signatures.serving_default"
    }
    assert problems == {
        ("feature 'mass_scaled', float32 [?, 1]", "input 'mass_scaled', int64 [?, 1]"),
        ("feature 'island_hot', float32 [?, 4]", "input 'island_hot', float32 [?, 3]"),
    }
