"""A client names the signature, as `predict_images` (Alibaba PAI, "Export TensorFlow models …"; migration guide)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, run_with_cli, same
from tfx_savedmodel.operations.export import export

pytestmark = pytest.mark.tf

IMAGES = np.float32([[1, 2, 3], [0, -1, 1]])
WANTED = {"scores": IMAGES @ np.float32([[1], [2], [3]])}


def save_tf1(directory: Path, key: str) -> Path:
    """Save with the document's SavedModelBuilder, or simple_save, which has one key."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        images = v1.placeholder(tf.float32, [None, 3], name="x")
        weights = v1.get_variable("weights", initializer=[[1.0], [2.0], [3.0]], use_resource=True)
        scores = tf.matmul(images, weights)
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(directory))
        signature = v1.saved_model.predict_signature_def({"images": images}, {"scores": scores})
        builder.add_meta_graph_and_variables(session, ["serve"], {key: signature})
        builder.save()
    return directory


class Scores(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weights = tf.Variable([[1.0], [2.0], [3.0]])

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="images")])
    def score(self, images: Any) -> Any:
        return {"scores": images @ self.weights}


def assert_both_answer(model: Path) -> None:
    """`predict_images` answers as a client that names nothing is answered."""
    by_name = answers(model, "predict_images", {"images": IMAGES})
    same(by_name, WANTED)
    same(by_name, answers(model, DEFAULT, {"images": IMAGES}))


def test_an_object_under_both_keys(tmp_path: Path) -> None:
    plan = {DEFAULT: {"kind": "function"}, "predict_images": {"kind": "alias", "of": DEFAULT}}
    export(Scores(), tmp_path / "out", plan=plan)
    assert_both_answer(tmp_path / "out")


@pytest.mark.parametrize("key", ["predict_images", DEFAULT])
def test_a_tf1_model_gets_the_other_key(tmp_path: Path, key: str) -> None:
    source = save_tf1(tmp_path / "source", key)
    other = DEFAULT if key == "predict_images" else "predict_images"
    plan = {"keep": "all", "signatures": {other: {"kind": "alias", "of": key}}}
    assert export(source, tmp_path / "out", plan=plan).builder == "rewrite"
    assert_both_answer(tmp_path / "out")


def test_saved_model_cli_itself_shows_and_runs_an_export(tmp_path: Path) -> None:
    """The program, started as one starts it; every other export is shown and run by `answers`."""
    plan = {"predict_images": {"kind": "function"}}
    export(Scores(), tmp_path / "out", plan=plan)
    program = str(Path(sys.executable).with_name("saved_model_cli"))
    np.save(tmp_path / "images.npy", IMAGES)
    model = ["--dir", str(tmp_path / "out")]
    named = [*model, "--tag_set", "serve", "--signature_def", "predict_images"]
    given = ["--inputs", f"images={tmp_path / 'images.npy'}", "--outdir", str(tmp_path / "answer")]
    done = subprocess.run([program, "run", *named, *given], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = {"scores": np.load(tmp_path / "answer" / "scores.npy")}
    same(found, WANTED)
    same(found, run_with_cli(tmp_path / "out", "predict_images", {"images": IMAGES}))
