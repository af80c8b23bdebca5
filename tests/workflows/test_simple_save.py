"""`simple_save` with `image` and `scores` (Alibaba PAI, "Export models in the SavedModel format")."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import DEFAULT, answers, same
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.operations.validate import validate
from tfx_savedmodel.saved_model.parse import parse_saved_model
from tfx_savedmodel.validation.result import CheckVerdict, Severity, Verdict

pytestmark = pytest.mark.tf

IMAGES = np.random.default_rng(2).random((2, 4), np.float32)
WEIGHTS = np.random.default_rng(3).random((4, 3), np.float32)
WANTED = {"scores": IMAGES @ WEIGHTS}


def simple_save(directory: Path, *, resource: bool, inputs: str = "image", outputs: str = "scores") -> Path:
    """Save the document's kind of model the document's way."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        weights = v1.get_variable("w", initializer=tf.constant(WEIGHTS), use_resource=resource)
        y = tf.matmul(x, weights, name="y")
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(directory), inputs={inputs: x}, outputs={outputs: y})
    return directory


def signatures(model: Path) -> dict[str, Any]:
    (meta_graph,) = parse_saved_model(model, "saved_model.pb").meta_graphs
    return dict(meta_graph.signature_def)


@pytest.fixture(params=[True, False], ids=["resource variables", "ref variables"])
def resource(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_its_signature_is_equalled(tmp_path: Path, resource: bool) -> None:
    wanted = simple_save(tmp_path / "wanted", resource=resource)
    source = simple_save(tmp_path / "source", resource=resource, inputs="anything", outputs="else")
    by_tensors = {DEFAULT: {"kind": "tensors", "inputs": {"image": "x:0"}, "outputs": {"scores": "y:0"}}}
    by_names = {
        DEFAULT: {"kind": "alias", "of": DEFAULT, "inputs": {"image": "anything"}, "outputs": {"scores": "else"}}
    }
    for name, plan in (("tensors", by_tensors), ("names", by_names)):
        assert export(source, tmp_path / name, plan=plan).builder == "rewrite"
        assert signatures(tmp_path / name) == signatures(wanted)
        same(answers(tmp_path / name, DEFAULT, {"image": IMAGES}), WANTED)


def test_an_export_that_it_made_gets_another_key_and_other_names(tmp_path: Path, resource: bool) -> None:
    source = simple_save(tmp_path / "source", resource=resource)
    alias = {"kind": "alias", "of": DEFAULT, "inputs": {"pixels": "image"}, "outputs": {"logits": "scores"}}
    export(source, tmp_path / "out", plan={"keep": "all", "signatures": {"predict_images": alias}})
    same(answers(tmp_path / "out", DEFAULT, {"image": IMAGES}), WANTED)
    same(answers(tmp_path / "out", "predict_images", {"pixels": IMAGES}), {"logits": WANTED["scores"]})


def test_ref_variables_are_judged(tmp_path: Path, resource: bool) -> None:
    """TF2 runs such a model and cannot train it: a warning, which blocks no one from serving it."""
    source = simple_save(tmp_path / "source", resource=resource)
    report = validate(source, select=["SM111", "SM201", "SM202", "SM203", "SM204"])
    (judged, *loaded) = report.checks
    assert (judged.code, judged.severity) == ("SM111", Severity.WARNING)
    assert judged.verdict is (CheckVerdict.PASS if resource else CheckVerdict.FAIL)
    assert [finding.found for finding in judged.findings] == ([] if resource else ["w"])
    assert [check.verdict for check in loaded] == [CheckVerdict.PASS] * 4
    assert report.verdict is Verdict.BLESSED
    # What the check says is so: TF2 finds no variable that it could train.
    assert bool(tf.saved_model.load(str(source)).variables) is resource
