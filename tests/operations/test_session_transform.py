"""TF1 models behind a Transform graph: its tables join those of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.operations.models import example
from tests.transform_graphs import ROWS, analyze
from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.gate import refuse_unsafe
from tfx_savedmodel.operations.validate import Verdict, validate
from tfx_savedmodel.saved_model.reader import read_saved_model

pytestmark = pytest.mark.tfx

NAN = float("nan")
FEATURES = {
    "mass": np.array([[1.0], [NAN], [3.0], [5.0]], dtype=np.float32),
    "island": np.array([[b"Dream"], [b"Biscoe"], [b""], [b"Dream"]], dtype=object),
}
PLAN: dict[str, Any] = {
    "exclude_features": ["species", "year"],
    "keep": "all",
    "signatures": {
        "examples": {"kind": "serve_examples"},
        "serve_raw": {"kind": "serve_features", "inputs": {"kilograms": "mass"}},
        "xai_preprocess": {"kind": "preprocess"},
        "from_examples": {"kind": "preprocess", "receiver": "examples"},
        "xai_model": {"kind": "model"},
        "regress": {"kind": "regress", "of": "examples", "value": "price"},
        "classify": {"kind": "classify", "of": "examples", "scores": "scores", "classes": {"vocabulary": "species"}},
    },
}


@pytest.fixture(scope="module", params=["analysed by TF2", "analysed by TF1"])
def graph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return analyze(tmp_path_factory.mktemp("transform"), as_tf1=request.param == "analysed by TF1")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ref variables with a vocabulary of the same file name as the Transform graph's, and other words."""
    v1, path = tf.compat.v1, tmp_path_factory.mktemp("tf1")
    (path / "island").write_text("other\nwords\n", encoding="utf-8")
    with tf.Graph().as_default(), v1.Session() as session:
        mass = v1.placeholder(tf.float32, [None, 1], name="mass_scaled")
        island = v1.placeholder(tf.float32, [None, 4], name="island_hot")
        weights = v1.get_variable("w", initializer=tf.random.stateless_uniform([5, 2], [1, 2]), use_resource=False)
        table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                *(str(path / "island"), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
                *(tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
            ),
            -1,
        )
        known = tf.cast(table.lookup(tf.constant(["words", "Dream"])), tf.float32)
        scores = tf.nn.softmax(tf.concat([mass, island], 1) @ weights + known, name="scores")
        price = tf.cast(tf.reduce_sum(scores * [1.0, 3.0], 1), tf.float64, name="price")
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(
            session,
            str(path / "model"),
            {"mass_scaled": mass, "island_hot": island},
            {"scores": scores, "price": price},
            legacy_init_op=v1.tables_initializer(),
        )
    return path / "model"


def _examples() -> Any:
    rows = [{k: [v.encode() if isinstance(v, str) else v] for k, v in row.items() if v is not None} for row in ROWS]
    return np.array([example(**row) for row in rows], dtype=object)


def test_every_loader_transforms(graph: Path, source: Path, tmp_path: Path) -> None:
    result = export(source, tmp_path / "out", plan=PLAN, transform_graph=graph)
    assert result.builder == "session"
    out, examples = tmp_path / "out", _examples()
    refuse_unsafe(read_saved_model(out))
    inputs = answers(out, "from_examples", {"examples": examples})
    # Filled in by the mean, 3, and scaled; the vocabulary has Dream first, and one place for what it does not know.
    np.testing.assert_allclose(inputs["mass_scaled"], np.float32([[-1.4142135], [0], [0], [1.4142135]]), atol=1e-5)
    assert inputs["island_hot"].argmax(1).tolist()[0] == inputs["island_hot"].argmax(1).tolist()[3] == 0
    same(answers(out, "xai_preprocess", FEATURES), inputs)
    wanted = answers(source, DEFAULT, inputs)
    same(answers(out, DEFAULT, inputs), wanted)
    same(answers(out, "xai_model", inputs), wanted)
    same(answers(out, "examples", {"examples": examples}), wanted)
    renamed = {"kilograms": FEATURES["mass"], "island": FEATURES["island"]}
    same(answers(out, "serve_raw", renamed), wanted)
    same(answers(out, "regress", {"inputs": examples}), {"outputs": wanted["price"].astype(np.float32)})
    classes = np.array([[b"b", b"a"]] * 4, dtype=object)
    found = answers(out, "classify", {"inputs": examples})
    same({"scores": found["scores"]}, {"scores": wanted["scores"]})
    assert sorted(found["classes"][0]) == sorted(classes[0]) and found["classes"].shape == (4, 2)
    assert sorted(file.name for file in (out / "assets").iterdir()) == ["island", "island_1", "species"]


def test_the_validator_blesses_it_and_an_export_of_the_export(graph: Path, source: Path, tmp_path: Path) -> None:
    export(source, tmp_path / "out", plan=PLAN, transform_graph=graph)
    parts = {f"{key}_again": dict(part) for key, part in PLAN["signatures"].items()}
    parts["classify_again"]["of"] = parts["regress_again"]["of"] = "examples_again"
    again = {**PLAN, "signatures": parts, "drop": ["classify"]}
    export(tmp_path / "out", tmp_path / "twice", plan=again, transform_graph=graph)
    examples = {"examples": _examples()}
    wanted = answers(tmp_path / "out", "examples", examples)
    same(answers(tmp_path / "twice", "examples", examples), wanted)
    same(answers(tmp_path / "twice", "examples_again", examples), wanted)
    report = validate(tmp_path / "twice")
    assert report.verdict is Verdict.BLESSED, [check.findings for check in report.checks if check.findings]
