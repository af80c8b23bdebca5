"""The Builder with `predict_images`, the tag serve and an init op (Alibaba PAI, "manually export it")."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.workflows.loaders import answers, same
from tfx_savedmodel.operations.export import export
from tfx_savedmodel.saved_model.reader import read_saved_model

pytestmark = pytest.mark.tf

IMAGES = np.random.default_rng(2).random((3, 4), np.float32)
WEIGHTS = np.random.default_rng(3).random((4, 3), np.float32)
LABELS = ["cat", "dog", "emu"]


def build(directory: Path, init_op: str, key: str = "predict_images") -> Path:
    """Save a graph with a table of labels, which the init op fills, as main_op or as legacy_init_op."""
    v1, folder = tf.compat.v1, directory.with_name(f"{directory.name}-labels")
    folder.mkdir(parents=True)
    (folder / "labels.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    with tf.Graph().as_default() as graph, v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        weights = v1.get_variable("w", initializer=tf.constant(WEIGHTS), use_resource=True)
        y = tf.matmul(x, weights, name="y")
        table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                str(folder / "labels.txt"),
                *(tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
                *(tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
            ),
            "?",
        )
        label = tf.identity(table.lookup(tf.argmax(y, 1)), name="label")
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        builder = v1.saved_model.Builder(str(directory))
        signature = v1.saved_model.build_signature_def(
            inputs={"images": v1.saved_model.build_tensor_info(x)},
            outputs={"scores": v1.saved_model.build_tensor_info(y), "labels": v1.saved_model.build_tensor_info(label)},
            method_name=v1.saved_model.signature_constants.PREDICT_METHOD_NAME,
        )
        op = tf.group(v1.tables_initializer(), name="legacy_init_op")
        if init_op == "legacy_init_op":
            graph.add_to_collection("legacy_init_op", op)
        builder.add_meta_graph_and_variables(
            session,
            [v1.saved_model.tag_constants.SERVING],
            signature_def_map={key: signature},
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            main_op=op if init_op == "main_op" else None,
        )
        builder.save()
    return directory


@pytest.fixture(params=["main_op", "legacy_init_op"])
def init_op(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def wanted() -> dict[str, Any]:
    scores = IMAGES @ WEIGHTS
    return {"scores": scores, "labels": np.array([LABELS[best].encode() for best in scores.argmax(1)], object)}


def test_the_documents_export_is_equalled(tmp_path: Path, init_op: str) -> None:
    """From a model with another key and no `images`, the planned one is the document's, to the tensor."""
    reference = build(tmp_path / "reference", init_op)
    source = build(tmp_path / "source", init_op, key="mine")
    tensors = {"inputs": {"images": "x:0"}, "outputs": {"scores": "y:0", "labels": "label:0"}}
    result = export(source, tmp_path / "out", plan={"predict_images": {"kind": "tensors", **tensors}})
    assert result.builder == "rewrite"
    views = [read_saved_model(model).meta_graphs[0] for model in (reference, tmp_path / "out")]
    assert views[0].signatures == views[1].signatures and views[1].tags == ("serve",)
    assert views[0].init_ops == views[1].init_ops == ("legacy_init_op",)
    same(answers(tmp_path / "out", "predict_images", {"images": IMAGES}), wanted())


def test_kept_beside_another_name_and_as_text(tmp_path: Path, init_op: str) -> None:
    source = build(tmp_path / "source", init_op)
    as_text(source)
    alias = {"kind": "alias", "of": "predict_images", "inputs": {"pixels": "images"}, "outputs": {"labels": "labels"}}
    export(source, tmp_path / "out", plan={"keep": "all", "signatures": {"serving_default": alias}})
    assert (tmp_path / "out" / "saved_model.pbtxt").exists()
    same(answers(tmp_path / "out", "predict_images", {"images": IMAGES}), wanted())
    same(answers(tmp_path / "out", "serving_default", {"pixels": IMAGES}), {"labels": wanted()["labels"]})


def as_text(model: Path) -> None:
    from google.protobuf import text_format

    from tfx_savedmodel.saved_model.parse import parse_saved_model

    proto = parse_saved_model(model, "saved_model.pb")
    (model / "saved_model.pbtxt").write_text(text_format.MessageToString(proto), encoding="utf-8")
    (model / "saved_model.pb").unlink()
